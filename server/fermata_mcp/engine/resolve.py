"""Unknown outcomes: evidence first, then a person. The program itself never sends again."""

from __future__ import annotations

from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Change, Step, Task

from . import moves


def settle_unknown(step: Step, task: Task, spec: ProviderSpec, now: int) -> Change:
    """What becomes of a step whose submit was cut off: repeatable work is done again, paid work needs a person."""
    if spec.submit == "repeatable":
        return moves.put_back(step, now, now, task.held)
    return moves.ask_person(step, task)
