"""The protocol of a step as pure functions: what was learned, in; one guarded change, out.

queued ──begin──▶ submitting ──accepted──▶ waiting ──finished──▶ succeeded (its missing audio is fetched for a day)
                      ├─made─────▶ waiting (its audio is here)
                      ├─refused──▶ failed    ├─failed──▶ failed
                      ├─put_back─▶ queued    ├─put_back─▶ queued (free work that was lost)
                      │                      ├─expired──▶ expired ──resumed──▶ waiting
                      │                      └─cancelled▶ cancelled (as from queued)
                      └─unclear──▶ unknown ──ask_person─▶ needs_user ──resubmit──▶ queued (a person's word)
                                                              └──given_up──▶ abandoned
"""

from __future__ import annotations

from dataclasses import replace

from fermata_mcp.domain.change import Cap, Change, NewStep, StepPatch, TaskPatch
from fermata_mcp.domain.credits import Entry
from fermata_mcp.domain.errors import FermataError, OutcomeUnknown
from fermata_mcp.domain.lease import submit_lease_ms
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Audio, Clip, Failure, SourceFacts, Step, StepState, Task, TaskStatus, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.store.base import POLL_LEASE_MS

from .money import disputed, money_of_success, released

EVIDENCE, LATER = " Evidence, not proof: ", " Later: "
INTERRUPTED = "the program was interrupted while it waited for the answer"
_OPEN: frozenset[StepState] = frozenset({"submitting", "unknown", "needs_user"})


def begin(step: Step, attempt_id: str, spec: ProviderSpec, hold: int, caps: tuple[Cap, ...], now: int) -> Change:
    """Record the intent to submit. Only after this is committed may a byte leave."""
    lease = POLL_LEASE_MS if spec.here else submit_lease_ms(spec.answer_seconds)
    return Change(
        step.id,
        frozenset({"queued"}),
        step.fence,
        {"state": "submitting", "due_at": now + lease, "submitted_at": now, "remote_id": None},
        new_attempt=attempt_id,
        entries=(Entry("hold", hold),) if hold else (),
        caps=caps,
        task={"status": "running", "message": "starting"},
    )


def accepted(step: Step, remote_id: str, due_at: int, now: int) -> Change:
    """A learned id is a fact: it is recorded whoever holds the claim by now."""
    return Change(
        step.id,
        _OPEN,
        None,
        {"state": "waiting", "remote_id": remote_id, "due_at": due_at, "error": None},
        about=step.attempt_id,
        attempt={"state": "accepted", "remote_id": remote_id, "ended_at": now},
        task={"status": "running", "error": None, "message": "being made"},
    )


def made(step: Step, remote_id: str, clips: tuple[Clip, ...], now: int) -> Change:
    """Accepted, and its audio came with the answer: both are recorded at once, so that neither is without the other."""
    change = accepted(step, remote_id, now, now)
    return replace(
        change,
        step=change.step | {"clips": clips, "made_at": now},
        task={"status": "running", "error": None, "message": "finished; saving its audio"},
    )


def put_back(step: Step, due_at: int, now: int, hold: int) -> Change:
    """Nothing was taken on, so the same request may be sent later: the attempt is void and its hold released."""
    return Change(
        step.id,
        frozenset({"submitting", "waiting", "unknown"}),
        None,
        {"state": "queued", "due_at": due_at, "remote_id": None},
        about=step.attempt_id,
        attempt={"state": "void", "ended_at": now},
        entries=released(hold, "nothing was taken on"),
        task={"status": "queued", "message": "waiting to be sent"},
    )


def put_off(step: Step, due_at: int, *, failed: bool) -> Change:
    """Not yet: the account's turn has not come, or a preparation failed for now."""
    streak = step.error_streak + 1 if failed else step.error_streak
    patch: StepPatch = {"due_at": due_at, "error_streak": streak}
    return Change(step.id, frozenset({"queued"}), step.fence, patch)


def prepared(step: Step, work: Work, source: SourceFacts | None = None) -> Change:
    """What is to be sent is known in full; with `source`, what was learned of the source on the way."""
    patch: TaskPatch = {} if source is None else {"source": source}
    return Change(step.id, frozenset({"queued"}), step.fence, {"work": work, "error_streak": 0}, task=patch)


def fetching_source(step: Step) -> Change:
    return Change(step.id, frozenset({"queued"}), step.fence, {}, task={"message": "fetching the source"})


def refused(step: Step, error: FermataError, now: int, hold: int, end: TaskPatch | None = None) -> Change:
    return Change(
        step.id,
        frozenset({"submitting"}),
        None,
        {"state": "failed", "due_at": None, "error": Failure.of(error)},
        about=step.attempt_id,
        attempt={"state": "refused", "ended_at": now, "error": Failure.of(error)},
        entries=released(hold, "refused"),
        task=end or ended("failed", now, error=error),
    )


def unclear(step: Step, evidence: str, now: int) -> Change:
    """The answer was lost: money may be spent, so the program never sends this again."""
    return Change(
        step.id,
        frozenset({"submitting"}),
        None,
        {"state": "unknown", "due_at": now},
        about=step.attempt_id,
        attempt={"state": "unknown", "ended_at": now},
        task=_unknown(Failure.of(_lost(evidence))),
    )


def unknown_resolved(step: Step, task: Task, spec: ProviderSpec, now: int, told: str | None) -> Change:
    """What becomes of a step whose submit was cut off: repeatable work is done again, paid work needs a person."""
    if spec.submit == "repeatable":
        return put_back(step, now, now, task.held)
    return ask_person(step, task, told)


def ask_person(step: Step, task: Task, told: str | None) -> Change:
    """No evidence settles it: only `resolve_task` goes on from here. `told` is what the balance seems to say."""
    known = task.error is not None and task.error.code == OutcomeUnknown.code
    error = task.error if known else Failure.of(_lost(INTERRUPTED))
    return Change(
        step.id,
        frozenset({"unknown"}),
        step.fence,
        {"state": "needs_user", "due_at": None},
        attempt={"state": "unknown"},
        task=_unknown(_with_evidence(error, told)),
    )


def looked_again(step: Step, task: Task, told: str | None) -> Change:
    """A person asked for evidence once more: what was found at first stays beside it."""
    return Change(step.id, frozenset({"needs_user"}), None, {}, task={"error": _with_evidence(task.error, told)})


def _with_evidence(error: Failure | None, told: str | None) -> Failure | None:
    if error is None or told is None:
        return error
    said = error.message.partition(LATER)[0]
    return error.model_copy(update={"message": said + (LATER if EVIDENCE in said else EVIDENCE) + told})


def resubmit(step: Step, now: int, hold: int) -> Change:
    """A person's word: send again. What the lost request may have cost stays visible."""
    return Change(
        step.id,
        frozenset({"unknown", "needs_user"}),
        None,
        {"state": "queued", "due_at": now, "remote_id": None, "error": None},
        attempt={"state": "void", "ended_at": now},
        entries=disputed(hold, "sent again on a person's word"),
        task={"status": "queued", "error": None, "message": "waiting to be sent again"},
    )


def _unknown(error: Failure | None) -> TaskPatch:
    return {"status": "unknown", "error": error, "message": "outcome unknown"}


def _lost(evidence: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer to the paid request was lost ({evidence}); it may have been charged.")


def still_running(step: Step, task: Task, snapshot: Snapshot, due_at: int) -> Change:
    """The task is written where a look found anything new; most find nothing."""
    fraction = task.fraction if snapshot.fraction is None else snapshot.fraction
    news = (snapshot.message, fraction) != (task.message, task.fraction)
    patch: TaskPatch = {"message": snapshot.message, "fraction": fraction}
    return Change(
        step.id,
        frozenset({"waiting"}),
        step.fence,
        {"due_at": due_at, "polls": step.polls + 1, "error_streak": 0},
        task=patch if news else None,
    )


def poll_again(step: Step, due_at: int) -> Change:
    return Change(step.id, frozenset({"waiting"}), step.fence, {"due_at": due_at})


def expired(step: Step, message: str) -> Change:
    """It takes longer than anything did: paid work is not given up, but nobody asks for it until somebody wants it."""
    return Change(
        step.id, frozenset({"waiting"}), step.fence, {"state": "expired", "due_at": None}, task={"message": message}
    )


def resumed(step: Step, now: int) -> Change:
    return Change(
        step.id, frozenset({"expired"}), None, {"state": "waiting", "due_at": now, "polls": 0, "error_streak": 0}
    )


def poll_failed(step: Step, due_at: int) -> Change:
    patch: StepPatch = {"due_at": due_at, "polls": step.polls + 1, "error_streak": step.error_streak + 1}
    return Change(step.id, frozenset({"waiting"}), step.fence, patch)


def fetching(step: Step, task: Task, clips: tuple[Clip, ...], now: int, due_at: int) -> Change:
    """The provider is finished, but not all of its audio is here: what is known is kept, and it is asked again."""
    patch: StepPatch = {
        "due_at": due_at, "clips": clips, "made_at": step.made_at or now, "polls": step.polls + 1,
        "error_streak": step.error_streak + 1,
    }  # fmt: skip
    told: TaskPatch = {} if task.finished else {"message": "finished; fetching its audio"}
    return Change(step.id, frozenset({"waiting"}), step.fence, patch, task=told)


def finished(
    step: Step, clips: tuple[Clip, ...], task: TaskPatch, hold: int, next_step: NewStep | None = None,
    *, cost: int | None = None, fetch_at: int | None = None,
) -> Change:  # fmt: skip
    """The step has delivered.

    Args:
        cost: Parts of the task's unit that the provider says it took, where it says so.
        fetch_at: When to ask again for audio that is still missing.
    """
    return Change(
        step.id,
        frozenset({"waiting", "expired"}),
        None,
        {"state": "succeeded", "due_at": fetch_at, "clips": clips, "error": None},
        entries=money_of_success(hold, cost),
        task=task,
        next_step=next_step,
    )


def fetched(step: Step, clips: tuple[Clip, ...], task: TaskPatch, due_at: int | None) -> Change:
    """What became of asking once more for the audio of a step that is over."""
    patch: StepPatch = {
        "clips": clips, "due_at": due_at, "polls": step.polls + 1, "error_streak": step.error_streak + 1,
    }  # fmt: skip
    return Change(step.id, frozenset({"succeeded"}), step.fence, patch, task=task)


def fetch_now(step: Step, now: int) -> Change:
    return Change(step.id, frozenset({"succeeded"}), None, {"due_at": now})


def failed(step: Step, error: FermataError, now: int, money: tuple[Entry, ...], end: TaskPatch | None = None) -> Change:
    return Change(
        step.id,
        frozenset({"queued", "waiting", "expired"}),
        None,
        {"state": "failed", "due_at": None, "error": Failure.of(error)},
        entries=money,
        task=end or ended("failed", now, error=error),
    )


def cancelled(step: Step, now: int, money: tuple[Entry, ...] = (), end: TaskPatch | None = None) -> Change:
    return Change(
        step.id,
        frozenset({step.state}),
        None,
        {"state": "cancelled", "due_at": None},
        entries=money,
        task=end or ended("cancelled", now),
    )


def no_further(step: Step, task: Task, now: int) -> Change:
    """Paid work cannot be called back: no later step is sent, and what this one delivers is still saved."""
    told = (*task.warnings, "The running step was already taken on and may be charged; its audio is saved if it comes.")
    patch = ended("cancelled", now) | {"cancel_at": now, "warnings": told}
    again: StepPatch = resumed(step, now).step if step.state == "expired" else {}
    return Change(step.id, frozenset({step.state}), None, again, task=patch)


def given_up(step: Step, now: int, hold: int) -> Change:
    """A person ended an unknown outcome: the money stays visible as disputed."""
    error = OutcomeUnknown("given up while its outcome was unknown; it may have been charged.", "check the balance.")
    return Change(
        step.id,
        frozenset({"unknown", "needs_user"}),
        None,
        {"state": "abandoned", "due_at": None, "error": Failure.of(error)},
        entries=disputed(hold, "given up"),
        task=ended("failed", now, error=error),
    )


def ended(status: TaskStatus, now: int, *, audio: Audio | None = None, error: FermataError | None = None) -> TaskPatch:
    """How a task looks once it is over."""
    patch: TaskPatch = {"status": status, "finished_at": now, "message": status}
    if audio is not None:
        patch |= {"audio": audio, "fraction": 1.0}
    if error is not None and status != "cancelled":
        patch["error"] = Failure.of(error)
    return patch


def asked_to_cancel(step: Step, now: int) -> Change:
    """Note the wish on the task and have its process look at the step now."""
    patch: StepPatch = {"due_at": now} if step.state == "waiting" else {}
    return Change(step.id, frozenset({step.state}), None, patch, task={"cancel_at": now})
