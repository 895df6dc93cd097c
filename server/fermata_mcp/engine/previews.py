"""Compressed copies of audio that is too large for a message, kept in the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.facts import PreviewFacts


@dataclass(frozen=True)
class Previews:
    """Made by the decoder's process, in `folder`."""

    decoder: Decoder
    folder: Path

    async def of(self, path: Path, most: int) -> tuple[PreviewFacts, Path]:
        """A copy of the audio at `path` with at most `most` bytes: what there is to know about it, and where it is.

        Raises:
            NotAudio, TooLarge: It cannot be decoded here.
            StoreUnavailable: The copy cannot be kept.
        """
        facts = await self.decoder.preview(path, self.folder, most)
        return facts, self.folder / facts.name
