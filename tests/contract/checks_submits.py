"""What a paid submit may come to on the wire: an answer, an odd answer, or none."""

from __future__ import annotations

import tracemalloc
from typing import Any

from contract.suite import check
from contract.wire_rig import HURRIES, NEVER_ANSWERED, PATIENCE, Said, WireRig, bench, loopback
from emulators.base import Emulator
from emulators.faults import Deed, Fault, Front
from fermata_mcp.providers.base import Accepted, NotSent, Refused, Submitted, Unclear

STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 429, 430, 433, 451, 455, 500, 502, 503, 504, 505)
LATER = (429, 430, 455, 503)
REDIRECTS = (301, 302, 303, 307, 308)
MOST_MEMORY = 32 * 1024 * 1024
PAGE = "<html><h1>502 Bad Gateway</h1></html>"


def _documented(rig: WireRig, status: int, *, http: bool = True) -> tuple[str | None, bool]:
    """What this provider documents, else what HTTP itself says."""
    if http and status in rig.in_http:
        return rig.in_http[status]
    if status in rig.refusals:
        return rig.refusals[status]
    if status == 429:
        return "rate_limited", True
    return "invalid_request" if 400 <= status < 500 and status != 408 else None, False


def _submit_cases(rig: WireRig) -> list[tuple[str, Fault, str | None]]:
    """Name, answer, and the code of the refusal it is; None where the outcome is open."""
    found: list[tuple[str, Fault, str | None]] = []
    for status in STATUSES:
        code, _ = _documented(rig, status)
        body = {"code": status, "msg": "no", "data": None}
        found.append((f"HTTP {status}", Fault.answer(status, body), code))
        if rig.in_body:
            code, _ = _documented(rig, status, http=False)
            found.append((f"200 with {status}", Fault.answer(200, body), code))
    found += [
        ("502 page", Fault.answer(502, PAGE), None),
        ("200 page", Fault.answer(200, PAGE), None),
        ("503 with Retry-After", Fault.answer(503, PAGE, retry_after="7"), "provider_unavailable"),
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


@check(_submit_cases, needs="wire")
async def answers_to_a_submit(rig: WireRig, case: tuple[str, Fault, str | None]) -> None:
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


@check(lambda rig: [(said.name, said) for said in rig.said], needs="wire")
async def other_answers(rig: WireRig, case: tuple[str, Said]) -> None:
    """None of the special answers is taken for an acceptance, and a refusal repeats the provider's own words."""
    said = case[1]
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(said.status, said.body))
        outcome = await made.submit()
        assert not isinstance(outcome, Accepted)
        if said.status == 403:
            assert isinstance(outcome, Refused)
            words = ("credits are not enough", "lyrics name an artist", "User is locked")
            assert any(word in str(said.body) and word in outcome.error.message for word in words)


NAMES = ("task_id", "taskId", "recordId", "record_id", "id")
ACCEPTED: dict[str, Any] = {
    **{f"{name} at the top": {name: "task-77"} for name in NAMES},
    **{f"data.{name}": {"data": {name: "task-77"}} for name in NAMES},
    **{f"data[0].{name}": {"data": [{name: "task-77"}]} for name in NAMES},
    **{f"code {code}": {"code": code, "msg": "?", "data": {"taskId": "task-77"}} for code in (0, 200, "200", 201, 300)},
    "a list of ids": {"code": 200, "data": ["task-77"]}, "ids in a list": {"task_id": ["task-77"]},
    "an id alone": {"code": 200, "data": "task-77"}, "a list": [{"task_id": "task-77"}],
    "no error": {"error": None, "errors": [], "data": {"taskId": "task-77"}},
}  # fmt: skip
NOT_ACCEPTED: dict[str, Any] = {
    "words": {"code": 200, "data": "success"}, "a code": {"code": 200, "data": "200"}, "a day": {"data": "2026-11-27"},
    "an error with an id": {"error": {"message": "no"}, "id": "req-1"}, "a failure": {"status": "error", "id": "t-1"},
    "no success": {"success": False, "data": {"taskId": "t-1"}}, "clips": {"data": [{"id": "c-1", "audio_url": ""}]},
}  # fmt: skip


@check(lambda _: list(ACCEPTED), needs="wire")
async def accepted_however_it_is_told(rig: WireRig, case: str) -> None:
    """An id beside any code below 400 is work that was taken on, under whatever name and wherever it is."""
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(200, ACCEPTED[case]))
        assert await made.submit() == Accepted(f"{rig.id_prefix}task-77")


@check(lambda _: list(NOT_ACCEPTED), needs="wire")
async def no_id_is_made_up(rig: WireRig, case: str) -> None:
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(200, NOT_ACCEPTED[case]))
        assert not isinstance(await made.submit(), Accepted)


@check(lambda _: [(status, code) for code in (418, 500, 599) for status in (200, code)], needs="wire")
async def an_id_beside_an_error_is_named(rig: WireRig, case: tuple[int, int]) -> None:
    """Nobody documents what that means: the outcome is open, and whoever looks into it has the id."""
    status, code = case
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(status, {"code": code, "msg": "?", "data": {"taskId": "task-77"}}))
        outcome = await made.submit()
        assert isinstance(outcome, Unclear), outcome
        assert "task-77" in outcome.evidence


MONEY = ("The current credits are insufficient. Please top up.", "Your credits have run out", "Not enough balance")


@check(lambda _: [(status, said) for said in MONEY for status in (200, 429)], needs="wire")
async def money_words_beside_429(rig: WireRig, case: tuple[int, str]) -> None:
    """Waiting brings no money."""
    status, said = case
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(status, {"code": 429, "msg": said, "data": None}))
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert (outcome.error.code, outcome.retry_after) == ("insufficient_credits", None)


@check(lambda _: ["Too many requests", "rate limit: 20 requests, no credits were used", "no"], needs="wire")
async def a_real_429_is_about_speed(rig: WireRig, case: str) -> None:
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(429, {"code": 429, "msg": case}))
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert (outcome.error.code, outcome.retry_after) == ("rate_limited", 10)


REASONS: tuple[Any, ...] = (
    {"detail": [{"loc": ["body", "x"], "msg": "bad tempo", "type": "t"}, {"loc": ["body"], "msg": "no key"}]},
    {"detail": {"message": "bad tempo; no key"}}, {"detail": {"error": {"message": "bad tempo; no key"}}},
    {"errors": ["bad tempo", {"message": "no key"}]}, {"error": {"detail": ["bad tempo", "no key"]}},
    {"message": "error", "error": {"message": "bad tempo", "errors": ["no key"], "detail": "bad tempo, no key"}},
    {"code": 400, "msg": "failed", "data": {"errorMessage": "bad tempo, no key"}},
)  # fmt: skip


@check(lambda _: list(enumerate(REASONS)), needs="wire")
async def reasons_however_wrapped(rig: WireRig, case: tuple[int, Any]) -> None:
    """Somebody must be told what to correct, and not only that it was wrong."""
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(400, case[1]))
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert "bad tempo" in outcome.error.message
        assert case[0] == 5 or "no key" in outcome.error.message


WAITS: tuple[tuple[str | None, float | None], ...] = (
    ("3", 3.0), ("0.5", 0.5), ("99999999", 300.0), ("-5", None), ("soon", None), ("nan", None), (None, None),
    ("Fri, 01 Jan 1999 00:00:00 GMT", None), ("Fri, 01 Jan 2199 00:00:00 GMT", 300.0),
)  # fmt: skip


@check(lambda _: WAITS, needs="wire")
async def waits_as_told(rig: WireRig, case: tuple[str | None, float | None]) -> None:
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


@check(lambda _: LATER, needs="wire")
async def only_what_means_later_is_sent_later(rig: WireRig, case: int) -> None:
    """`Retry-After` is heeded where the status means `later` at this provider, and nowhere else."""
    later = case == 503 or _documented(rig, case)[1]
    async with bench(rig) as made:
        made.emulator.script("submit", Fault.answer(case, {"code": case, "msg": "no"}, retry_after="7"))
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.retry_after == (7 if later else None)


@check(lambda _: REDIRECTS, needs="wire")
async def redirects_are_not_followed(rig: WireRig, case: int) -> None:
    """A request that holds a key goes to no other host; what became of a redirected submit is open."""
    elsewhere = rig.emulator()
    async with Front(elsewhere) as there:
        fault = Fault.answer(case, "", location=f"{there}{rig.made().submit_call(rig.first_work).path}")
        async with loopback(rig, "submit", fault) as made:
            assert isinstance(await made.submit(), Unclear)
            assert made.emulator.submits_seen() == 1
    assert elsewhere.seen == []


async def _after(case: Deed, rig: WireRig, patience: float) -> tuple[Submitted, Emulator]:
    async with loopback(rig, "submit", Fault.wire(case), patience) as made:
        return await made.submit(), made.emulator


@check(lambda _: ["reset_before_body", "reset", "hang", "drip", "close", "half_head", "half_body", "huge", "gzip_bomb"],
       needs="wire")  # fmt: skip
async def misdeeds_below_http(rig: WireRig, case: Deed) -> None:
    """Whatever the network does to a paid request: the outcome is open, and there was one POST."""
    patience, *longer = HURRIES if case in NEVER_ANSWERED else (PATIENCE,)
    outcome, emulator = await _after(case, rig, patience)
    while longer and not emulator.submits_seen():  # the machine was too busy to bring it there in time
        outcome, emulator = await _after(case, rig, longer.pop(0))
    assert isinstance(outcome, Unclear), outcome
    assert emulator.submits_seen() == 1
    assert len(emulator.ledger.submits) == (case != "reset_before_body")


@check(lambda _: ["huge", "gzip_bomb"], needs="wire")
async def floods_fill_no_memory(rig: WireRig, case: Deed) -> None:
    """A gigabyte, packed or not, is put down long before it is all there."""
    async with loopback(rig, "submit", Fault.wire(case)) as made:
        await made.submit()
        tracemalloc.start()
        try:
            await made.submit()
            assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
        finally:
            tracemalloc.stop()


@check(needs="wire")
async def nobody_listens(rig: WireRig, case: None) -> None:
    """A refused connection proves that nothing was sent."""
    async with Front(rig.emulator()) as url:
        pass
    async with bench(rig, url=url) as made:
        outcome = await made.submit()
        assert isinstance(outcome, NotSent)
        assert outcome.error.code == "provider_unavailable"


@check(needs="wire")
async def accepted_after_a_slip(rig: WireRig, case: None) -> None:
    """An accepted submit is charged once under the id that was given back."""
    async with bench(rig) as made:
        remote_id = await made.submitted()
        assert [rig.id_prefix + submit["task"] for submit in made.emulator.ledger.submits] == [remote_id]
        sent = made.emulator.seen[-1].headers
        account = made.provider.spec.account
        assert account is not None
        assert sent[account.key_header.lower()] == account.key_form.format(made.emulator.key)
        assert sent["content-type"] == "application/json"
        made.emulator.script("submit", Fault.answer(200, rig.accepted("task-77")))
        assert await made.submit() == Accepted(f"{rig.id_prefix}task-77")
        made.clean()


@check(needs="wire")
async def a_wrong_key_and_no_money(rig: WireRig, case: None) -> None:
    """The emulator's own refusals, in its own words."""
    async with bench(rig) as made:
        key, made.emulator.key = made.emulator.key, "another"
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "authentication_failed"
        made.emulator.key = key
        made.emulator.ledger.balance = 0.0
        outcome = await made.submit()
        assert isinstance(outcome, Refused)
        assert outcome.error.code == "insufficient_credits"
        assert outcome.retry_after is None
        assert made.emulator.ledger.submits == []
        made.clean()
