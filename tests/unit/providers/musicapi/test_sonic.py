"""What sonic alone is sent: small bodies, and the two modes."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import UnsupportedField
from support.musicapi import LINK, SONIC, sonic, work


def test_only_another_model_is_still_the_small_body() -> None:
    assert sonic(fields={"model": "sonic-v9"}) == {
        "task_type": "extend_music", "continue_clip_id": "c-1", "mv": "sonic-v9",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ({"continue_at": 58.5}, {"continue_at": 58.5, "custom_mode": False}),
        (
            {"fields": {"lyrics": "[Bridge]\nnew words"}, "source_seconds": 60.0},
            {"continue_at": 60, "custom_mode": True, "prompt": "[Bridge]\nnew words"},
        ),
        (
            {"fields": {"prompt": "strings rise"}, "continue_at": 9.0},
            {"continue_at": 9, "custom_mode": False, "gpt_description_prompt": "strings rise"},
        ),
        ({"fields": {"style": "warm piano"}}, {"custom_mode": True, "tags": "warm piano"}),
        (
            {"fields": {"prompt": "calm", "style": "piano"}},
            {"custom_mode": False, "gpt_description_prompt": "calm", "tags": "piano"},
        ),
        ({"fields": {"instrumental": False}}, {"custom_mode": True, "make_instrumental": False}),
    ],
)
def test_what_is_chosen_goes_with_the_mode_and_the_point(asked: dict[str, Any], more: dict[str, Any]) -> None:
    small = {"task_type": "extend_music", "continue_clip_id": "c-1", "mv": "sonic-v5"}
    assert sonic(**asked) == small | more | {"use_suno_cdn": False}


def test_lyrics_and_a_prompt_together_are_refused() -> None:
    with pytest.raises(UnsupportedField, match="lyrics"):
        sonic(fields={"lyrics": "la", "prompt": "calm"})


@pytest.mark.parametrize(("point", "sent"), [({}, {}), ({"source_seconds": 61.25}, {"continue_at": 61.25})])
def test_a_link_is_continued_at_its_end_in_one_call(point: dict[str, Any], sent: dict[str, Any]) -> None:
    call = SONIC.submit_call(work(source_url=LINK, fields={"lyrics": "la"}, **point))
    assert call.path == "/api/v1/sonic/upload-extend"
    assert call.body == {
        "url": LINK, "auto_concat": True, "mv": "sonic-v5", "custom_mode": True, "prompt": "la", **sent,
    }  # fmt: skip


def test_joining_needs_nothing_but_the_clip() -> None:
    body = sonic(action="concat", fields={"style": "piano"}, options={"duration": 60}, continue_at=3)
    assert body == {"task_type": "concat_music", "continue_clip_id": "c-1"}


def test_options_alone_do_not_leave_the_small_body() -> None:
    assert sonic(options={"task_type": "extend_upload_music"}) == {
        "task_type": "extend_upload_music", "continue_clip_id": "c-1", "mv": "sonic-v5",
    }  # fmt: skip
