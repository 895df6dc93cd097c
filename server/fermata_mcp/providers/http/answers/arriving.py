"""Answers that are audio, or hold some: they go to disk while they come, bounded, and are taken apart there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread

from fermata_mcp.media.atomic import told_in_words

from .reply import TooBig
from .unpacking import Unpacked, unpacked

# Ten minutes of 48 kHz stereo float32 as base64, and room.
MAX_BYTES = 512 * 1024 * 1024


@dataclass
class Arrival:
    """One answer on its way into `folder`. What came of it before it broke off stays there.

    Attributes:
        name: Of the file, without its ending; an answer under the same name replaces it.
        size: Bytes that have come.
    """

    folder: Path
    name: str
    size: int = 0

    @property
    def part(self) -> Path:
        return self.folder / f"{self.name}.part"

    async def take(self, pieces: AsyncIterator[bytes]) -> None:
        """Write it down until its end.

        Raises:
            StoreUnavailable: The folder cannot be written, or is full.
            TooBig: It is larger than any real one.
        """
        file = await anyio.to_thread.run_sync(self._begin)
        try:
            async for piece in pieces:
                self.size += len(piece)
                if self.size > MAX_BYTES:
                    raise TooBig
                await anyio.to_thread.run_sync(self._write, file, piece)
            await anyio.to_thread.run_sync(self._end, file)
        finally:
            with suppress(OSError):
                file.close()

    async def unpack(self, content_type: str) -> Unpacked:
        """What is in it. Where that is audio, the rest of it is not kept. Raises StoreUnavailable, or TooBig."""
        found = await anyio.to_thread.run_sync(self._unpacked, content_type)
        if found.file is not None:
            await anyio.to_thread.run_sync(self.discard)
        return found

    def discard(self) -> None:
        with suppress(OSError):
            self.part.unlink()

    def said(self) -> str:
        """What is left of an answer that broke off; empty where nothing is."""
        return f"; the {self.size} bytes of it that came are kept in {self.part}" if self.size else ""

    def _begin(self) -> BinaryIO:
        with told_in_words(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self.part.open("wb")

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        with told_in_words(self.folder):
            file.write(piece)

    def _end(self, file: BinaryIO) -> None:
        """What it holds may be paid for, so that it must outlast a power cut."""
        with told_in_words(self.folder):
            file.flush()
            os.fsync(file.fileno())

    def _unpacked(self, content_type: str) -> Unpacked:
        with told_in_words(self.folder):
            return unpacked(self.part, self.folder / self.name, content_type)
