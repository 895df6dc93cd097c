"""The tests of deliveries can fail: each bug that was once there is planted again, and is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulators.faults import Fault
from emulators.paid import Paid, named
from fermata_mcp.domain.placement import Evidence, Start
from fermata_mcp.domain.task import Clip
from fermata_mcp.engine.steps import chain
from fermata_mcp.engine.steps import collector as collecting
from fermata_mcp.engine.steps.audio import delivery, placing
from fermata_mcp.engine.steps.money import money_of_failure
from fermata_mcp.media.decoding.client import Decoder
from support.engines import House, finished
from support.shop import Shop, quick, trading
from unit.engine.steps.audio.test_delivery import test_nothing_is_missing_without_a_word as delivers

PRODUCER = named("musicapi-producer")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio


def by_length_alone(known: Evidence) -> Start:
    """Whatever is long enough is taken for the whole."""
    if known.own is None or known.point is None:
        return "track"
    return "track" if known.own >= known.point + 1 else "new"


def never(*_: Any) -> tuple[()]:
    return ()


async def nobody_knows(*_: Any) -> None:
    """Whether two recordings are alike."""


def _goes_on(real: Callable[..., str | None]) -> Callable[..., str | None]:
    def reason(*given: Any) -> str | None:
        said = real(*given)
        return None if said and "could not join" in said else said

    return reason


PLANTED: dict[str, tuple[Any, str, Any, Paid, str, str, str]] = {
    "length alone decides": (placing, "start_of", by_length_alone, SUNOAPI, "clip", "extend", "segment"),
    "a tail of a chain is taken for its clip": (
        Decoder, "likeness", nobody_knows, PRODUCER, "task", "chain", "segment",
    ),
    "nobody says what is missing": (chain, "what_is_missing", never, SUNOAPI, "clip", "extend", "segment"),
    "a chain pays on": (
        chain, "_reason_to_stop", _goes_on(vars(chain)["_reason_to_stop"]), SUNOAPI, "clip", "chain", "segment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
async def test_a_delivery_that_lacks_music_is_seen(bug: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    room, name, wrong, paid, form, kind, returns = PLANTED[bug]
    monkeypatch.setattr(room, name, wrong)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        await delivers(paid, form, kind, returns, house)  # pyright: ignore[reportArgumentType]


def whole(clip: Clip, heard: Any) -> list[str]:
    return []


def given_up(_: Any) -> bool:
    return False


@pytest.mark.parametrize(
    ("room", "name", "wrong"),
    [(collecting, "_worth_waiting_for", given_up), (delivery, "_incomplete", whole)],
    ids=["the first answer is the last", "half a file is a file"],
)
async def test_audio_that_is_given_up_too_early_is_seen(
    room: Any, name: str, wrong: Any, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, name, wrong)
    monkeypatch.setattr(collecting, "WAIT_FOR_AUDIO_SECONDS", 10**9)
    emulator = quick(SUNOAPI)
    emulator.cut_audio = name == "_incomplete"
    if not emulator.cut_audio:
        emulator.script("audio", Fault.answer(404, "gone"), 10_000)
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, _):
        task = await finished(service, await Shop(SUNOAPI, house, service, emulator).start())
    assert task.finished, "with the bug the task ends at once; without it, it waits for the audio"


def test_money_that_may_be_gone_is_disputed() -> None:
    assert [entry.kind for entry in money_of_failure(12, taken_on=True, refunds=False)] == ["release", "disputed"]
    assert [entry.kind for entry in money_of_failure(12, taken_on=True, refunds=False, cost=0)][-1] == "refund"
    assert [entry.kind for entry in money_of_failure(12, taken_on=True, refunds=True, cost=12)] == ["release", "charge"]
    assert [entry.kind for entry in money_of_failure(12, taken_on=False, refunds=False)] == ["release"]
