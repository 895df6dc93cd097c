"""Whatever provider and worker say to each other arrives as it was said; anything else is no message."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.providers.local.messages import Done, Failed, Message, Progress, decode, encode
from fermata_mcp.rearrange.job import Job, Seam

SEAM = Seam(at=12.3456, leave=12.3456, enter=4.5, crossfade_ms=25.0, confidence=0.875)
JOB = Job(Path("/music/a.wav"), Path("/music/b.wav"), 90.0)


@pytest.mark.parametrize(
    "message",
    [
        JOB,
        Job(
            source=Path(os.fsdecode(b"/music/no text \xff\xfe\n.wav")),
            target=Path("/music/résult \u2028'\".wav"),
            length_seconds=90.5,
            continue_at=12.25,
            title="Ünder\nway",
            take=3,
            ending="loop",
            part="outro",
            cache=Path("/data/analysis"),
            seal="9-1-2",
        ),
        Progress(0.25, "listening"),
        Done(90.0, (SEAM, SEAM), ("It was short.",)),
        Done(90.0, (), ()),
        Failed("not_audio", "no sound.", "give one."),
        Failed("internal", "it broke."),
    ],
)
def test_what_is_said_arrives(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


def _job(**fields: Any) -> str:
    return json.dumps({"job": {"source": "/a.wav", "target": "/b.wav", "length_seconds": 9, **fields}})


def test_a_whole_number_of_seconds_is_a_length() -> None:
    assert decode(_job(continue_at=3)) == Job(Path("/a.wav"), Path("/b.wav"), 9.0, continue_at=3.0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "5",
        "[1]",
        "{}",
        '{"job": 5}',
        '{"job": {}}',
        '{"odd": {}}',
        '{"progress": {"fraction": 1, "message": "x"}, "done": {}}',
        '{"progress": {"fraction": true, "message": "x"}}',
        '{"progress": {"fraction": 0.5, "message": null}}',
        '{"done": {"duration_seconds": 9, "seams": "none", "warnings": []}}',
        '{"done": {"duration_seconds": 9, "seams": [{"at": 1}], "warnings": []}}',
        '{"error": {"code": "x"}}',
        _job(source=None),
        _job(source=5),
        _job(length_seconds="long"),
        _job(take=1.5),
        _job(ending="abrupt"),
        _job(part=""),
        _job(odd=1),
    ],
)
def test_anything_else_is_no_message(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (a broken line says so in many words)
        decode(line)
