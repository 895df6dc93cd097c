"""One line in the log for each decision that spends money or drops work, once it is written down.

Ids, codes and money only: no text of a provider, no address and no title, so that a log can be shown to others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.credits import Unit, amount_of, in_words
from fermata_mcp.domain.task import Failure

logger = logging.getLogger(__name__)
_ENDS = {
    "failed": "given up",
    "abandoned": "given up on a person's word",
    "cancelled": "stopped",
    "expired": "takes too long; it is asked for again when somebody wants it",
}


def log_decision(task_id: str, change: Change, unit: Unit) -> None:
    """Tell what a change that was carried out decides, if it decides anything."""
    parts = tuple(_parts(change, unit))
    if parts:
        level = logging.WARNING if _is_in_doubt(change) else logging.INFO
        logger.log(level, "task %s, step %s: %s", task_id, change.step_id, "; ".join(parts))


def _is_in_doubt(change: Change) -> bool:
    """Whether money may be gone for nothing."""
    attempt = change.attempt or {}
    return attempt.get("state") == "unknown" or any(entry.kind == "disputed" for entry in change.entries)


def _parts(change: Change, unit: Unit) -> Iterator[str]:
    yield from _of_attempt(change)
    yield from _of_step(change)
    yield from _of_task(change)
    for entry in change.entries:
        yield f"{in_words(amount_of(entry.amount, unit), unit)}: {entry.kind}"


def _of_attempt(change: Change) -> Iterator[str]:
    if change.new_attempt is not None:
        yield f"submit begun as {change.new_attempt}"
    match (change.attempt or {}).get("state"):
        case "accepted":
            yield "submit accepted"
        case "refused":
            yield "submit refused"
        case "void":
            yield "nothing is known to be taken on; it is sent anew"
        case "unknown":
            yield "outcome of the submit unknown; it is not sent again without a person's word"
        case _:
            pass


def _of_step(change: Change) -> Iterator[str]:
    state = change.step.get("state")
    if state in _ENDS:
        yield _ENDS[state] + _why(change.step.get("error"))


def _of_task(change: Change) -> Iterator[str]:
    if change.task and "cancel_at" in change.task:
        yield "its task is cancelled"


def _why(error: Failure | None) -> str:
    return f" ({error.code})" if error else ""
