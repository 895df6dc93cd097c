"""What may be written about a step, its attempt and its task: guarded, all of it or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from .credits import Entry, Period, Unit
from .errors import OverBudget
from .task import AttemptState, Audio, Clip, Failure, SourceFacts, StepState, TaskStatus, Work


class StepPatch(TypedDict, total=False):
    """Columns of a step that a change sets."""

    state: StepState
    work: Work
    due_at: int | None
    remote_id: str | None
    attempt_id: str | None
    submitted_at: int
    made_at: int | None
    polls: int
    error_streak: int
    clips: tuple[Clip, ...]
    error: Failure | None


class AttemptPatch(TypedDict, total=False):
    state: AttemptState
    remote_id: str | None
    ended_at: int
    error: Failure | None


class TaskPatch(TypedDict, total=False):
    status: TaskStatus
    fraction: float | None
    message: str
    audio: Audio | None
    error: Failure | None
    warnings: tuple[str, ...]
    source: SourceFacts
    cancel_at: int
    finished_at: int


@dataclass(frozen=True)
class NewStep:
    """`render`: it keeps a processor of ours busy, and so waits for one."""

    id: str
    seq: int
    work: Work
    render: bool = False


@dataclass(frozen=True)
class Cap:
    """What holds and charges of a day or month (UTC) may come to, of those in its unit.

    Attributes:
        most: Parts of the unit.
        principal: Whose; None for all of them together.
    """

    period: Period
    most: int
    principal: str | None = None
    unit: Unit = "credits"

    def exceeded(self) -> OverBudget:
        until = "tomorrow" if self.period == "day" else "next month"
        called = "credits" if self.unit == "credits" else "dollars"
        this = f"today's {called}" if self.period == "day" else f"this month's {called}"
        if self.principal is not None:
            return OverBudget(
                f"your share of {this} is used up.", f"ask the operator for more, or wait for {until} (UTC)."
            )
        setting = f"FERMATA_MAX_{self.unit.upper()}_PER_DAY"
        return OverBudget(f"{this} are used up.", f"raise {setting}, or wait for {until} (UTC).")


@dataclass(frozen=True)
class Change:
    """One guarded transaction about one step: all of it is committed, or none.

    Attributes:
        allowed: The step must be in one of these states, else nothing happens.
        fence: The claim the decision rests on. None for a learned fact, which is true whoever holds the claim.
        about: The attempt that was learned of; nothing happens where the step is at another one by now.
        new_attempt: Id of an attempt to record as `intent` before anything is sent.
        attempt: What to set on the step's current attempt.
        entries: Ledger lines of the current (or new) attempt.
        caps: What the entries must stay within; else nothing happens.
        next_step: A further step of the same task.
    """

    step_id: str
    allowed: frozenset[StepState]
    fence: int | None
    step: StepPatch
    about: str | None = None
    new_attempt: str | None = None
    attempt: AttemptPatch | None = None
    entries: tuple[Entry, ...] = ()
    caps: tuple[Cap, ...] = ()
    next_step: NewStep | None = None
    task: TaskPatch | None = None

    @property
    def must_last(self) -> bool:
        """Whether a power cut may not take it back: when to look again, and how far work has got, it may."""
        beside = set(self.step) - {"due_at", "polls", "error_streak"} or set(self.task or {}) - {"fraction", "message"}
        return bool(beside or self.new_attempt or self.attempt or self.entries or self.next_step)
