"""The tasks at a glance, in terminals of every width and alphabet."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from fermata_mcp.cli.presenting.task_list import TaskList, fitted, short_ids

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LONG = "Ein sehr langer Name f\u00fcr ein Lied \u65e5\u672c\u8a9e remix final version (2).mp3"


def task(
    number: int, status: str = "succeeded", source: str = "/music/song.wav", seconds: float | None = 83.0
) -> dict[str, Any]:
    return {
        "task_id": f"tsk_{number:032x}"[::-1][:32].join(["tsk_", ""]), "status": status, "source": source,
        "duration_seconds": seconds, "created_at": "2026-03-10T11:58:00.000Z", "file": "/x.wav", "provider": "local",
    }  # fmt: skip


ALL = [
    task(1), task(2, "running", "https://host.test/a/b%20c.mp3?k=1", None), task(3, "failed", f"/music/{LONG}"),
    task(4, "unknown", "clip:abc"), task(5, "partial", "tsk_0123"), task(6, "cancelled"), task(7, "queued"),
]  # fmt: skip


def shown(tasks: list[dict[str, Any]], width: int | None, encoding: str = "utf-8", **more: Any) -> list[str]:
    """What a terminal of this width (none: a pipe) gets."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=file, width=width, force_terminal=width is not None, color_system=None, soft_wrap=True)
    console.print(TaskList({"tasks": tasks, **more}, NOW, more.get("stopped", ())))
    return raw.getvalue().decode(encoding).splitlines()


def test_the_first_task_is_suggested() -> None:
    assert "fermata-mcp extend song.mp3 --by 30" in shown([], 80)[0]


@pytest.mark.parametrize("width", [40, 60, 80, 99, 100, 120, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_wider_than_the_terminal(width: int, encoding: str) -> None:
    lines = shown(ALL, width, encoding)
    assert max(map(cell_len, lines)) <= max(width, 47)


@pytest.mark.parametrize(("width", "lines_a_task"), [(60, 2), (120, 1)])
def test_one_line_where_there_is_room_and_two_where_not(width: int, lines_a_task: int) -> None:
    lines = shown(ALL, width)
    assert len(lines) == 1 + lines_a_task * len(ALL)
    assert lines[0].split() == ["status", "source", "length", "when"]
    first = " ".join(lines[1 : 1 + lines_a_task]).split()
    assert first[:6] == ["succeeded", "song.wav", "1:23", "2", "min", "ago"]
    assert first[6:8] == ["fermata-mcp", "play"]


@pytest.mark.parametrize(
    ("number", "way"),
    [(0, "play {}"), (1, "task {}"), (2, "task {}"), (3, "resolve {} check"), (4, "play {}"), (5, "task {}")],
)
def test_how_to_go_on(number: int, way: str) -> None:
    line = shown([ALL[number]], 120)[1]
    assert line.endswith(f"fermata-mcp {way.format(ALL[number]['task_id'][:10])}")


def test_columns_stand_under_one_another() -> None:
    lines = shown(ALL, 120)
    assert len({cell_len(line[: line.index("  fermata-mcp")]) for line in lines[1:]}) == 1


def test_names_of_files_and_pages() -> None:
    told = "\n".join(shown(ALL, 120))
    assert "  b c.mp3 " in told
    assert "  clip:abc " in told


def test_a_pipe_gets_everything_on_one_line() -> None:
    lines = shown(ALL, None)
    assert len(lines) == len(ALL)
    assert LONG in lines[2]
    assert ALL[0]["task_id"] in lines[0]


def test_what_nobody_carries_out_says_how_it_goes_on() -> None:
    lines = shown([ALL[1]], 60, stopped=[ALL[1]["task_id"]])
    assert lines[1].startswith("stopped ")
    assert "goes on when a server runs, or with: fermata-mcp task" in lines[-1]


def test_what_cannot_be_read_is_named() -> None:
    assert "tsk_x  cannot be read" in shown([], 80, unreadable=["tsk_x"])[-1]


@pytest.mark.parametrize("room", [12, 20, 30])
@pytest.mark.parametrize("plain", [False, True])
def test_a_name_keeps_its_ending(room: int, plain: bool) -> None:
    name = fitted(LONG, room, plain=plain)
    assert cell_len(name) == room
    assert name.rstrip().endswith("(2).mp3")
    assert name.isascii() or not plain


def test_ids_are_as_short_as_they_can_be_told_apart() -> None:
    ids = ["tsk_aaaaaaaa1", "tsk_aaaaaaab1", "tsk_cccccccccc"]
    assert list(short_ids(ids).values()) == ["tsk_aaaaaaaa", "tsk_aaaaaaab", "tsk_cccccc"]
