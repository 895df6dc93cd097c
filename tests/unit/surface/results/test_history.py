"""The list of tasks: a row for each, and nothing left out."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.task import SourceFacts
from fermata_mcp.surface.results.history import TaskList, list_text, short, short_name
from support.rows import a_task


@pytest.mark.parametrize("count", [0, 1, 3, 4, 20, 100])
@pytest.mark.parametrize("cursor", [None, "123.tsk_1"])
@pytest.mark.parametrize("unreadable", [0, 1, 9])
def test_every_task_of_a_list_has_its_row(count: int, cursor: str | None, unreadable: int) -> None:
    ids = [f"tsk_bad_{number}" for number in range(unreadable)]
    rows = [short(a_task(id=f"tsk_{number:032x}")) for number in range(count)]
    text = list_text(TaskList(tasks=rows, next_cursor=cursor, unreadable=ids))
    lines = text.splitlines()
    assert all(lines)
    assert lines[-1].startswith("Next: ")
    assert all(task_id in text for task_id in ids[:3])
    assert not ids or f"{unreadable} cannot be read" in text
    assert all(row.task_id in line and row.status in line for row, line in zip(rows, lines, strict=False))


def test_a_list_shows_newest_first_and_how_to_get_older_ones() -> None:
    page = TaskList(tasks=[short(a_task())], next_cursor="123.tsk_1")
    assert 'cursor "123.tsk_1"' in list_text(page)


@pytest.mark.parametrize(
    ("source", "title", "told"),
    [
        ("/music/song.wav", "song", None),
        ("/music/song.wav", "Night Drive", "Night Drive"),
        ("https://example.com/a/b%20c.mp3?sign=1", "b c", None),
        ("clip:abc/0", "Night Drive", "Night Drive"),
    ],
)
def test_a_title_that_only_repeats_the_source_is_left_out(source: str, title: str, told: str | None) -> None:
    assert short(a_task(source=SourceFacts(ref=source, title=title))).title == told


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/ada/My Music/a song.wav", "a song.wav"),
        ("https://example.com/a/b%20c.mp3?sign=1", "b c.mp3"),
        ("https://example.com", "example.com"),
        ("tsk_0123/1", "tsk_0123/1"),
        ("clip:abc/0", "clip:abc/0"),
    ],
)
def test_a_source_is_called_as_a_person_would(source: str, name: str) -> None:
    assert short_name(source) == name


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ("", "No tasks yet.\nNext: call extend_track with a source."),
        ("status failed", "No tasks with status failed.\nNext: leave the filter out."),
    ],
)
def test_an_empty_list_says_what_to_do(filters: str, text: str) -> None:
    assert list_text(TaskList(tasks=[], next_cursor=None), filters) == text
