"""Adapters with a planted bug each. The contract suite must catch every one of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contract.checks import CHECKS, Check
from contract.local_rig import LOCAL
from contract.rig import Rig
from contract.rigs_kie import KIE as KIE_RIG
from contract.rigs_suno import SUNOAPI
from fermata_mcp.domain.errors import FermataError, GenerationFailed
from fermata_mcp.domain.spec import FieldSpec, Refusal
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Snapshot, Submitted
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import named_id
from fermata_mcp.providers.local.provider import LocalProvider
from fermata_mcp.providers.suno import kie_classic
from fermata_mcp.providers.suno.common import SunoAdapter
from fermata_mcp.providers.suno.kie import KieAdapter
from fermata_mcp.providers.suno.sunoapi import SPEC, SunoapiAdapter

pytestmark = pytest.mark.anyio


def _body(call: Call, **changed: Any) -> Call:
    return replace(call, body={**(call.body or {}), **changed})


class DropsAField(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        call = super().submit_call(work)
        return replace(call, body={name: value for name, value in (call.body or {}).items() if name != "negativeTags"})


class AlwaysCustom(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        return _body(super().submit_call(work), defaultParamFlag=True)


class OptionsFirst(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        ours = super().submit_call(work.model_copy(update={"options": {}}))
        return replace(ours, body={**work.options, **(ours.body or {})})


class OneEndpointForAll(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        return replace(super().submit_call(work), path="/api/v1/generate/extend")


class DropsWhatItCannotSay(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        told = {name: value for name, value in work.fields.items() if name != "instrumental"}
        return super().submit_call(work.model_copy(update={"fields": told}))


class WeightsInPercent(SunoapiAdapter):
    def submit_call(self, work: Work) -> Call:
        call = super().submit_call(work)
        weight = (call.body or {}).get("styleWeight")
        return _body(call, styleWeight=weight * 100) if weight is not None else call


class AcceptsWithoutAnId(SunoapiAdapter):
    def read_submit(self, answer: Answer) -> str | None:
        return str(answer.get("data", "taskId"))


class FirstClipIsEnough(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        return replace(found, state="succeeded") if found and found.clips else found


class StreamsAreAudio(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        items: list[dict[str, Any]] = answer.get("data", "response", "sunoData") or []
        for item in items:
            item["audioUrl"] = item["audioUrl"] or item["streamAudioUrl"]
        return super().read_poll(answer, remote_id)


class UnknownIsFailed(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        word = str(answer.get("data", "status"))
        known = word.endswith(("SUCCESS", "PENDING", "ERROR", "FAILED", "TIMEOUT", "EXCEPTION"))
        return found if known or not found else Snapshot("failed", error=GenerationFailed("?"))


class OneFailedIsAllFailed(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        return Snapshot("failed", error=GenerationFailed("?")) if found and found.warnings else found


class ErrorsOnALookAreFinal(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        failed = Snapshot("failed", error=GenerationFailed("?"))
        return failed if answer.code() >= 400 else super().read_poll(answer, remote_id)


class WholeCredits(SunoapiAdapter):
    def read_balance(self, answer: Answer) -> float | None:
        found = super().read_balance(answer)
        return None if found is None else float(int(found))


class SameNameForEveryUpload(SunoapiAdapter):
    def upload_call(self, file: Path) -> Call:
        return replace(super().upload_call(file), form={"uploadPath": "fermata", "fileName": "song.wav"})


class OnlyCode200Counts(SunoapiAdapter):
    def read_submit(self, answer: Answer) -> str | None:
        return super().read_submit(answer) if answer.get("code") == 200 else None


class BelievesAnIdBesideAnError(SunoapiAdapter):
    """As if the code of the answer were never looked at."""

    def read_submit(self, answer: Answer) -> str | None:
        return named_id(answer.body)


class NoMoneyForHurry(SunoapiAdapter):
    def refusal(self, answer: Answer) -> Refusal | None:
        return None


class WaitsForLinks(SunoapiAdapter):
    """Work that is done is called running while a link is missing."""

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        late = found and found.state == "succeeded" and not all(clip.url for clip in found.clips)
        return replace(found, state="running") if found and late else found


class NeverUnlisted(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        return replace(found, unlisted=False) if found else found


class PagesAreRecords(SunoapiAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        page = answer.code() == 404
        return Snapshot("running", unlisted=True) if page else super().read_poll(answer, remote_id)


class KeepsRefundsToItself(KieAdapter):
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        found = super().read_poll(answer, remote_id)
        return replace(found, cost=None) if found and found.state == "failed" else found


class SingsOverTheInstrumental(KieAdapter):
    """What the page forbids beside `instrumental` goes along with it."""

    def submit_call(self, work: Work) -> Call:
        call = super().submit_call(work)
        told = (call.body or {})["input"]
        return _body(call, input=told | ({"prompt": "la"} if told.get("instrumental") else {}))


class OldDoorForJobs(KieAdapter):
    def poll_call(self, remote_id: str) -> Call:
        return SunoAdapter.poll_call(self, remote_id.removeprefix("job:"))


class InputWithoutItsBox(KieAdapter):
    def submit_call(self, work: Work) -> Call:
        body = dict(super().submit_call(work).body or {})
        return Call("POST", "/api/v1/jobs/createTask", body["input"] | {"model": body["model"]})


KIE_CAUGHT_BY: dict[type[KieAdapter], str] = {
    KeepsRefundsToItself: "what_it_cost",
    SingsOverTheInstrumental: "fields_arrive",
    OldDoorForJobs: "every_state_until_done",
    InputWithoutItsBox: "documented_examples",
}
CAUGHT_BY: dict[type[SunoapiAdapter] | str, str] = {
    DropsAField: "fields_arrive",
    AlwaysCustom: "documented_examples",
    OptionsFirst: "options_override",
    OneEndpointForAll: "documented_examples",
    DropsWhatItCannotSay: "fields_arrive",
    WeightsInPercent: "fields_arrive",
    AcceptsWithoutAnId: "answers_to_a_submit",
    FirstClipIsEnough: "every_state_until_done",
    StreamsAreAudio: "every_state_until_done",
    UnknownIsFailed: "unknown_words_are_running",
    OneFailedIsAllFailed: "endings",
    ErrorsOnALookAreFinal: "refused_looks",
    WholeCredits: "balances",
    SameNameForEveryUpload: "uploads",
    OnlyCode200Counts: "accepted_however_it_is_told",
    BelievesAnIdBesideAnError: "no_id_is_made_up",
    NoMoneyForHurry: "a_real_429_is_about_speed",
    WaitsForLinks: "links_that_come_late",
    NeverUnlisted: "work_that_is_not_listed",
    PagesAreRecords: "a_gateways_page_says_nothing_about_the_work",
    "wrong wire name": "fields_arrive",
    "undeclared field": "every_documented_field_is_declared",
    "codes of the other host": "answers_to_a_submit",
    "500 means no": "answers_to_a_submit",
}
OTHER_FACTS = {
    "wrong wire name": replace(SPEC, fields={**SPEC.fields, "exclude_style": FieldSpec("excludeStyle")}),
    "undeclared field": replace(SPEC, fields={name: SPEC.fields[name] for name in SPEC.fields if name != "persona_id"}),
    "codes of the other host": replace(SPEC, refusals=kie_classic.SPEC.refusals),
    "500 means no": replace(SPEC, refusals={**SPEC.refusals, 500: Refusal("provider_unavailable", True)}),
}


def _name(value: Any) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("mutant", "name"), CAUGHT_BY.items(), ids=_name)
async def test_the_suite_catches(mutant: type[SunoapiAdapter] | str, name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    assert await _holds(check, SUNOAPI)
    assert not await _holds(check, replace(SUNOAPI, adapter=partial(_made, mutant)))


@pytest.mark.parametrize(("mutant", "name"), KIE_CAUGHT_BY.items(), ids=_name)
async def test_the_suite_catches_at_the_job_door(mutant: type[KieAdapter], name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    assert await _holds(check, KIE_RIG)
    assert not await _holds(check, replace(KIE_RIG, adapter=mutant))


class ForgetsTheTitle(LocalProvider):
    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        return await super().submit(attempt_id, work.model_copy(update={"fields": {}}))


class NeverLoses(LocalProvider):
    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        found = await super().poll(remote_id, work)
        return Snapshot("running") if found.state == "lost" else found


class StopsAndDoubtsIt(LocalProvider):
    async def stop(self, remote_id: str) -> bool:
        await super().stop(remote_id)
        return False


class BeginsAnew(LocalProvider):
    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        return await super().submit(f"{attempt_id}-{id(work)}-{len(self._jobs)}", work)


LOCAL_CAUGHT_BY: dict[type[LocalProvider], str] = {
    ForgetsTheTitle: "fields_arrive",
    NeverLoses: "an_id_that_is_not_known",
    StopsAndDoubtsIt: "stopping",
    BeginsAnew: "repeatable_work_can_be_repeated",
}


@pytest.mark.parametrize(("mutant", "name"), LOCAL_CAUGHT_BY.items(), ids=_name)
async def test_the_suite_catches_without_a_wire(mutant: type[LocalProvider], name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    assert await _holds(check, LOCAL)
    assert not await _holds(check, replace(LOCAL, make=mutant))


def _made(mutant: type[SunoapiAdapter] | str, callback_url: str | None) -> SunoapiAdapter:
    if not isinstance(mutant, str):
        return mutant(callback_url)
    made = SunoapiAdapter(callback_url)
    made.spec = OTHER_FACTS[mutant]
    return made


async def _holds(check: Check, rig: Rig) -> bool:
    for case in check.cases_of(rig):
        try:
            await check.run(rig, case)
        except (AssertionError, LookupError, FermataError, pytest.fail.Exception):
            return False
    return True
