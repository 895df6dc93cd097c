"""What every adapter must do, as functions that fail. `test_adapters` runs each of them per rig and case."""

from __future__ import annotations

import io
import logging
import re
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2 as httpx
import pytest
import soundfile
from rigs import CALLBACK, Example, Rig, Said

from emulators.audio import origin
from emulators.base import Emulator
from emulators.faults import Deed, Fault, Front, Kind
from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import (
    AuthenticationFailed,
    FermataError,
    InvalidRequest,
    ProviderError,
    UnsupportedField,
)
from fermata_mcp.domain.plan import check_fields
from fermata_mcp.domain.request import ExtendRequest
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Accepted, Host, NotSent, Provider, Refused, Snapshot, Submitted, Unclear
from fermata_mcp.providers.http import HttpProvider

CANARY = "canary-5f1e-key"
ORIGIN = "http://emulator.test"
PATIENCE = 0.4


@dataclass
class Bench:
    """A real provider in front of its emulator."""

    rig: Rig
    emulator: Emulator
    provider: Provider
    client: httpx.AsyncClient

    async def submitted(self, work: Work | None = None) -> str:
        outcome = await self.submit(work)
        assert isinstance(outcome, Accepted), f"not accepted: {outcome}"
        return outcome.remote_id

    async def submit(self, work: Work | None = None) -> Submitted:
        return await self.provider.submit("att_1", work or first_work(self.rig))

    async def look(self, remote_id: str) -> Snapshot:
        return await self.provider.look(remote_id, first_work(self.rig))

    def clean(self) -> None:
        """The provider never saw anything that it does not document."""
        assert self.emulator.violations == []
        assert self.emulator.ledger.double_charges() == []


@dataclass(frozen=True)
class Check:
    run: Callable[[Rig, Any], Awaitable[None]]
    cases: Callable[[Rig], Sequence[Any]] = field(default=lambda _: [None])
    slow: bool = False

    @property
    def name(self) -> str:
        return self.run.__name__


CHECKS: list[Check] = []


def check(
    cases: Callable[[Rig], Sequence[Any]] = lambda _: [None], *, slow: bool = False
) -> Callable[[Callable[[Rig, Any], Awaitable[None]]], Callable[[Rig, Any], Awaitable[None]]]:
    """Add a function to the suite, to be run once for each of its cases."""

    def add(run: Callable[[Rig, Any], Awaitable[None]]) -> Callable[[Rig, Any], Awaitable[None]]:
        CHECKS.append(Check(run, cases, slow))
        return run

    return add


def settings_of(rig: Rig, url: str, key: str = CANARY) -> Settings:
    key_name, addresses = rig.key_names
    given: dict[str, Any] = {key_name: key, **dict.fromkeys(addresses, url)}
    return Settings(callback_url=CALLBACK, submit_timeout_seconds=PATIENCE, **given)


@asynccontextmanager
async def bench(rig: Rig, *, url: str = ORIGIN, emulator: Emulator | None = None) -> AsyncGenerator[Bench]:
    """In this process without a socket; over one where a `url` is given."""
    emulator = emulator or rig.emulator()
    emulator.key = CANARY
    transport = httpx.ASGITransport(app=emulator.app) if url == ORIGIN else None
    settings = settings_of(rig, url)
    host = Host(settings, spawn=lambda _: None, changed=lambda _: None)
    provider = HttpProvider(rig.adapter(settings), host, transport)
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        try:
            yield Bench(rig, emulator, provider, client)
        finally:
            await provider.aclose()


@asynccontextmanager
async def loopback(rig: Rig, kind: Kind, fault: Fault) -> AsyncGenerator[Bench]:
    emulator = rig.emulator()
    emulator.script(kind, fault, 3)
    patience: Any = patch.object(vars(HttpProvider)["_read"], "__defaults__", (PATIENCE,))
    async with Front(emulator) as url, bench(rig, url=url, emulator=emulator) as made:
        with patience:
            yield made


@contextmanager
def logged() -> Generator[list[str]]:
    """Every line that is logged at any level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(logging.Formatter().format(record))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


def first_work(rig: Rig) -> Work:
    return next(iter(rig.sources.values()))


def with_fields(work: Work, given: Mapping[str, Any]) -> Work:
    own = {name: value for name, value in given.items() if name in ("continue_at", "add_seconds")}
    rest = {name: value for name, value in given.items() if name not in own}
    return work.model_copy(update={**own, "fields": {**work.fields, **rest}})


def body_of(rig: Rig, work: Work) -> dict[str, Any]:
    return dict(rig.adapter(settings_of(rig, ORIGIN)).submit_call(work).body or {})


# --- what is asked ---------------------------------------------------------------------------------------------------


@check(lambda rig: rig.examples)
async def documented_examples(rig: Rig, case: Example) -> None:
    """Our words become the documented request, field for field, and the provider takes it."""
    call = rig.adapter(settings_of(rig, ORIGIN)).submit_call(case.work)
    assert (call.method, call.path, call.body) == ("POST", case.path, case.body)
    async with bench(rig) as made:
        made.emulator.source_seconds = 90.0
        await made.submitted(case.work)
        assert made.emulator.seen[-1].json() == case.body
        made.clean()


@check(lambda rig: [(kind, name) for kind in rig.sources for name in rig.adapter(settings_of(rig, ORIGIN)).spec.fields])
async def fields_arrive(rig: Rig, case: tuple[str, str]) -> None:
    """A declared field arrives under its documented name, and nowhere else; or its kind of source is refused."""
    kind, name = case
    full = with_fields(rig.sources[kind], rig.full)
    one, other = rig.samples[name]
    if kind not in rig.only_for.get(name, rig.sources):
        with pytest.raises(UnsupportedField, match=name):
            body_of(rig, with_fields(full, {name: one}))
        return
    async with bench(rig) as made:
        bodies: list[dict[str, Any]] = []
        for value in (one, other):
            await made.submitted(with_fields(full, {name: value}))
            bodies.append(made.emulator.seen[-1].json())
            assert bodies[-1][rig.wire[name]] == value
        changed = {wire for wire in bodies[0].keys() | bodies[1].keys() if bodies[0].get(wire) != bodies[1].get(wire)}
        assert changed - rig.switches == {rig.wire[name]}
        assert rig.adapter(settings_of(rig, ORIGIN)).spec.fields[name].wire == rig.wire[name]
        made.clean()


@check()
async def every_documented_field_is_declared(rig: Rig, case: None) -> None:
    """The capability table says neither more nor less than the documentation."""
    spec = rig.adapter(settings_of(rig, ORIGIN)).spec
    assert {name: known.wire for name, known in spec.fields.items()} == dict(rig.wire)
    for name, (value, _) in rig.samples.items():
        request = ExtendRequest.model_validate({"source": "clip:x", name: value})
        with nullcontext() if name in rig.wire else pytest.raises(UnsupportedField, match=name):
            check_fields(request, spec)


@check(lambda rig: list(rig.sources))
async def options_override(rig: Rig, case: str) -> None:
    """Native fields are passed on verbatim, and win over ours under the same wire name."""
    full = with_fields(rig.sources[case], rig.full)
    plain = body_of(rig, full)
    for name in rig.full:
        wire = rig.wire[name]
        options = {wire: "as given"}
        changed = body_of(rig, full.model_copy(update={"options": options}))
        assert changed == plain | options, wire
    if rig.adapter(settings_of(rig, ORIGIN)).spec.options is None:
        native = {"brandNewField": {"deep": [1, None]}}
        assert body_of(rig, full.model_copy(update={"options": native})) == plain | native


@check()
async def facts_are_declared(rig: Rig, case: None) -> None:
    """Prices with their source, honest verification, a pace, and names for the key."""
    spec = rig.adapter(settings_of(rig, ORIGIN)).spec
    assert spec.name == rig.name
    assert spec.price.low > 0
    assert len(spec.price.stated_in) > 5
    assert re.fullmatch(r"against documentation \d{4}-\d\d-\d\d, not live", spec.verified)
    assert spec.submit == "at_most_once"
    assert 0 < spec.pace.first < spec.pace.slow_after < spec.pace.give_up
    assert (spec.key_variable or "").lower() == rig.key_names[0]
    assert spec.custom_fields <= spec.fields.keys()
    assert set(spec.custom_needs) <= spec.fields.keys()
    assert spec.default_model is None or spec.default_model in spec.models


# --- what a submit may come to ---------------------------------------------------------------------------------------

STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 429, 430, 433, 451, 455, 500, 502, 503, 504, 505)


def _documented(rig: Rig, status: int) -> tuple[str | None, bool]:
    """What this provider documents, else what HTTP itself says."""
    if status in rig.refusals:
        return rig.refusals[status]
    if status == 429:
        return "rate_limited", True
    return "invalid_request" if 400 <= status < 500 and status != 408 else None, False


def _submit_cases(rig: Rig) -> list[tuple[str, Fault, str | None]]:
    """Name, answer, and the code of the refusal it is; None where the outcome is open."""
    found: list[tuple[str, Fault, str | None]] = []
    for status in STATUSES:
        code, _ = _documented(rig, status)
        body = {"code": status, "msg": "no", "data": None}
        found.append((f"HTTP {status}", Fault.answer(status, body), code))
        if rig.in_body:
            found.append((f"200 with {status}", Fault.answer(200, body), code))
    page = "<html><h1>502 Bad Gateway</h1></html>"
    found += [
        ("502 page", Fault.answer(502, page), None),
        ("200 page", Fault.answer(200, page), None),
        ("503 with Retry-After", Fault.answer(503, page, retry_after="7"), "provider_unavailable"),
        ("307", Fault.answer(307, "", location="http://elsewhere.test/api/v1/generate/extend"), None),
        ("malformed", Fault.answer(200, '{"code": 200, "data": {"taskId": "x'), None),
        ("empty", Fault.answer(200, ""), None),
        ("204", Fault.answer(204, ""), None),
    ]
    nameless: tuple[Any, ...] = (
        {}, [], None, "ok", 5, True, {"data": {}}, {"data": []}, {"code": 200, "data": {"taskId": ""}},
        {"code": 200, "data": {"taskId": None}}, {"code": 200, "data": {"taskId": {"a": 1}}},
    )  # fmt: skip
    found += [(f"200 {odd!r}", Fault.answer(200, odd), None) for odd in nameless]
    return found + [(said.name, Fault.answer(said.status, said.body), said.code) for said in rig.said]


@check(_submit_cases)
async def answers_to_a_submit(rig: Rig, case: tuple[str, Fault, str | None]) -> None:
    """Refused only where that is documented or plain HTTP; everything odd leaves the outcome open. One POST, always."""
    _, fault, code = case
    async with bench(rig) as made:
        made.emulator.script("submit", fault)
        outcome = await made.submit()
        assert made.emulator.submits_seen() == 1
        if code is None:
            assert isinstance(outcome, Unclear), outcome
            return
        assert isinstance(outcome, Refused), outcome
        assert outcome.error.code == code
        if fault.status != 200:
            later = fault.status == 503 or _documented(rig, fault.status)[1]
            assert (outcome.retry_after is not None) == later


@check(lambda rig: [(said.name, said) for said in rig.said])
async def other_answers(rig: Rig, case: tuple[str, Said]) -> None:
    """None of the special answers is taken for an acceptance."""
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(case[1].status, case[1].body))
        assert not isinstance(await made.submit(), Accepted)


WAITS: tuple[tuple[str | None, float | None], ...] = (
    ("3", 3.0), ("0.5", 0.5), ("99999999", 300.0), ("-5", None), ("soon", None), ("nan", None), (None, None),
    ("Fri, 01 Jan 1999 00:00:00 GMT", None), ("Fri, 01 Jan 2199 00:00:00 GMT", 300.0),
)  # fmt: skip


@check(lambda _: WAITS)
async def waits_as_told(rig: Rig, case: tuple[str | None, float | None]) -> None:
    """A refusal that says `later` says when, within reason."""
    told, wanted = case
    body = {"code": rig.busy, "msg": "slow down", "data": None}
    headers: dict[str, Any] = {} if told is None else {"retry_after": told}
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(rig.busy, body, **headers))
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.retry_after is not None
        assert outcome.retry_after == wanted if wanted is not None else 1 <= outcome.retry_after <= 60


@check(lambda _: ["reset_before_body", "reset", "hang", "drip", "close", "half_head", "half_body", "huge", "gzip_bomb"],
       slow=True)  # fmt: skip
async def misdeeds_below_http(rig: Rig, case: Deed) -> None:
    """Whatever the network does to a paid request: the outcome is open, and there was one POST."""
    async with loopback(rig, "submit", Fault.wire(case)) as made:
        outcome = await made.submit()
        assert isinstance(outcome, Unclear), outcome
        assert made.emulator.submits_seen() == 1
        assert len(made.emulator.ledger.submits) == (case != "reset_before_body")


@check(slow=True)
async def nobody_listens(rig: Rig, case: None) -> None:
    """A refused connection proves that nothing was sent."""
    async with Front(rig.emulator()) as url:
        pass
    async with bench(rig, url=url) as made:
        assert isinstance(await made.submit(), NotSent)


@check()
async def accepted_after_a_slip(rig: Rig, case: None) -> None:
    """An accepted submit is charged once under the id that was given back."""
    async with bench(rig) as made:
        remote_id = await made.submitted()
        assert [submit["task"] for submit in made.emulator.ledger.submits] == [remote_id]
        sent = made.emulator.seen[-1].headers
        assert sent["authorization"] == f"Bearer {CANARY}"
        assert sent["content-type"] == "application/json"
        made.emulator.script("submit", Fault.answer(200, rig.accepted("task-77")))
        assert await made.submit() == Accepted("task-77")
        made.clean()


@check()
async def a_wrong_key_and_no_money(rig: Rig, case: None) -> None:
    """The emulator's own refusals, in its own words."""
    async with bench(rig) as made:
        made.emulator.key = "another"
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "authentication_failed"
        made.emulator.key = CANARY
        made.emulator.ledger.balance = 1.0
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "insufficient_credits"
        assert outcome.retry_after is None
        assert made.emulator.ledger.submits == []
        made.clean()


# --- reading ---------------------------------------------------------------------------------------------------------


@check()
async def every_state_until_done(rig: Rig, case: None) -> None:
    """Running until all clips are there; no link of an unfinished clip is ever shown; the audio is real."""
    async with bench(rig) as made:
        made.emulator.ready_after_polls = rig.stages
        remote_id = await made.submitted()
        seen = [await made.look(remote_id) for _ in range(rig.stages)]
        assert [snapshot.state for snapshot in seen] == ["running"] * rig.stages
        assert all((clip.url or "").startswith(f"{ORIGIN}/audio/") for snapshot in seen for clip in snapshot.clips)
        done = await made.look(remote_id)
        assert done.state == "succeeded"
        assert len(done.clips) == rig.clips
        assert done.warnings == ()
        assert all(len(snapshot.clips) < rig.clips for snapshot in seen)
        for clip in done.clips:
            assert clip.provider_clip_id
            assert clip.title
            assert clip.model
            assert abs((clip.duration_seconds or 0) - await _played(made, clip.url)) < 0.01
        made.clean()


async def _played(made: Bench, url: str | None) -> float:
    answer = await made.client.get(url or "")
    assert answer.status_code == 200
    found: Any = soundfile.info(io.BytesIO(answer.content))
    return found.duration


@check(lambda rig: list(rig.endings.items()))
async def endings(rig: Rig, case: tuple[str, tuple[str, str | None]]) -> None:
    """Each way to end, seen as what it is; whatever was paid for and exists is delivered."""
    outcome, (state, code) = case
    async with bench(rig) as made:
        made.emulator.outcome = outcome
        found = await made.look(await made.submitted())
        assert found.state == state
        assert (found.error.code if found.error else None) == code
        if state == "succeeded":
            assert found.clips
            assert found.warnings
            assert all(clip.url for clip in found.clips)
        made.clean()


@check()
async def unknown_words_are_running(rig: Rig, case: None) -> None:
    """A state that nobody documented is running, and noted once."""
    async with bench(rig) as made:
        made.emulator.outcome = f"{rig.unknown_state}{id(made)}"
        remote_id = await made.submitted()
        with logged() as lines:
            for _ in range(3):
                assert (await made.look(remote_id)).state == "running"
        assert sum(made.emulator.outcome.lower() in line.lower() for line in lines) == 1


@check()
async def an_id_that_is_not_listed_yet(rig: Rig, case: None) -> None:
    """Right after the submit a provider may not know its own id."""
    async with bench(rig) as made:
        found = await made.look("0" * 32)
        assert found.state == "running"
        made.clean()


ODD: tuple[Any, ...] = (
    [], None, "ok", 5, True, {}, {"code": 200, "data": []}, {"code": 200, "data": 7}, {"code": 200, "data": {}},
    {"code": 200, "data": {"status": None}}, {"code": 200, "data": {"status": {"a": 1}}}, {"code": 418, "msg": "?"},
    "<html>502</html>", '{"code": 200, "data": {"status"',
)  # fmt: skip


@check(lambda _: [(status, odd) for odd in ODD for status in (200, 502)])
async def odd_answers_to_a_look(rig: Rig, case: tuple[int, Any]) -> None:
    """Nothing is believed: the work is still running, or the look failed and may be repeated."""
    async with bench(rig) as made:
        remote_id = await made.submitted()
        made.emulator.script("look", Fault.answer(*case))
        try:
            found = await made.look(remote_id)
        except ProviderError:
            pass
        else:
            assert found.state == "running"
        assert (await made.look(remote_id)).state == "succeeded"


LOOK_STATUSES = (400, 401, 403, 404, 408, 410, 429, 430, 455, 500, 502, 503, 504)


@check(lambda rig: [status for status in LOOK_STATUSES if status not in rig.final_looks])
async def refused_looks(rig: Rig, case: int) -> None:
    """An error on a look says nothing about the work."""
    async with bench(rig) as made:
        remote_id = await made.submitted()
        made.emulator.script("look", Fault.answer(case, {"code": case, "msg": "no", "data": None}))
        failure, found = None, None
        try:
            found = await made.look(remote_id)
        except ProviderError as error:
            failure = error
        assert isinstance(failure, AuthenticationFailed) == (case == 401)
        assert found is None or found.state == "running"
        assert (await made.look(remote_id)).state == "succeeded"


@check(lambda _: ["reset", "hang", "drip", "close", "half_body", "huge", "gzip_bomb"], slow=True)
async def looks_below_http(rig: Rig, case: Deed) -> None:
    """A look that is cut off fails, and the next one may succeed."""
    async with loopback(rig, "look", Fault.wire(case)) as made:
        remote_id = await made.submitted()
        with pytest.raises(ProviderError):
            await made.look(remote_id)
        made.emulator.faults.clear()
        assert (await made.look(remote_id)).state == "succeeded"


@check()
async def durations_may_be_missing(rig: Rig, case: None) -> None:
    """A clip without a duration is a clip."""
    async with bench(rig) as made:
        if not hasattr(made.emulator, "null_durations"):
            return
        made.emulator.apply_script({"set": {"null_durations": True}})
        found = await made.look(await made.submitted())
        assert [clip.duration_seconds for clip in found.clips] == [None, None]
        assert found.state == "succeeded"


@check(lambda _: [0.0, 0.4, 12.0, 1234567.25])
async def balances(rig: Rig, case: float) -> None:
    """The balance to the decimal, or None where there is no such call."""
    async with bench(rig) as made:
        made.emulator.ledger.balance = case
        found = await made.provider.balance()
        assert found == (case if rig.balance else None)
        assert made.provider.spec.has_balance == rig.balance
        made.clean()


@check(lambda rig: [{}, [], "x", {"code": 200, "data": None}, {"code": 200, "data": True}, {"code": 200, "data": [1]},
                    {"code": 500, "data": 5}, "<html>"] if rig.balance else [])  # fmt: skip
async def odd_balances(rig: Rig, case: Any) -> None:
    """A balance that cannot be read is an error, never a number."""
    async with bench(rig) as made:
        made.emulator.script("balance", Fault.answer(200, case))
        with pytest.raises(ProviderError):
            await made.provider.balance()


@check()
async def uploads(rig: Rig, case: None) -> None:
    """A local file is put where the provider fetches it, under a new name each time; or files are refused."""
    async with bench(rig) as made:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "My söng.wav"
            file.write_bytes(made.emulator.studio.render(origin("mine", 4.0), "wav"))
            local = first_work(rig).model_copy(
                update={"source_clip": None, "source_url": None, "source_file": str(file)}
            )
            if not rig.uploads:
                with pytest.raises(InvalidRequest):
                    await made.provider.prepare(local)
                return
            ready = [await made.provider.prepare(local) for _ in range(2)]
        assert ready[0].source_url != ready[1].source_url
        assert abs(await _played(made, ready[0].source_url) - 4.0) < 0.01
        assert made.emulator.ledger.entries == []
        found = await made.look(await made.submitted(ready[0]))
        longest = max(clip.duration_seconds or 0 for clip in found.clips)
        assert longest > 4.0
        made.clean()


@check()
async def the_key_stays_secret(rig: Rig, case: None) -> None:
    """The key is in no result, no error and no log line, whatever happens."""
    shown: list[str] = []
    with logged() as lines:
        async with bench(rig) as made:
            remote_id = await made.submitted()
            shown += [repr(made.provider), made.provider.account_id, repr(await made.look(remote_id))]
            for fault in (Fault.answer(401, {"code": 401}), Fault.answer(500, "<html>"), Fault.answer(200, [1])):
                made.emulator.script("submit", fault)
                made.emulator.script("look", fault)
                made.emulator.script("balance", fault)
                shown.append(repr(await made.submit()))
                for reading in (made.look(remote_id), made.provider.balance()):
                    try:
                        shown.append(repr(await reading))
                    except FermataError as error:
                        shown += [repr(error), str(error)]
    assert not [line for line in (*shown, *lines) if CANARY in line]
