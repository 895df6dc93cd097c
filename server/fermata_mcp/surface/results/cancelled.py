"""What became of several tasks that were cancelled in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.task import Task

from .history import ShortTask, short
from .view import View

# Rows cost tokens each; the others are counted.
MOST_SHOWN = 20


class Cancelled(View):
    """`tasks` are the first `MOST_SHOWN`; `refused` says of each that could not be cancelled why."""

    summary: str
    tasks: list[ShortTask]
    counts: dict[str, int]
    refused: dict[str, str]
    warnings: list[str]
    next: str


def cancelled(tasks: Sequence[Task], refused: Mapping[str, str], *, more: bool) -> Cancelled:
    """
    Args:
        refused: Why each of these was left as it is.
        more: Whether there are others that were meant too.
    """
    counts = Counter(task.status for task in tasks)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    charged = sum(task.cancel_at is not None and task.held > 0 for task in tasks)
    taken_on = (
        f"{counted(charged, 'task', 'was', 'were')} taken on already and may be charged; audio that comes is saved."
    )
    warnings = [taken_on] if charged else []
    warnings += [f"{task_id}: {why}" for task_id, why in list(refused.items())[:MOST_SHOWN]]
    return Cancelled(
        summary=f"Cancelling {counted(len(tasks), 'task')}: {told}." if tasks else "There is no task to cancel.",
        tasks=[short(task) for task in tasks[:MOST_SHOWN]],
        counts=dict(counts),
        refused=dict(refused),
        warnings=warnings,
        next="Call cancel_task again for the rest." if more else "Call list_tasks to see how they stand.",
    )


def cancelled_text(view: Cancelled) -> str:
    rows = [f"{task.task_id} {task.status}" for task in view.tasks]
    hidden = sum(view.counts.values()) - len(rows)
    lines = [view.summary, *rows, f"and {hidden} more" if hidden else "", *view.warnings, f"Next: {view.next}"]
    return "\n".join(line for line in lines if line)
