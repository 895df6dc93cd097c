"""What callers see of a task, as data and as a few lines of text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fermata_mcp.domain.errors import OutcomeUnknown
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import TASK_STATUSES, Audio, Clip, Failure, Step, Task, TaskStatus, Work
from fermata_mcp.engine.credits import CreditsReport, ProviderCredits
from fermata_mcp.providers.local.provider import SPEC as LOCAL
from fermata_mcp.store.base import Replayed
from fermata_mcp.surface.text import credits_text, list_text, task_text
from fermata_mcp.surface.views import (
    CreditsView,
    TaskList,
    TaskView,
    credits_view,
    iso,
    provider_facts,
    short,
    task_view,
)
from support.rows import NOON, PAID, PRICE, a_task

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = {
    TaskView: "task_id kind provider provider_reason status progress source audio clips steps credits error "
    "warnings next created_at updated_at finished_at",
    CreditsView: "providers spent_today spent_this_week spent_this_month cap_today",
    TaskList: "tasks next_cursor unreadable",
}
PARTS = {
    "progress": "fraction elapsed_seconds expected_seconds message",
    "source": "ref duration_seconds",
    "audio": "file url duration_seconds whole_track",
    "credits": "quoted expected charged refunded",
}
CLIP_FIELDS = "clip provider_clip_id title duration_seconds whole_track continue_at url file model"
AUDIO = Audio(file="/music/out.wav", duration_seconds=34, whole_track=True)
LOST = Failure.of(OutcomeUnknown("the answer to the paid request was lost."))


def a_step_with(clip: Clip) -> Step:
    return Step(
        id="stp_1", task_id="tsk_1", provider="paid", account_id="account", seq=0, state="succeeded",
        work=Work(save_as="/music/out.wav"), home=None, fence=1, due_at=None, remote_id="remote-1",
        attempt_id="att_1", submitted_at=NOON, made_at=None, polls=2, error_streak=0, clips=(clip,), error=None,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip


def in_status(status: TaskStatus, **fields: Any) -> Task:
    """A task as it usually looks in `status`."""
    usual: dict[str, Any] = {"status": status, "message": status}
    if status in ("succeeded", "partial"):
        clip = Clip(file=AUDIO.file, duration_seconds=34, whole_track=True)
        usual |= {"audio": AUDIO, "finished_at": NOON + 5000, "steps": (a_step_with(clip),), "charged": PRICE}
    if status in ("failed", "unknown"):
        usual |= {"error": LOST}
    return replace(a_task(), **(usual | fields))


def shown(task: Task, spec: ProviderSpec = PAID, replayed: Replayed = None, *, dry_run: bool = False) -> str:
    return task_text(task_view(task, NOON + 7000, spec, replayed, dry_run=dry_run), spec)


@pytest.mark.parametrize(("view", "names"), FIELDS.items())
def test_views_have_the_fields_of_the_contract(view: type[BaseModel], names: str) -> None:
    assert set(view.model_fields) == set(names.split())


@pytest.mark.parametrize(("part", "names"), PARTS.items())
def test_parts_of_a_task_have_the_fields_of_the_contract(part: str, names: str) -> None:
    told = task_view(in_status("succeeded"), NOON, PAID).model_dump()
    assert set(told[part]) == set(names.split())


def test_clips_have_the_fields_of_the_contract_and_can_be_used_as_source() -> None:
    task = in_status("succeeded")
    (clip,) = task_view(task, NOON, PAID).clips
    assert set(CLIP_FIELDS.split()) <= set(clip.model_dump())
    assert clip.clip == f"{task.id}/0"


@given(st.integers(0, 4_000_000_000_000))
def test_times_are_iso_8601_in_utc_to_the_millisecond(at: int) -> None:
    text = iso(at)
    assert ISO.fullmatch(text)
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)


def test_a_task_tells_its_times_that_way() -> None:
    view = task_view(in_status("succeeded"), NOON, PAID)
    assert all(ISO.fullmatch(str(text)) for text in (view.created_at, view.updated_at, view.finished_at))
    assert task_view(in_status("running"), NOON, PAID).finished_at is None


def test_elapsed_time_stops_when_the_task_does_and_never_runs_backwards() -> None:
    assert task_view(in_status("running"), NOON + 7000, PAID).progress.elapsed_seconds == 7
    assert task_view(in_status("succeeded"), NOON + 9000, PAID).progress.elapsed_seconds == 5
    assert task_view(in_status("running"), NOON - 9000, PAID).progress.elapsed_seconds == 0


@pytest.mark.parametrize("spec", [PAID, LOCAL], ids=lambda spec: spec.name)
@pytest.mark.parametrize("status", TASK_STATUSES)
def test_every_status_is_told_in_two_to_five_lines(status: TaskStatus, spec: ProviderSpec) -> None:
    task = in_status(status, warnings=("One thing.", "Another thing."))
    lines = shown(task, spec, "request").splitlines()
    assert 2 <= len(lines) <= 5
    assert all(line.strip() for line in lines)
    assert lines[-1].startswith("Next: ")
    assert lines[-1].count("Next:") == 1


@pytest.mark.parametrize("status", TASK_STATUSES)
def test_the_text_names_the_task_or_its_file(status: TaskStatus) -> None:
    task = in_status(status)
    named = "/music/out.wav" if task.audio else task.id
    assert named in shown(task)


def test_success_tells_where_how_long_and_what_it_cost() -> None:
    text = shown(in_status("succeeded"))
    for part in ("/music/out.wav", "34.0 s", "before 4.0 s", "10 credits"):
        assert part in text


def test_free_work_speaks_honestly_and_not_of_money() -> None:
    text = shown(in_status("succeeded"), LOCAL)
    assert "nothing new was composed" in text
    assert "credits" not in text


def test_an_unknown_outcome_is_for_the_person_to_settle() -> None:
    task = in_status("unknown")
    assert f'resolve_task with task_id "{task.id}"' in shown(task)
    assert "Ask the person" in shown(task)
    assert "outcome_unknown" in shown(task)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_work_that_goes_on_says_how_to_follow_it(status: TaskStatus) -> None:
    task = in_status(status)
    assert f'get_task with task_id "{task.id}"' in shown(task)


@pytest.mark.parametrize("how", ["key", "request"])
@pytest.mark.parametrize("status", TASK_STATUSES)
def test_a_replay_says_so_in_data_and_in_text(status: TaskStatus, how: Any) -> None:
    task = in_status(status)
    assert "nothing new was started" in task_view(task, NOON, PAID, how).warnings[0]
    assert "nothing new was started" in shown(task, replayed=how)


def test_a_replayed_request_says_how_to_get_another() -> None:
    assert "take: 2" in shown(in_status("succeeded"), replayed="request")


def test_a_dry_run_has_no_id_and_says_that_nothing_was_sent() -> None:
    view = task_view(a_task(), NOON, PAID, dry_run=True)
    assert (view.task_id, view.status, view.credits.quoted) == (None, "queued", 10)
    assert any("nothing was sent" in warning for warning in view.warnings)
    assert "nothing was sent" in shown(a_task(), dry_run=True)


def test_work_done_whose_audio_is_not_here_yet_is_told_without_a_path() -> None:
    text = shown(in_status("succeeded", audio=None, steps=()))
    assert "not here yet" in text
    assert "None" not in text


@given(
    status=st.sampled_from(TASK_STATUSES),
    words=st.lists(st.text(max_size=50), max_size=4),
    message=st.text(max_size=100),
)
def test_no_words_of_others_add_lines(status: TaskStatus, words: list[str], message: str) -> None:
    failure = Failure(code="generation_failed", message=message, hint="call again.") if status == "failed" else None
    task = in_status(status, warnings=tuple(words), message=message, **({"error": failure} if failure else {}))
    assert 2 <= len(shown(task).splitlines()) <= 5


# --- lists and money --------------------------------------------------------------------------------------------------


def money(name: str = "paid", **fields: Any) -> ProviderCredits:
    usual: dict[str, Any] = {
        "provider": name, "configured": True, "balance": 95.0, "price_per_extend": 10.0, "extends_left": 9,
        "note": None, "error": None,
    }  # fmt: skip
    return ProviderCredits(**(usual | fields))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 20])
@pytest.mark.parametrize("cursor", [None, "123.tsk_1"])
@pytest.mark.parametrize("unreadable", [0, 1, 9])
def test_a_list_is_two_to_five_lines(count: int, cursor: str | None, unreadable: int) -> None:
    ids = [f"tsk_bad_{number}" for number in range(unreadable)]
    page = TaskList(tasks=[short(in_status("succeeded")) for _ in range(count)], next_cursor=cursor, unreadable=ids)
    assert all(task_id in list_text(page) for task_id in ids[:3])
    assert not ids or f"{unreadable} cannot be read" in list_text(page)
    lines = list_text(page).splitlines()
    assert 2 <= len(lines) <= 5
    assert all(lines)
    assert lines[-1].startswith("Next: ")


def test_a_list_shows_newest_first_and_how_to_get_older_ones() -> None:
    page = TaskList(tasks=[short(in_status("succeeded"))], next_cursor="123.tsk_1")
    assert 'cursor "123.tsk_1"' in list_text(page)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_credits_have_a_line_for_each_provider_that_is_ready_and_one_for_what_was_spent(count: int) -> None:
    view = credits_view(CreditsReport(tuple(money(f"p{i}") for i in range(count)), 20, 30, 45.5, 100))
    lines = credits_text(view).splitlines()
    assert len(lines) == count + 1
    assert lines[-1] == "Spent: 20 of 100 credits today, 30 this week, 45.5 this month (UTC)."


def test_credits_tell_what_they_do_not_know() -> None:
    known = money(balance=None, note="no such call"), money(error="rate_limited: later.")
    assert credits_text(credits_view(CreditsReport(known, 0, 0, 0, None))).splitlines() == [
        "paid: no such call.",
        "paid: rate_limited: later.",
        "Spent: 0 credits today, 0 this week, 0 this month (UTC).",
    ]


def test_what_others_would_cost_is_told_without_their_key() -> None:
    other = money("other", configured=False, balance=None, note="not configured: set OTHER_API_KEY")
    lines = credits_text(credits_view(CreditsReport((money(), other), 0, 0, 0, None))).splitlines()
    assert lines[1] == "Without a key: other up to 10 credits an extension (not configured: set OTHER_API_KEY)."


@pytest.mark.parametrize("spec", [PAID, LOCAL], ids=lambda spec: spec.name)
def test_the_capability_row_of_a_provider_is_complete_and_finite(spec: ProviderSpec) -> None:
    facts = provider_facts(spec)
    assert facts["needs"] == (spec.key_variable or "nothing")
    assert set(facts["fields"]) == set(spec.fields)
    assert float("inf") not in facts["lengths_seconds"].values()
