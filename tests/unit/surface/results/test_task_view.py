"""What callers see of a task, as data and as a few lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.errors import OutcomeUnknown
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import TASK_STATUSES, Audio, Clip, Failure, Seam, SourceFacts, Step, Task, TaskStatus, Work
from fermata_mcp.providers.local.provider import SPEC as LOCAL
from fermata_mcp.store.base import Replayed
from fermata_mcp.surface.results.credits import CreditsView
from fermata_mcp.surface.results.history import TaskList
from fermata_mcp.surface.results.task_text import clip_text, task_text
from fermata_mcp.surface.results.task_view import MOST_SEAMS, TaskView, clip_view, task_view
from fermata_mcp.surface.results.view import iso
from support.rows import NOON, PAID, PRICE, a_task

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = {
    TaskView: "task_id kind provider provider_reason status summary progress source audio clips steps credits "
    "honesty error warnings next created_at updated_at finished_at",
    CreditsView: "providers spent_today spent_this_week spent_this_month cap_today cap_this_month usd",
    TaskList: "tasks next_cursor unreadable",
}
PARTS = {
    "progress": "fraction elapsed_seconds expected_seconds message",
    "source": "ref duration_seconds",
    "audio": "file url duration_seconds whole_track",
    "credits": "unit quoted expected charged refunded",
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
    return task_text(task_view(task, NOON + 7000, spec, replayed, dry_run=dry_run))


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
def test_every_status_is_told_in_whole_lines_that_end_with_what_to_do(status: TaskStatus, spec: ProviderSpec) -> None:
    task = in_status(status, warnings=("One thing.", "Another thing."))
    lines = shown(task, spec, "request").splitlines()
    assert len(lines) >= 2
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
    for part in ("/music/out.wav", "34.00 s", "before 4.00 s", "10 credits"):
        assert part in text


def test_free_work_speaks_honestly_and_not_of_money() -> None:
    text = shown(in_status("succeeded", charged=0, quote=Quote(0, 0)), LOCAL)
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
    without = in_status(status, **({"error": failure} if failure else {}))
    assert len(shown(task).splitlines()) <= len(shown(without).splitlines()) + len(words)


# --- text and data ----------------------------------------------------------------------------------------------------


def two_takes(status: TaskStatus, seams: int = 0) -> Task:
    """A finished task with a whole first take, with joins, and a second one of which only a link is here."""
    joins = tuple(
        Seam.model_validate({"at": 10.0 * (n + 1), "from": 3, "to": 1, "blend_ms": 200, "confidence": 0.5 + n / 100})
        for n in range(seams)
    )
    first = Clip(file=AUDIO.file, duration_seconds=34, whole_track=True, seams=joins, model="V5", title="Rain")
    second = Clip(url="https://example.com/b.mp3", duration_seconds=61.239, whole_track=False)
    step = replace(a_step_with(first), clips=(first, second))
    return in_status(status, steps=(step,), warnings=("One thing.", "Another thing."))


def test_what_a_chain_reached_before_it_failed_has_one_path() -> None:
    link = "https://example.com/a.mp3"
    step = a_step_with(Clip(file="/data/audio/tsk-3.mp3", url=link, duration_seconds=34, whole_track=True))
    audio = Audio(file="/music/song (extended abc123).mp3", url=link, duration_seconds=34, whole_track=True)
    text = shown(in_status("partial", steps=(step,), audio=audio, error=LOST))
    assert text.count("song (extended abc123).mp3") == 1
    assert "/data/audio" not in text


def facts_of(view: TaskView) -> Iterator[str]:
    """Everything that a host which shows only data would let its model know, as the text writes it."""
    yield from view.warnings
    yield view.next
    if view.honesty:
        yield view.honesty
    if view.error:
        yield view.error.message
    if view.credits.charged:
        yield f"{view.credits.charged:g} credits"
    for clip in view.clips:
        yield clip.clip
        yield from (place for place in (clip.file or clip.url,) if place)
        yield f"{clip.duration_seconds:.2f} s"
        if clip.seams_total:
            yield "Joins: "


@pytest.mark.parametrize("spec", [PAID, LOCAL], ids=lambda spec: spec.name)
@pytest.mark.parametrize("seams", [0, 1, 6, 40])
@pytest.mark.parametrize("status", TASK_STATUSES)
def test_the_text_says_what_the_data_say(status: TaskStatus, seams: int, spec: ProviderSpec) -> None:
    task = two_takes(status, seams) if status in ("succeeded", "partial") else in_status(status, warnings=("One.",))
    view = task_view(task, NOON, spec)
    text = task_text(view)
    assert [fact for fact in facts_of(view) if fact not in text] == []


def test_only_the_least_sure_joins_are_told_one_by_one_and_the_others_are_counted() -> None:
    view = task_view(two_takes("succeeded", 40), NOON, PAID)
    assert [seam.confidence for seam in view.clips[0].seams] == [round(0.5 + n / 100, 2) for n in range(MOST_SEAMS)]
    assert view.clips[0].seams_total == 40
    assert "Joins: 40, the least sure: 0:10.0 (50% sure)" in task_text(view)
    assert len(task_view(two_takes("succeeded", 40), NOON, PAID, all_seams=True).clips[0].seams) == 40


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_numbers_are_as_a_person_would_say_them(made: float, before: float) -> None:
    audio = Audio(file="/music/out.wav", duration_seconds=made, whole_track=True)
    task = in_status("succeeded", audio=audio, source=SourceFacts(ref="/music/in.wav", duration_seconds=before))
    view = task_view(task, NOON, PAID)
    assert view.audio
    assert (view.audio.duration_seconds, view.source.duration_seconds) == (round(made, 2), round(before, 2))


@pytest.mark.parametrize("status", TASK_STATUSES)
def test_the_summary_is_one_line(status: TaskStatus) -> None:
    summary = task_view(in_status(status), NOON, PAID).summary
    assert summary
    assert "\n" not in summary


@pytest.mark.parametrize("index", [0, 1])
def test_a_clip_is_told_with_exactly_its_own_facts(index: int) -> None:
    view = clip_view(two_takes("succeeded", 12), index, NOON, PAID)
    text = clip_text(view, index)
    mine, other = view.clips[index], view.clips[1 - index]
    assert (mine.file or mine.url or "") in text
    assert (other.file or other.url or "") not in text
    assert view.audio
    assert view.audio.duration_seconds == mine.duration_seconds
    assert len(view.clips[0].seams) == 12


@pytest.mark.parametrize("status", ["unknown", "cancelled"])
def test_nothing_is_told_as_charged_while_money_may_have_gone(status: TaskStatus) -> None:
    task = in_status(status, held=PRICE, charged=0)
    assert task_view(task, NOON, PAID).credits.charged is None
    assert "Cost: 0" not in shown(task)


def test_what_was_stopped_before_it_was_sent_cost_nothing() -> None:
    task = in_status("cancelled", held=0, charged=0)
    assert task_view(task, NOON, PAID).credits.charged == 0
    assert "Cost: 0 credits." in shown(task)
