"""What a task has to show: every clip with the step that made it, under the file and with the joins it has by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fermata_mcp.domain.task import Audio, Clip, Seam, Step, Task
from support.rows import a_task, running_step


def a_clip(name: str, *joins: float, whole: bool = True, **more: Any) -> Clip:
    seams = tuple(
        Seam.model_validate({"at": at, "from": at, "to": at, "blend_ms": 20, "confidence": 1}) for at in joins
    )
    told: dict[str, Any] = {
        "provider_clip_id": name,
        "url": f"https://a/{name}",
        "file": f"/m/{name}.mp3",
        "whole_track": whole,
        **more,
    }
    return Clip(**told, seams=seams)


def a_chain(*steps: tuple[str, tuple[Clip, ...]], **fields: Any) -> Task:
    def one(seq: int, action: str, clips: tuple[Clip, ...]) -> Step:
        return replace(running_step(action=action), id=f"step-{seq}", seq=seq, clips=clips)

    asked = {"kind": "chain", "steps": tuple(one(seq, *step) for seq, step in enumerate(steps)), **fields}
    return a_task(**asked)


def told(task: Task) -> list[tuple[int, str | None, list[float]]]:
    assert task.clips == tuple(clip for _, clip in task.deliveries)
    return [(step.seq, clip.provider_clip_id, [seam.at for seam in clip.seams]) for step, clip in task.deliveries]


def test_a_whole_track_has_the_joins_of_every_step_before_it() -> None:
    steps = [("extend", (a_clip("a", 30), a_clip("b", 31))), ("extend", (a_clip("c", 60), a_clip("d", 58)))]
    assert told(a_chain(*steps)) == [(1, "c", [30, 60]), (1, "d", [30, 58])]
    assert told(a_chain(*steps, request={"variation": 1})) == [(1, "c", [31, 60]), (1, "d", [31, 58])]
    assert told(a_chain(steps[0], ("extend", (a_clip("e", 25),)))) == [(1, "e", [25])], "its own join left one out"


def test_what_is_only_new_has_no_joins_of_others() -> None:
    part = a_clip("c", whole=False)
    assert told(a_chain(("extend", (a_clip("a", 30),)), ("extend", (part,)))) == [(1, "c", [])]


def test_other_takes_are_shown_beside_what_was_joined_with_the_step_that_made_them() -> None:
    takes = (a_clip("a", whole=False), a_clip("b", whole=False))
    assert told(a_chain(("extend", takes), ("concat", (a_clip("whole"),)))) == [(1, "whole", []), (0, "b", [])]


@pytest.mark.parametrize("ended", [None, 5])
def test_a_chain_that_ends_early_shows_where_its_last_clip_was_saved_anew(ended: int | None) -> None:
    clip = a_clip("a")
    task = a_chain(("extend", (clip,)), finished_at=ended, audio=Audio(file="/m/mine.mp3", url=clip.url))
    ((step, shown),) = task.deliveries
    assert (step.seq, shown.file) == (0, "/m/mine.mp3" if ended else clip.file)


def test_uploads_and_steps_without_clips_have_nothing_to_show() -> None:
    assert told(a_chain(("upload", (a_clip("up"),)), ("extend", ()))) == []
