"""Engines of these tests look at real files with the real code, in this process.

What a process of its own adds is tested with the decoder itself (`tests/faults/test_decoder.py`); servers have one.
"""

from __future__ import annotations

import anyio.to_thread
import pytest

from fermata_mcp.engine import lifespan
from fermata_mcp.media.decoding import process
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.decoding.messages import (
    Answer,
    Broken,
    Request,
    answer_line,
    answer_of,
    request_line,
    request_of,
)


class InThisProcess(Decoder):
    """See `Decoder`. Questions and answers are written and read as they are between processes."""

    async def _answer(self, request: Request) -> Answer | Broken:
        asked = request_of(request_line(request))
        told = await anyio.to_thread.run_sync(process._answered, asked)  # pyright: ignore[reportPrivateUsage]
        return answer_of(answer_line(told))

    async def warm(self) -> None:
        return


@pytest.fixture(autouse=True)
def decoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifespan, "Decoder", InThisProcess)
