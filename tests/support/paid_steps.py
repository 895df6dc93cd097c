"""A machine that drives the protocol of paid steps through every order of events that it can think of.

Two processes share one real store. They claim, send, hear answers late or never, crash, leave, time passes by amounts
around the leases, and the clock that all rows are dated by is put forward and set back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import ContentRejected
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Attempt, Step, StepState, Task
from fermata_mcp.engine.audio.opening import library_of
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.hooks import HookAddresses, Hooks
from fermata_mcp.engine.operating import Operating
from fermata_mcp.engine.progress import Changes
from fermata_mcp.engine.runner import Runner
from fermata_mcp.engine.service import Service
from fermata_mcp.engine.shared import Engine
from fermata_mcp.engine.steps import moves
from fermata_mcp.engine.steps.money import money_of_failure
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import GRACE_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Store
from fermata_mcp.store.keyring import Keyring
from fermata_mcp.store.sqlite.store import SqliteStore

from .engines import settings_in
from .rows import DAY_MS, NOON, PAID, PRICE, created, stored

WORKERS = st.sampled_from(["one", "other"])
OVER = SUBMIT_LEASE_MS + GRACE_MS
TICKS = (POLL_LEASE_MS + GRACE_MS, SUBMIT_LEASE_MS // 3 + 1, OVER, OVER, OVER + 1)
JUMPS = (2_000, POLL_LEASE_MS, SUBMIT_LEASE_MS - 1, OVER, 1_800_000, 3_000_000, 3_600_001, DAY_MS, 400 * DAY_MS)
ANSWERS = ("accepted", "accepted slowly", "lost", "lost slowly", "refused", "later")
LOOKS = ("done", "running", "failed", "trouble")
DEEDS = st.tuples(st.sampled_from(ANSWERS), st.sampled_from(LOOKS))
MOST_TASKS = 2
LIVE: frozenset[StepState] = frozenset({"submitting", "waiting", "unknown", "needs_user"})
SPENT = LIVE | {"succeeded"}
ACTIVE: frozenset[StepState] = frozenset({"queued", "submitting", "waiting", "unknown"})
_T = TypeVar("_T")


@dataclass(frozen=True)
class Protocol:
    """The moves as the engine makes them; a mutant replaces one."""

    begin: Callable[..., Change] = moves.begin
    accepted: Callable[..., Change] = moves.accepted
    refused: Callable[..., Change] = moves.refused
    put_back: Callable[..., Change] = moves.put_back
    unclear: Callable[..., Change] = moves.unclear
    finished: Callable[..., Change] = moves.finished
    failed: Callable[..., Change] = moves.failed
    settle: Callable[[Step, Task, ProviderSpec, int, str | None], Change] = moves.unknown_resolved


@dataclass
class Hand:
    """What a process is doing with a step that it has claimed."""

    step: Step
    attempt: str | None = None
    begun: int = 0
    leased_until: int = 0
    answer: Callable[[], Change] | None = None
    learned: str | None = None


@dataclass
class Sent:
    """What happened to one step outside of the store."""

    posts: dict[str, int] = field(default_factory=lambda: dict[str, int]())
    taken_on: int = 0
    words: int = 0
    disputed: int = 0
    learned: dict[str, str] = field(default_factory=lambda: dict[str, str]())


class PaidSteps(RuleBasedStateMachine):
    """No person says a word here: nothing may be taken on twice."""

    protocol = Protocol()

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.store = self.new_store(lambda: self.passed / 1000)
        self.clock_shows = NOON
        self.number = 0
        self.tasks: list[Task] = []
        self.sent: dict[str, Sent] = {}
        self.hands: dict[str, list[Hand]] = {"one": [], "other": []}

    @property
    def now(self) -> int:
        return self.clock_shows + self.passed

    @staticmethod
    def new_store(steady: Callable[[], float]) -> Store:
        """An empty one, whose steady clock is this."""
        return SqliteStore(Path(":memory:"), steady=steady)

    @staticmethod
    def run(work: Coroutine[Any, Any, _T]) -> _T:
        """The result of a coroutine that never waits: see `property/test_protocol.py`."""
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("the store waited for something")

    def apply(self, change: Change) -> bool:
        return self.run(self.store.apply(change, now=self.now))

    def task(self, step: Step) -> Task:
        return self.run(stored(self.store, next(t for t in self.tasks if t.id == step.task_id)))

    def fresh(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}_{self.number}"

    # --- what can happen ----------------------------------------------------------------------------------------------

    @initialize(homes=st.lists(WORKERS, min_size=1, max_size=MOST_TASKS))
    def create(self, homes: list[str]) -> None:
        for home in homes:
            task = self.run(created(self.store, home=home, now=self.now, principal=ONE_PERSON.name))
            self.tasks.append(task)
            self.sent[task.steps[0].id] = Sent()

    @rule(home=WORKERS, deeds=st.lists(DEEDS, min_size=1, max_size=6))
    def work(self, home: str, deeds: list[tuple[str, str]]) -> None:
        for answer, look in deeds:
            self.go_on(home, answer, look)

    @rule(home=WORKERS)
    def take(self, home: str) -> None:
        """A process takes something that is due although its hands are not empty."""
        self.hands[home] += [Hand(step) for step in self.claimed(home, 1)]

    def claimed(self, home: str, limit: int) -> list[Step]:
        steps = self.run(self.store.claim(home=home, now=self.now, limit=limit))
        on_their_way = {hand.attempt: hand for hands in self.hands.values() for hand in hands if hand.attempt}
        for step in steps:
            hand = on_their_way.get(step.attempt_id or "")
            cut_short = step.state == "unknown" and hand is not None and self.passed < hand.leased_until
            assert not cut_short, "a request on its way was taken from its owner"
        return steps

    def go_on(self, home: str, answer: str, look: str) -> None:
        """One process takes what is due, or does the next thing with what it took last."""
        if not self.hands[home]:
            self.take(home)
            return
        hand = self.hands[home][-1]
        match hand.step.state:
            case "queued" if hand.attempt is None:
                over = not self.begin(hand)
            case "queued" if hand.answer is None:
                self.post(hand, answer)
                over = False
            case "queued":
                over = self.record(hand)
            case "unknown":
                task = self.task(hand.step)
                over = self.done(self.apply(self.protocol.settle(hand.step, task, PAID, self.now, None)))
            case _:
                over = self.done(self.poll(hand.step, look))
        if over:
            self.hands[home].remove(hand)

    @staticmethod
    def done(_: object) -> bool:
        return True

    def begin(self, hand: Hand) -> bool:
        attempt = self.fresh("att")
        if not self.apply(self.protocol.begin(hand.step, attempt, PAID, PRICE, (), self.now)):
            return False
        hand.attempt, hand.begun, hand.leased_until = attempt, self.now, self.passed + SUBMIT_LEASE_MS
        hand.step = replace(hand.step, attempt_id=attempt)
        return True

    def post(self, hand: Hand, answer: str) -> None:
        """The one request, unless the machine has slept in the meantime; then what its answer makes of the step."""
        assert hand.attempt is not None
        step, p = hand.step, self.protocol
        if not 0 <= self.now - hand.begun <= SUBMIT_LEASE_MS / 3:
            hand.answer = lambda: p.put_back(step, self.now, self.now, PRICE)
            return
        sent = self.sent[step.id]
        sent.posts[hand.attempt] = sent.posts.get(hand.attempt, 0) + 1
        answer, _, slowly = answer.partition(" ")
        sent.taken_on += answer in ("accepted", "lost")
        self.passed += OVER if slowly else 0
        match answer:
            case "accepted":
                hand.learned = remote_id = f"remote of {hand.attempt}"
                hand.answer = lambda: p.accepted(step, remote_id, self.now, self.now)
            case "refused":
                hand.answer = lambda: p.refused(step, ContentRejected("no."), self.now, PRICE)
            case "later":
                hand.answer = lambda: p.put_back(step, self.now, self.now, PRICE)
            case _:
                hand.answer = lambda: p.unclear(step, "cut off", self.now)

    def record(self, hand: Hand) -> bool:
        assert hand.answer is not None
        self.apply(hand.answer())
        if hand.learned and hand.attempt:
            self.sent[hand.step.id].learned[hand.attempt] = hand.learned
        return True

    def poll(self, step: Step, seen: str) -> bool:
        p, held = self.protocol, self.task(step).held
        match seen:
            case "done":
                return self.apply(p.finished(step, (), moves.ended("succeeded", self.now), held, None))
            case "failed":
                money = money_of_failure(held, taken_on=True, refunds=False)
                failed = self.apply(p.failed(step, ContentRejected("no."), self.now, money))
                self.sent[step.id].disputed += failed
                return failed
            case "trouble":
                return self.apply(moves.poll_failed(step, self.now + 5_000))
            case _:
                return self.apply(moves.poll_again(step, self.now + 15_000))

    @rule(home=WORKERS, how=st.sampled_from(["not at all", "not at all", "crash", "leave"]))
    def stop(self, home: str, how: str) -> None:
        """A process dies, or leaves in order; another one takes its place."""
        if how == "not at all":
            return
        self.hands[home].clear()
        if how == "leave":
            self.run(self.store.release(home, now=self.now))

    @rule(by=st.sampled_from(TICKS))
    def tick(self, by: int) -> None:
        self.passed += by

    @rule(by=st.sampled_from(JUMPS), way=st.sampled_from([-1, -1, 1]))
    def set_clock(self, by: int, way: int) -> None:
        """All processes look for work before it and after it, as they do every second."""
        self.claimed("nobody", 0)
        self.clock_shows = max(0, self.clock_shows + way * by)
        self.claimed("nobody", 0)

    # --- what must always hold ----------------------------------------------------------------------------------------

    @invariant()
    def every_promise_is_kept(self) -> None:
        self.run(self.check())

    async def check(self) -> None:
        expected = 0
        for task in self.tasks:
            found = await stored(self.store, task)
            (step,) = found.steps
            self.check_requests(step, await self.store.attempts(step.id))
            self.check_money(found, step)
            assert step.due_at is not None or step.state not in ACTIVE
            expected += PRICE * ((step.state in SPENT) + self.sent[step.id].disputed)
        total = await self.store.spent(principal=ONE_PERSON.name, since=0, unit="credits")
        assert sum(total.values()) == expected, "the ledger does not explain what was spent"

    def check_requests(self, step: Step, recorded: list[Attempt]) -> None:
        sent, attempts = self.sent[step.id], {attempt.id: attempt for attempt in recorded}
        assert all(count == 1 for count in sent.posts.values()), "an attempt was sent twice"
        assert set(sent.posts) <= set(attempts), "something was sent without an intent"
        assert sent.taken_on <= 1 + sent.words, "paid twice without a person's word"
        assert sum(a.state in ("intent", "accepted", "unknown") for a in recorded) <= 1, "two live attempts"
        for attempt, remote_id in sent.learned.items():
            owners = {one.id for one in recorded if one.remote_id == remote_id}
            assert owners <= {attempt}, "an id was taken for the answer to another request"
            ended_by_a_person = attempts[attempt].state == "void" or step.state == "abandoned"
            assert owners or ended_by_a_person, "a learned id was lost"

    def check_money(self, task: Task, step: Step) -> None:
        assert task.held == (PRICE if step.state in LIVE else 0), "held money is not explained"
        assert task.charged == (PRICE if step.state == "succeeded" else 0), "charged money is not explained"

    def teardown(self) -> None:
        """Nothing is ever stuck: whoever comes when every lease is out is given everything that is not over."""
        steps = [self.run(stored(self.store, task)).steps[0] for task in self.tasks]
        self.passed += OVER
        claimed = self.run(self.store.claim(home="last", now=self.now, limit=99))
        self.run(self.store.close())
        assert {step.id for step in claimed} == {step.id for step in steps if step.state in ACTIVE}, "a step is stuck"


class PaidStepsAndAPerson(PaidSteps):
    """With a person who settles unknown outcomes: what was taken on is bounded by the words said."""

    def __init__(self) -> None:
        super().__init__()
        chosen = settings_in(Path("nowhere"))
        registry = Registry(chosen, lambda _: None, lambda _: None)
        changes, clock = Changes(self.store), Clock(lambda: self.now, lambda: self.now / 1000)
        decoder = Decoder(chosen.data_dir)
        library = library_of(chosen, self.store, clock)
        runner = Runner(self.store, registry, changes, chosen, clock, "one", decoder, library)
        hooks = Hooks(self.store, registry, runner, HookAddresses(Keyring(self.store, chosen), chosen), clock, Meter())
        operating = Operating(self.store, registry, changes, chosen, clock, Meter(), hooks)
        engine = Engine(self.store, registry, runner, changes, chosen, clock, "one", decoder, None, operating, library)
        self.service = Service(engine)

    @precondition(lambda self: self.undecided())
    @rule(data=st.data(), action=st.sampled_from(["resubmit", "resubmit", "give_up"]))
    def decide(self, data: st.DataObject, action: Any) -> None:
        step = data.draw(st.sampled_from(self.undecided()))
        self.run(self.service.resolve(step.task_id, action))
        self.sent[step.id].words += action == "resubmit"
        self.sent[step.id].disputed += 1
        found = self.task(step).steps[0]
        assert found.state == ("queued" if action == "resubmit" else "abandoned"), "a person's word was not heard"

    def undecided(self) -> list[Step]:
        steps = [self.run(stored(self.store, task)).steps[0] for task in self.tasks]
        return [step for step in steps if step.state in ("unknown", "needs_user")]


def explored(machine: type[PaidSteps], examples: int, steps: int = 50) -> None:
    """Run the machine, always in the same way, without taking time to make a failure small."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * settings().max_examples // 100,  # the long profile says more than 100
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            print_blob=False,
        ),
    )


def mistimed(nothing: object) -> dict[str, tuple[str, object, str]]:
    """Rules of a store about clocks that are set: what each is without, by its place, and what is found then.

    Args:
        nothing: Does nothing, as the store's own rule is called.
    """
    return {
        "set back, rows wait for their old times": ("count_all_anew", nothing, "stuck"),
        "set back, nobody notices": ("any_set_back", nothing, "stuck"),
        "set back, everything is due": ("_WAIT_MEANT", "0", "taken from its owner"),
        "put forward, leases are over": ("put_forward", nothing, "taken from its owner"),
    }
