"""What follows a finished step, as a table: a further step, or the end of its task and how that is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import Cancelled, GenerationFailed
from fermata_mcp.domain.task import Audio, Clip, Step, Task, Work
from fermata_mcp.engine.steps.chain import Next, affordable, after_step, cap_of, ended_by, what_is_missing
from support.engines import settings_in
from support.rows import NOON, PAID, PRICE, a_task, running_step

WHOLE = Clip(provider_clip_id="c1", duration_seconds=34.0, own_seconds=34.0, whole_track=True, file="/out/a.wav")
PART = WHOLE.model_copy(update={"whole_track": False, "continue_at": 30.0, "duration_seconds": 30.0})
WITH_CONCAT = replace(PAID, other_prices={"concat": Price(1, 1, "")})


def a_chain(step: Step, **request: Any) -> Task:
    asked = {"source": "/a.wav", "target_seconds": 120, "max_steps": 5} | request
    return a_task(kind="chain", request=asked, steps=(step,))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def after(task: Task, step: Step, settings: Settings, *clips: Clip, spec: Any = PAID) -> Next:
    return after_step(task, step, clips or (WHOLE,), ("said",), spec, settings, NOON)


def test_one_extension_ends_its_task(settings: Settings) -> None:
    told = after(a_task(), running_step(), settings)
    assert (told.step, told.task.get("status"), told.task.get("warnings")) == (None, "succeeded", ("said",))


def test_a_part_that_was_not_joined_is_said_to_be_one(settings: Settings) -> None:
    told = after(a_task(), running_step(), settings, PART)
    assert "only hold the new part" in " ".join(told.task.get("warnings", ()))


def test_an_upload_is_followed_by_the_extension(settings: Settings) -> None:
    told = after(a_task(), running_step(action="upload", source_url="https://a"), settings)
    assert told.step is not None
    work = told.step.work
    assert (told.step.seq, work.action, work.source_clip, work.source_url) == (1, "extend", "c1", None)


def test_a_part_is_joined_by_the_provider_where_it_can(settings: Settings) -> None:
    told = after(a_task(), running_step(), settings, PART, spec=WITH_CONCAT)
    assert told.step is not None
    assert (told.step.work.action, told.step.work.source_clip) == ("concat", "c1")


@pytest.mark.parametrize("kept", [{"stitch": "never"}, {"max": 10}])
def test_and_not_where_that_is_not_wanted_or_costs_too_much(kept: dict[str, Any], settings: Settings) -> None:
    asked = {"source": "/a.wav"} | ({"stitch": "never"} if "stitch" in kept else {"max_credits": 10})
    task = replace(a_task(request=asked), held=PRICE)
    assert after(task, running_step(), settings, PART, spec=WITH_CONCAT).step is None


def test_a_chain_goes_on_from_what_was_made(settings: Settings) -> None:
    step = running_step()
    told = after(a_chain(step), step, settings)
    assert told.step is not None
    work = told.step.work
    assert (work.action, work.source_clip, work.before_seconds, work.before_file) == (
        "extend",
        "c1",
        34.0,
        "/out/a.wav",
    )
    assert (told.task.get("status"), told.task.get("message")) == ("running", "34 s of 120 s")


@pytest.mark.parametrize(
    ("request_", "clip", "status", "words"),
    [
        ({"target_seconds": 34.5}, {}, "succeeded", None),
        ({"max_steps": 1}, {}, "partial", "after max_steps 1"),
        ({"max_credits": 10}, {}, "partial", "exceed the credit cap"),
        ({}, {"duration_seconds": 6.0}, "partial", "added only 2 s"),
        ({}, {"provider_clip_id": None}, "partial", "named no clip"),
        ({}, {"file": None}, "partial", "before it has what is paid for"),
        ({}, {"whole_track": False, "continue_at": 4.0}, "partial", "could not join"),
    ],
)
def test_a_chain_stops_and_says_why(
    request_: dict[str, Any], clip: dict[str, Any], status: str, words: str | None, settings: Settings
) -> None:
    step = running_step()
    task = replace(a_chain(step, **request_), held=PRICE)
    told = after(task, step, settings, WHOLE.model_copy(update=clip))
    assert (told.step, told.task.get("status")) == (None, status)
    assert words is None or words in " ".join(told.task.get("warnings") or ())


@pytest.mark.parametrize(("prompts", "said"), [(1, None), (2, "its last prompt"), (3, "its last 2 prompts")])
def test_prompts_of_extensions_that_were_not_made_are_told(prompts: int, said: str | None, settings: Settings) -> None:
    step = running_step()
    over = after(a_chain(step, target_seconds=34.5, prompts=["slower"] * prompts), step, settings)
    assert over.step is None
    told = [warning for warning in over.task.get("warnings", ()) if "prompt" in warning]
    assert told == ([] if said is None else [f"The chain was over before {said} had a turn."])


def test_a_cancelled_task_stays_cancelled_whatever_is_delivered(settings: Settings) -> None:
    told = after(replace(a_task(), cancel_at=NOON), running_step(), settings)
    assert (told.step, told.task.get("status")) == (None, "cancelled")
    assert told.task.get("audio") is not None


def test_caps_are_those_of_the_call_and_of_the_operator(tmp_path: Path) -> None:
    task = a_task(request={"source": "/a", "max_credits": 30})
    assert cap_of(task, settings_in(tmp_path)) == 30_000
    assert cap_of(task, settings_in(tmp_path, max_credits_per_call=20)) == 20_000
    assert cap_of(a_task(), settings_in(tmp_path)) is None
    assert affordable(replace(task, charged=10_000, held=10_000), Work(save_as="/a"), PAID, settings_in(tmp_path))
    assert not affordable(replace(task, charged=10_001, held=10_000), Work(save_as="/a"), PAID, settings_in(tmp_path))


def test_the_variation_that_was_asked_for_where_it_is_there() -> None:
    task, clips = a_task(kind="chain", request={"variation": 1}), (WHOLE, PART)
    assert task.carried_on(clips) is PART
    assert task.carried_on((WHOLE,)) is WHOLE


@pytest.mark.parametrize(
    ("audio", "error", "status"),
    [
        (None, GenerationFailed("no."), "failed"),
        (Audio(file="/a"), GenerationFailed("no."), "partial"),
        (Audio(file="/a"), Cancelled("stopped."), "cancelled"),
    ],
)
def test_how_a_task_ends_that_cannot_go_on(audio: Audio | None, error: Any, status: str) -> None:
    assert ended_by(replace(a_task(), audio=audio), error, NOON).get("status") == status


def test_takes_that_lack_the_same_are_named_together() -> None:
    lacking = WHOLE.model_copy(update={"whole_track": None})
    assert what_is_missing(a_task(), (WHOLE,)) == ()
    [told] = what_is_missing(a_task(), (lacking, lacking))
    assert told.startswith("The file and take 2 may be the whole track")
