"""Python loads this in every process that the tests start: a worker whose source is called so stands still half way.

Whoever tests what happens *during* local work needs work that cannot be over before, however fast it is made and
however slow the machine. The worker is the real one; it stops between two blocks of audio, hears signals and the end of
its input as ever, and goes on once a file lies beside its source.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fermata_mcp.rearrange.job import Job, Result

WORKER, HELD, LET_GO = "fermata_mcp.providers.local.worker", "held", ".go"


def hold() -> None:
    from fermata_mcp.rearrange import lengthen as room

    really = room.lengthen

    def lengthen(job: Job, progress: Callable[[float, str], None]) -> Result:
        def tell(share: float, message: str) -> None:
            progress(share, message)
            while message == "writing" and _is_held(job) and not job.source.with_suffix(LET_GO).exists():
                time.sleep(0.01)

        return really(job, tell)

    room.lengthen = lengthen


def _is_held(job: Job) -> bool:
    parts = (part for part in job.target.parent.iterdir() if part.name.startswith(".fermata-"))
    return job.source.stem == HELD and any(part.stat().st_size for part in parts)


if WORKER in sys.orig_argv:
    hold()
