"""What a person sees of a view."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console, RenderableType

from fermata_mcp.cli.show import Screen, credits_table, task_lines

SEAM = {"at": 64.25, "confidence": 0.97}


def words(picture: RenderableType) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as shown:
        console.print(picture)
    return shown.get()


def view(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"status": status, "task_id": "tsk_1", "clips": [{"seams": [SEAM]}], "error": None, **more}


def test_a_result_and_the_way_on() -> None:
    told = words(task_lines(view(), "Done: a.wav\nJoins: 0:04.2\nNext: call a tool", "b.wav")).splitlines()
    assert told == ["Done: a.wav", "Joins: 0:04.2", "Saved as: b.wav", *told[3:]]
    assert told[3].split() == ["Go", "on", "from", "here:", "fermata-mcp", "extend", "tsk_1"]


@pytest.mark.parametrize(
    ("status", "way"),
    [
        ("failed", "Next: try again."),
        ("cancelled", "Start anew: the same call again."),
        ("unknown", "fermata-mcp resolve tsk_1 resubmit (may cost twice), or give_up, or check"),
    ],
)
def test_the_way_on_is_told_in_commands(status: str, way: str) -> None:
    assert way in words(task_lines(view(status, error={"hint": "try again."}), "", None))


def test_credits_that_are_not_known_are_a_dash() -> None:
    one = {
        "provider": "p",
        "balance": None,
        "unit": "credits",
        "price": "12 credits an extension",
        "price_per_extend": 12.0,
        "extends_left": None,
        "note": None,
        "error": "no key",
    }
    told = words(
        credits_table(
            {
                "providers": [one],
                "cap_today": 50.0,
                "spent_today": 12.0,
                "spent_this_week": 12.0,
                "spent_this_month": 24.0,
            }
        )
    )
    assert told.splitlines()[1].split() == ["p", "-", "12", "-", "no", "key"]
    assert "12 of 50 today, 12 this week, 24 this month" in told


def test_a_refusal_as_json_is_taken_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(as_json=True) as screen:
        screen.refused("not_audio: it is no audio. Next: give another.")
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {"code": "not_audio", "message": "it is no audio.", "hint": "give another."}
    }


def test_a_refusal_in_words_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(as_json=False) as screen:
        screen.note("once")
        screen.note("once")
        screen.refused("not_audio: it is no audio.")
    told = capsys.readouterr()
    assert (told.out, told.err.count("once")) == ("", 1)
    assert "not_audio: it is no audio." in told.err
