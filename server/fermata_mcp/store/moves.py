"""What holds for a change in whichever database it is carried out."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.change import Change, TaskPatch
from fermata_mcp.domain.task import STEP_MOVES


def not_opened_again(status: str, patch: TaskPatch) -> dict[str, Any]:
    """A task that a person cancelled stays so, also where its provider took the request on at the same moment."""
    if status == "cancelled" and patch.get("status") == "running":
        return {name: value for name, value in patch.items() if name not in ("status", "error", "message")}
    return dict(patch)


def check_move(state: Any, change: Change) -> None:
    """Raises AssertionError where a step would go on to a state that does not follow its own."""
    after = change.step.get("state", state)
    if after != state and after not in STEP_MOVES[state]:
        raise AssertionError(f"illegal move of a step: {state} to {after}")
