"""What a look may meet on the wire. One bad look is never the end of work that was paid for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from contract.suite import check
from contract.wire_rig import (
    HURRIES,
    NEVER_ANSWERED,
    ORIGIN,
    PATIENCE,
    WireBench,
    WireRig,
    bench,
    hurried_reads,
    logged,
    loopback,
)
from emulators.faults import Deed, Fault, Front
from fermata_mcp.domain.errors import AuthenticationFailed, ProviderError, ProviderUnavailable
from fermata_mcp.providers.base import Snapshot

ODD: tuple[Any, ...] = (
    [], None, "ok", 5, True, {}, {"code": 200, "data": []}, {"code": 200, "data": 7}, {"code": 200, "data": {}},
    {"code": 200}, {"code": 200, "data": "SUCCESS"}, {"code": 200, "data": [None]}, {"code": 200, "data": [7]},
    {"code": 200, "data": {"status": None}}, {"code": 200, "data": {"status": {"a": 1}}}, {"code": 418, "msg": "?"},
    {"code": 200, "data": {"response": [], "response_data": 7}}, "<html>502</html>", '{"code": 200, "data": {"status"',
    "",
)  # fmt: skip
STATUSES = (400, 401, 402, 403, 404, 405, 408, 410, 413, 429, 430, 455, 500, 502, 503, 504)


@check(needs="wire")
async def every_state_until_done(rig: WireRig, case: None) -> None:
    """Running until all clips are there; no link of an unfinished clip is ever shown; the audio is real."""
    async with bench(rig) as made:
        made.emulator.ready_after_polls = rig.stages
        remote_id = await made.submitted()
        seen = [await made.poll(remote_id) for _ in range(rig.stages)]
        assert [snapshot.state for snapshot in seen] == ["running"] * rig.stages
        assert all((clip.url or "").startswith(f"{ORIGIN}/audio/") for snapshot in seen for clip in snapshot.clips)
        done = await made.poll(remote_id)
        assert done.state == "succeeded"
        assert len(done.clips) == rig.clips
        assert done.warnings == ()
        assert all(len(snapshot.clips) < rig.clips for snapshot in seen)
        for clip in done.clips:
            assert rig.bare or clip.provider_clip_id
            assert rig.bare or (clip.title and clip.model)
            assert rig.bare or abs((clip.duration_seconds or 0) - await made.length_of(clip)) < 0.01
        made.clean()


@check(needs="wire")
async def unknown_words_are_running(rig: WireRig, case: None) -> None:
    """A state that nobody documented is running, and noted once."""
    async with bench(rig) as made:
        made.emulator.outcome = f"{rig.unknown_state}{id(made)}"
        remote_id = await made.submitted()
        with logged() as lines:
            for _ in range(3):
                assert (await made.poll(remote_id)).state == "running"
        assert sum(made.emulator.outcome.lower() in line.lower() for line in lines) == 1


async def _read(made: WireBench, remote_id: str, answer: Fault) -> Snapshot | ProviderError:
    """What a look makes of this answer; the next one finds the work done all the same."""
    made.emulator.script("poll", answer)
    try:
        found = await made.poll(remote_id)
    except ProviderError as error:
        found = error
    assert (await made.poll(remote_id)).state == "succeeded"
    return found


@check(lambda _: [(status, odd) for odd in ODD for status in (200, 502)], needs="wire")
async def odd_answers_to_a_look(rig: WireRig, case: tuple[int, Any]) -> None:
    """Nothing is believed: the work is still running, or the look failed and may be repeated."""
    async with bench(rig) as made:
        found = await _read(made, await made.submitted(), Fault.answer(*case))
        assert isinstance(found, ProviderError) or found.state == "running"


def _refusing(rig: WireRig) -> list[tuple[str, int, Fault]]:
    """Name, status, answer."""
    found: list[tuple[str, int, Fault]] = []
    for status in STATUSES:
        if status in rig.final_looks:
            continue
        body = {"code": status, "msg": "no", "data": None}
        found.append((f"HTTP {status}", status, Fault.answer(status, body)))
        found.append((f"{status} page", status, Fault.answer(status, f"<html><h1>{status}</h1></html>")))
        if rig.in_body and status not in rig.final_looks:
            found.append((f"200 with {status}", status, Fault.answer(200, body)))
    found += [(f"{status} with Retry-After", status, Fault.answer(status, {"code": status}, retry_after="7"))
              for status in (429, 503)]  # fmt: skip
    return found + [(said.name, said.status, Fault.answer(said.status, said.body))
                    for said in rig.said if said.status == 403]  # fmt: skip


@check(_refusing, needs="wire")
async def refused_looks(rig: WireRig, case: tuple[str, int, Fault]) -> None:
    """An error on a look says nothing about the work."""
    name, status, answer = case
    async with bench(rig) as made:
        found = await _read(made, await made.submitted(), answer)
        assert isinstance(found, AuthenticationFailed) == (status == 401)
        assert isinstance(found, ProviderError) or found.state == "running"
        if name.endswith("Retry-After") and isinstance(found, ProviderError):
            assert found.retry_after == 7


@check(lambda _: ["reset_before_body", "reset", "hang", "drip", "close", "half_head", "half_body", "huge", "gzip_bomb"],
       needs="wire")  # fmt: skip
async def looks_below_http(rig: WireRig, case: Deed) -> None:
    """A look that is cut off fails, and the next one may succeed."""
    async with loopback(rig, "poll", Fault.wire(case)) as made:
        remote_id = await made.submitted()
        with hurried_reads(HURRIES[0] if case in NEVER_ANSWERED else PATIENCE), pytest.raises(ProviderError):
            await made.poll(remote_id)
        made.emulator.faults.clear()
        assert (await made.poll(remote_id)).state == "succeeded"


@check(lambda _: (301, 302, 303, 307, 308), needs="wire")
async def redirected_looks(rig: WireRig, case: int) -> None:
    """The key goes to no other host."""
    elsewhere = rig.emulator()
    async with (
        Front(elsewhere) as there,
        loopback(rig, "poll", Fault.answer(case, "", location=f"{there}/api")) as made,
    ):
        with pytest.raises(ProviderError):
            await made.poll(await made.submitted())
    assert elsewhere.seen == []


@check(needs="wire")
async def nobody_listens_any_more(rig: WireRig, case: None) -> None:
    """A refused connection says nothing about the work."""
    async with Front(rig.emulator()) as url:
        pass
    async with bench(rig, url=url) as made:
        with pytest.raises(ProviderUnavailable):
            await made.poll("0" * 32)


@check(lambda rig: list(rig.written), needs="wire")
async def lengths_however_written(rig: WireRig, case: str) -> None:
    """Numbers, words, milliseconds, nothing: a clip whose length is not told is a clip."""
    async with bench(rig) as made:
        made.emulator.apply_script({"set": rig.written[case]})
        found = await made.poll(await made.submitted())
        assert found.state == "succeeded"
        assert len(found.clips) == rig.clips
        for clip in found.clips:
            if case == "null":
                assert clip.duration_seconds is None
            else:
                assert math.isclose(clip.duration_seconds or 0, await made.length_of(clip), abs_tol=0.51)


# --- over, but not yet at hand ----------------------------------------------------------------------------------------


@check(lambda rig: [] if rig.bare else [None], needs="wire")
async def links_that_come_late(rig: WireRig, case: None) -> None:
    """What is done but cannot be fetched yet is told without links; they are there as soon as the provider has them."""
    async with bench(rig) as made:
        made.emulator.late_links = 2
        remote_id = await made.submitted()
        early = [await made.poll(remote_id) for _ in range(2)]
        assert [found.state for found in early] == ["succeeded"] * 2
        assert all(found.clips and not any(clip.url for clip in found.clips) for found in early)
        done = await made.poll(remote_id)
        assert [bool(clip.url) for clip in done.clips] == [True] * rig.clips


@check(needs="wire")
async def done_and_then_failed(rig: WireRig, case: None) -> None:
    """A reading is what the provider says now, whatever it said before."""
    async with bench(rig) as made:
        made.emulator.done_looks = 2
        remote_id = await made.submitted()
        assert [(await made.poll(remote_id)).state for _ in range(4)] == ["succeeded"] * 2 + ["failed"] * 2


@check(lambda _: [{"code": 404, "msg": "?", "data": None}, {"code": 404, "error": {"message": "task not found"}},
                  {"code": 400, "message": "task not found"}, {"detail": "Task not found"}], needs="wire")  # fmt: skip
async def work_that_is_not_listed(rig: WireRig, case: Any) -> None:
    """Said by the provider itself: still running as far as anybody knows, and marked."""
    async with bench(rig) as made:
        remote_id = await made.submitted()
        made.emulator.script("poll", Fault.answer(case.get("code", 404), case))
        try:
            found = await made.poll(remote_id)
        except ProviderError:
            assert case.get("msg") == "?"  # not even words: only some providers document what that means
            return
        assert (found.state, found.unlisted) == ("running", True)
        assert not (await made.poll(remote_id)).unlisted


@check(needs="wire")
async def a_gateways_page_says_nothing_about_the_work(rig: WireRig, case: None) -> None:
    async with bench(rig) as made:
        found = await _read(made, await made.submitted(), Fault.answer(404, "<html>not found</html>"))
        assert isinstance(found, ProviderError) or not found.unlisted


@check(lambda rig: [0, 2] if rig.charges else [], needs="wire")
async def what_it_cost(rig: WireRig, case: int) -> None:
    """The charge of what is done; nothing once what failed is paid back, also where that shows late."""
    async with bench(rig) as made:
        assert (await made.poll(await made.submitted())).cost == 12
        made.emulator.late_refund, made.emulator.outcome = case, made.emulator.failed_outcome
        remote_id = await made.submitted()
        costs = [(await made.poll(remote_id)).cost for _ in range(case + 1)]
        assert costs == [12.0] * case + [0.0]
        assert made.emulator.ledger.balance == 1000 - 12
