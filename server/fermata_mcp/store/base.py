"""What the engine needs of a database: whole transactions, nothing in between.

Times are Unix milliseconds, given by the caller. Every method is one transaction; a method that is
cancelled has either happened or not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from fermata_mcp.domain.change import Change, NewStep
from fermata_mcp.domain.credits import BalanceReading, Dispute, Unit
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.lease import SUBMIT_LEASE_MS as SUBMIT_LEASE_MS
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Attempt, Step, Task, TaskStatus

from .news import NewsBook
from .objects import Objects
from .operating import Counts, Mishaps, Owners, Traces
from .tokens import Tokens

# A claim is a lease. That of a paid submit is longer than any deadline; a look at a running task takes seconds.
POLL_LEASE_MS = 30_000
# Other processes leave a step to the one whose client waits for it, unless it is this late.
GRACE_MS = 10_000
# A row written this much later than it is now was written before the clock was set back.
CLOCK_SLACK_MS = 1_000
# Nothing is put off for longer; what cannot be read is tried again after it, and by every program that starts.
LONGEST_WAIT_MS = 86_400_000
REPLAY_WINDOW_MS = 600_000
SECRET_BYTES = 32
# A queue of more is as good as without end.
MOST_COUNTED = 10_000


# How an earlier task was found to be what a call asks for: by its key, or because the request is the same.
Replayed = Literal["key", "request"] | None


@dataclass(frozen=True)
class Created:
    """A stored task, and whether it is an earlier one: found by its key or by an identical request."""

    task: Task
    replayed: Replayed


@dataclass(frozen=True)
class Place:
    """The turn of a queued step, from 1, if everybody goes on taking turns, and how many wait in all.

    What waits for the same are the renders, or the submits of one account. `MOST_COUNTED` of each principal count.
    """

    turn: int
    waiting: int


@dataclass(frozen=True)
class Page:
    """Some tasks; `unreadable` are the ids of those that belong among them but cannot be shown."""

    tasks: tuple[Task, ...]
    next_cursor: str | None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Elsewhere:
    """What another process has written.

    Attributes:
        tasks: The tasks that look otherwise now; None where any may.
        work: Whether something may have fallen due for this process.
    """

    tasks: frozenset[str] | None
    work: bool


class KeyReused(Exception):
    """The idempotency key belongs to a different request."""


class NameTaken(Exception):
    """Another task that goes on, or that ended since this one was thought of, saves under the name that was asked for.

    Its text is the id of that task.
    """


class AlreadyKnown(StoreUnavailable):
    """The change would record what belongs to another row: a provider's id, or a second live attempt."""


class Unreadable(StoreUnavailable):
    """What is stored of one task cannot be read: it was damaged, or written by another version. Others are not touched.

    Args:
        task_id: The task.
        what: Which part of it, and why, in words.
    """

    def __init__(self, task_id: str, what: str) -> None:
        super().__init__(
            f"the record of {task_id} cannot be read ({what}); it is kept as it is.",
            "go on with other tasks; if a newer Fermata wrote it, that one reads it.",
        )
        self.task_id = task_id


class Store(NewsBook, Counts, Mishaps, Owners, Traces, Tokens, Protocol):
    @property
    def objects(self) -> Objects:
        """What is kept of audio that lies where all replicas find it."""
        ...

    async def open(self) -> None:
        """Make it ready; safe to call again. Raises StoreUnavailable, and may succeed later."""
        ...

    async def close(self) -> None: ...

    def time(self, here: int) -> int:
        """What the clock shows that all on this store go by, when this machine's shows `here`. Unix milliseconds."""
        ...

    async def shared_secret(self) -> bytes:
        """32 random bytes that every program on this store is told alike; made when they are first asked for."""
        ...

    async def create(
        self, task: Task, step: NewStep, *, home: str, now: int, replay_finished: bool = True, claimed: bool = False
    ) -> Created:
        """Store a new task with its first step, already `claimed` or due now, or find the one that this call repeats.

        An identical request (same principal and hash) is a repetition while its task is unfinished, or for
        ten minutes after it succeeded unless `replay_finished` is false. A task that ended without success
        does not hold its key: the same key may start the same request anew.

        Raises:
            KeyReused: The idempotency key was used for another request.
            NameTaken: The caller wants a name that another task saves under.
            Unreadable: What this call repeats cannot be read, so nobody knows whether it was paid.
        """
        ...

    async def get(self, task_id: str, *, principal: str | None = None) -> Task | None:
        """The task if it exists and belongs to `principal`; None asks for the program itself, whoever owns it.

        Raises:
            Unreadable: It exists, but cannot be read.
        """
        ...

    async def get_all(self, task_ids: Collection[str]) -> Mapping[str, Task]:
        """Those of these tasks that exist and can be read, whoever owns them, by one look."""
        ...

    async def owner(self, task_id: str) -> str | None:
        """The principal that a task belongs to, if it exists."""
        ...

    async def page(
        self, *, principal: str, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None
    ) -> Page:
        """Tasks, newest first, without their steps."""
        ...

    async def ids_like(self, prefix: str, *, principal: str, limit: int) -> list[str]:
        """Ids that start with `prefix`, newest first."""
        ...

    async def claim(
        self, *, home: str, now: int, limit: int, renders: int | None = None, tasks: Collection[str] | None = None
    ) -> list[Step]:
        """Take due steps: looks by their time, what is queued by turns, one principal after another.

        A claimed `submitting` step was cut off mid-way and comes back as `unknown`.

        A step that cannot be read is put out of the way and named in the log. Where the clock was set back since a row
        was written, the row waits as long as it should from now on.

        Args:
            renders: How many renders there is room for; None for any number.
            tasks: Take steps of these tasks alone; None for any.
        """
        ...

    async def place(self, step_id: str, *, now: int) -> Place | None:
        """Where a queued step that nobody has taken yet stands among those that wait for the same; None for others."""
        ...

    async def apply(self, change: Change, *, now: int) -> bool:
        """Carry out a guarded change; False if its guard did not hold and nothing happened.

        A task that a person cancelled is not opened again by it, whatever became of the request meanwhile.

        Raises:
            AlreadyKnown: A provider's id or a live attempt is recorded elsewhere already.
            OverBudget: One of the change's `caps` would be exceeded.
        """
        ...

    async def attempts(self, step_id: str) -> list[Attempt]:
        """Every submit of a step that can be read, oldest first."""
        ...

    async def release(self, home: str, *, now: int, interrupted: Sequence[str] = ()) -> None:
        """Leave this process's steps to whoever comes next, at once.

        Args:
            interrupted: Steps whose handling was cut off; those still queued have sent nothing and are due again.
        """
        ...

    async def make_due(self, step_id: str, *, now: int) -> None:
        """Make a waiting step due now: something is known to have changed."""
        ...

    async def elsewhere(self) -> Elsewhere:
        """Wait until another process has written; at once the first time, since nobody knows what was written before.

        Raises:
            StoreUnavailable: Nothing can be heard now.
        """
        ...

    @property
    def tells_unasked(self) -> bool:
        """Whether `elsewhere` costs nothing while nothing happens, so that it may always be waited for."""
        ...

    async def find_clip(self, provider: str, provider_clip_id: str, *, principal: str) -> tuple[str, int] | None:
        """The task that made a provider's clip, and the clip's place in it."""
        ...

    async def whose(
        self, ids: Collection[str], *, providers: Collection[str], accounts: Collection[str]
    ) -> set[tuple[str, str]]:
        """Those of these ids that name a clip of these providers or a work of these accounts, with their principals."""
        ...

    async def durations(self, provider: str, model: str | None) -> list[float]:
        """How many seconds the last finished submits of a provider and model took, newest first, at most 64."""
        ...

    async def take_turn(self, account_id: str, rate: Rate, *, urgent: bool, now: int) -> int:
        """Milliseconds to wait until this account may make its next request; 0 takes the turn.

        All processes on this store share it. A fifth of the rate is kept for urgent requests (submits).
        """
        ...

    async def spent(self, *, principal: str | None, since: int, unit: Unit) -> dict[str, int]:
        """Parts of a unit held or charged since a time, refunds taken off, by provider.

        Args:
            principal: None asks for all of them together.
        """
        ...

    async def see_balance(self, account_id: str, balance: int, unit: Unit, *, now: int) -> BalanceReading | None:
        """Remember what a provider says is left (parts); the sighting before it, and what happened since."""
        ...

    async def disputes(self, account_id: str, unit: Unit) -> list[Dispute]:
        """Submits of an account in this unit whose charge is disputed and not refunded, oldest first."""
        ...

    async def book_refunds(self, disputes: Sequence[Dispute], note: str, *, now: int) -> None:
        """Record that these were given back, each once whoever else records it too."""
        ...

    async def removable(self, *, principal: str, before: int, counted_since: int) -> tuple[list[str], int]:
        """Tasks that ended before a time and that nothing needs any more, oldest first; and how many are kept.

        Kept are those whose outcome is open or whose audio is still fetched, and those whose money is open, disputed,
        or was sent since `counted_since` or after the last sighting of its account's balance.
        """
        ...

    async def remove(self, task_ids: Sequence[str], *, principal: str, before: int, counted_since: int) -> list[str]:
        """Take these out for good, with their money; those that `removable` would not tell any more are left.

        Returns those that went.
        """
        ...

    async def lengths_added(self, provider: str, model: str | None) -> list[float]:
        """Seconds that the last finished extensions of a provider and model added, newest first, at most 64."""
        ...
