"""What holds for every adapter, whether it speaks HTTP or not."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest

from contract.rig import KINDS, Rig
from contract.suite import check
from fermata_mcp.domain.errors import InvalidRequest, UnsupportedField
from fermata_mcp.domain.requests.fields import field_problems, raise_all, source_problems
from fermata_mcp.domain.requests.request import ExtendRequest
from fermata_mcp.domain.source import parse_source
from fermata_mcp.providers.base import Accepted

FORMS = {"file": "/a.wav", "url": "https://music.test/a.mp3", "task": "tsk_" + "0" * 32, "clip": "clip:abc/0"}

# --- what is declared -------------------------------------------------------------------------------------------------


def _looked_at(rig: Rig) -> list[None]:
    return [] if rig.at_once else [None]


@check()
async def facts_are_declared(rig: Rig, case: None) -> None:
    """Prices with their source, honest verification, a pace, and names for the key."""
    spec = rig.spec
    paid = rig.key_variable is not None
    assert spec.name == rig.name
    assert (spec.price.low > 0, spec.price.high > 0) == (paid, paid)
    assert len(spec.price.stated_in) > 5 or not paid
    far = r"against documentation \d{4}-\d\d-\d\d, not live"
    honest = "run by the tests, on real audio" if spec.here else far
    assert re.fullmatch(honest, spec.verified)
    assert spec.submit == ("at_most_once" if paid else "repeatable")
    assert 0 < spec.pace.first < spec.pace.slow_after < spec.pace.give_up
    assert (spec.key_variable, spec.has_balance) == (rig.key_variable, rig.balance)
    assert spec.custom.fields <= spec.fields.keys()
    assert set(spec.custom.needs) <= spec.fields.keys()
    assert spec.default_model is None or spec.default_model in spec.models


@check(lambda rig: list(rig.samples))
async def every_documented_field_is_declared(rig: Rig, case: str) -> None:
    """The capability table says neither more nor less than the documentation."""
    assert {name: known.wire for name, known in rig.spec.fields.items()} == dict(rig.wire)
    request = ExtendRequest.model_validate({"source": "clip:x", case: rig.samples[case][0]})
    with nullcontext() if case in rig.wire else pytest.raises(UnsupportedField, match=case):
        raise_all(field_problems(request, rig.spec))


@check(lambda _: KINDS)
async def forms_of_source(rig: Rig, case: str) -> None:
    """Each form is taken, or refused with those that are."""
    assert rig.spec.sources == rig.kinds
    if case in rig.kinds:
        raise_all(source_problems(parse_source(FORMS[case]), rig.spec))
        return
    with pytest.raises(InvalidRequest, match=f"cannot take a {case}") as refused:
        raise_all(source_problems(parse_source(FORMS[case]), rig.spec))
    words = {"file": "a file path", "url": "link", "task": "tsk_", "clip": "clip:"}
    assert [kind for kind in KINDS if words[kind] in refused.value.hint] == [k for k in KINDS if k in rig.kinds]


@check()
async def options_are_as_declared(rig: Rig, case: None) -> None:
    """Native fields pass where none are named, else just those that are."""
    allowed = rig.spec.options
    request = ExtendRequest.model_validate({"source": "clip:x", "options": {"brandNewField": 1}})
    with nullcontext() if allowed is None else pytest.raises(UnsupportedField, match=r"options\.brandNewField"):
        raise_all(field_problems(request, rig.spec))


@check(lambda rig: [(kind, name) for kind in rig.sources for name in rig.spec.fields])
async def fields_arrive(rig: Rig, case: tuple[str, str]) -> None:
    """A declared field arrives under its documented name, and nowhere else; or its kind of source is refused."""
    kind, name = case
    full = rig.given(rig.sources[kind], rig.full_for(name))
    one, other = rig.samples[name]
    async with rig.bench() as made:
        if kind not in rig.only_for.get(name, rig.sources):
            with pytest.raises(UnsupportedField, match=name):
                made.provider.check(rig.given(full, {name: one}))
            return
        seen: list[dict[str, Any]] = []
        for value in (one, other):
            seen.append(dict(await made.arrived(rig.given(full, {name: value}))))
            assert seen[-1][rig.wire[name]] == rig.as_sent(name, value)
    changed = {wire for wire in seen[0].keys() | seen[1].keys() if seen[0].get(wire) != seen[1].get(wire)}
    assert changed - rig.switches == {rig.wire[name]}


# --- one piece of work ------------------------------------------------------------------------------------------------


@check()
async def nothing_is_prepared_twice(rig: Rig, case: None) -> None:
    """Work that can be sent as it is stays as it is, however often it is prepared."""
    async with rig.bench() as made:
        made.provider.check(made.work)
        assert await made.provider.prepare(made.work) == made.work
        assert await made.provider.prepare(made.work) == made.work


@check(_looked_at)
async def it_runs_until_it_is_done(rig: Rig, case: None) -> None:
    """Accepted under an id, running, done: every clip is real audio of the length that is told."""
    async with rig.bench() as made:
        made.begin_slowly()
        remote_id = await made.submitted()
        first = await made.poll(remote_id)
        assert (first.state, first.error) == ("running", None)
        assert first.fraction is None or 0 <= first.fraction < 1
        done = await made.over(remote_id)
        assert (done.state, done.error, len(done.clips)) == ("succeeded", None, rig.clips)
        for clip in done.clips:
            assert clip.url or clip.file or clip.arrived
            assert await made.length_of(clip) > 0
            told = clip.duration_seconds
            assert told is None or abs(told - await made.length_of(clip)) < 0.01
            assert told is not None or clip.arrived or rig.bare
        assert await made.poll(remote_id) == done


@check(_looked_at)
async def ids_are_each_its_own(rig: Rig, case: None) -> None:
    """Two attempts are two pieces of work, under plain ids that differ."""
    async with rig.bench() as made:
        other = made.work.model_copy(update={"take": 2, "save_as": made.work.save_as.replace(".", "-2.")})
        ids = [await made.submitted(), await made.submitted(other, "att_2")]
        assert len(set(ids)) == 2
        assert all(id_ and id_.isprintable() and " " not in id_ for id_ in ids)
        assert {(await made.over(id_)).state for id_ in ids} == {"succeeded"}


@check(lambda rig: [] if rig.at_once else list(rig.endings.items()))
async def endings(rig: Rig, case: tuple[str, tuple[str, str | None]]) -> None:
    """Each way to end, seen as what it is; whatever was paid for and exists is delivered."""
    outcome, (state, code) = case
    async with rig.bench() as made:
        made.end_as(outcome)
        found = await made.over(await made.submitted())
        assert (found.state, found.error.code if found.error else None) == (state, code)
        if found.error is not None:
            assert found.error.message
            assert found.error.hint
        if state == "succeeded":
            assert found.clips
            assert found.warnings
            assert all(clip.url for clip in found.clips)


@check(_looked_at)
async def an_id_that_is_not_known(rig: Rig, case: None) -> None:
    """A provider may not list its own id yet; what only lived in a process is lost with it."""
    async with rig.bench() as made:
        assert (await made.poll(rig.unknown_id)).state == rig.unlisted
        assert await made.provider.stop(rig.unknown_id) == (rig.stops and rig.unlisted == "lost")


@check(_looked_at)
async def stopping(rig: Rig, case: None) -> None:
    """True only where it is certain that nothing more happens; else the work goes on to its end."""
    async with rig.bench() as made:
        made.begin_slowly()
        remote_id = await made.submitted()
        assert await made.provider.stop(remote_id) == rig.stops
        found = await made.over(remote_id)
        assert (found.state, found.error and found.error.code) == (
            ("failed", "cancelled") if rig.stops else ("succeeded", None)
        )


@check(lambda rig: [None] if rig.spec.here else [])
async def repeatable_work_can_be_repeated(rig: Rig, case: None) -> None:
    """The same attempt is the same work; the same work as another attempt gives the same result."""
    async with rig.bench() as made:
        first = await made.submitted()
        assert await made.submitted() == first
        done = await made.over(first)
        again = await made.submitted(attempt_id="att_2")
        assert again != first
        assert await made.over(again) == done


@check()
async def no_balance_where_there_is_no_such_call(rig: Rig, case: None) -> None:
    async with rig.bench() as made:
        assert (await made.provider.balance() is not None) == rig.balance


@check()
async def accounts_are_named_without_their_key(rig: Rig, case: None) -> None:
    async with rig.bench() as made, rig.bench() as other:
        assert made.provider.configured
        assert made.provider.account_id == other.provider.account_id
        assert made.provider.account_id.isalnum()


@check(_looked_at)
async def closing_twice_is_closing(rig: Rig, case: None) -> None:
    async with rig.bench() as made:
        assert isinstance(await made.submit(), Accepted)
        await made.provider.aclose()
        await made.provider.aclose()
