"""Damaged audio by the thousand through every function that touches foreign bytes.

    python -m chaos.mutants [how many] [first seed]

in `tests/`. Prints counts; ends with 1 where there was an outcome that there must not be.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import anyio

from fermata_mcp.media.decoding.client import Decoder
from support.looks import Tally, look_at_mutants

_PORTION = 500


async def run(count: int, first: int) -> int:
    tally, begun = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for start in range(first, first + count, _PORTION):
            decoder = Decoder(Path(folder) / "data")
            try:
                seeds = range(start, min(start + _PORTION, first + count))
                await look_at_mutants(decoder, Path(folder), seeds, tally)
            finally:
                await decoder.aclose()
            print(f"{tally.files} files: {tally.read} read, {len(tally.killers)} killers", flush=True)
    print(f"{tally.files} files in {time.monotonic() - begun:.0f} s")
    print(f"read {tally.read}, refused {dict(tally.refused)}")
    print(f"ended or held up the decoder: {len(tally.killers)} {tally.killers[:20]}")
    print(f"odd: {len(tally.odd)} {tally.odd[:20]}")
    return 1 if tally.odd else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(anyio.run(run, given[0] if given else 20_000, given[1] if len(given) > 1 else 0))
