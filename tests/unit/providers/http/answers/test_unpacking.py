"""Audio is found in an answer however it was put there, and never more than pieces of it are in memory."""

from __future__ import annotations

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.providers.http.answers.reply import MAX_ANSWER_BYTES, TooBig
from fermata_mcp.providers.http.answers.unpacking import unpacked
from support.hosts import audio

SOUND = {kind: audio(kind, 1.0) for kind in ("WAV", "FLAC", "OGG")}
EACH = pytest.mark.parametrize("kind", SOUND)


def answered(folder: Path, body: bytes, content_type: str) -> tuple[Any, bytes | None, str]:
    """What was said, the audio, and its ending."""
    whole = folder / "answer.part"
    whole.write_bytes(body)
    found = unpacked(whole, folder / "answer", content_type)
    told = json.loads(found.said) if found.said.startswith(b"{") else found.said
    return told, found.file.read_bytes() if found.file else None, found.file.suffix if found.file else ""


def parts(*these: tuple[str, bytes], end: bytes = b"--x y--\r\n") -> bytes:
    heads = (b"--x y\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body + b"\r\n" for kind, body in these)
    return b"".join(heads) + end


MIXED = 'multipart/mixed; boundary="x y"'


@EACH
@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/octet-stream", ""])
def test_the_body_itself_is_called_what_its_bytes_say(kind: str, content_type: str, tmp_path: Path) -> None:
    assert answered(tmp_path, SOUND[kind], content_type) == (b"", SOUND[kind], f".{kind.lower()}")


@EACH
@pytest.mark.parametrize("turned", [False, True])
def test_parts_hold_what_is_said_and_the_audio_in_any_order(kind: str, turned: bool, tmp_path: Path) -> None:
    said, sound = ("application/json; charset=utf-8", b'{"a": 1}'), ("audio/wav", SOUND[kind])
    body = parts(*((sound, said) if turned else (said, sound)), ("application/octet-stream", b"\0" * 5000))
    assert answered(tmp_path, body, MIXED) == ({"a": 1}, SOUND[kind], f".{kind.lower()}")


@pytest.mark.parametrize(("before", "slash"), [("", "/"), ("", "\\/"), ("data:audio/wav;base64,", "/")])
@EACH
def test_a_long_text_in_json_is_decoded_and_left_out(kind: str, before: str, slash: str, tmp_path: Path) -> None:
    sound = before + base64.b64encode(SOUND[kind]).decode().replace("/", slash)
    told = {"status": "completed", "audio_data": "", "meta": {"seed": 7}}
    body = json.dumps(told).replace('"audio_data": "', f'"audio_data": "{sound}')
    assert answered(tmp_path, body.encode(), "application/json") == (told, SOUND[kind], f".{kind.lower()}")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "audio/mpeg"),
        (b"<html>busy</html>", "audio/mpeg"),
        (b'{"error": "no"}', "audio/mpeg"),
        (b"no audio", "application/octet-stream"),
        (b"plain", "text/plain"),
        (parts(("audio/wav", b"")), MIXED),
        (parts(("audio/wav", SOUND["WAV"]), end=b""), MIXED),  # the part has no end
        (b"--x y", MIXED),
        (b'{"a": "' + b"A" * 5000 + b'"}', "application/json"),  # long, and no audio
        (b'{"a": "' + b"A" * 5000 + b'=A="}', "application/json"),
    ],
)
def test_what_is_no_audio_is_none(body: bytes, content_type: str, tmp_path: Path) -> None:
    assert answered(tmp_path, body, content_type)[1] is None
    assert [file.name for file in tmp_path.iterdir()] == ["answer.part"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"a": [' + b"1," * MAX_ANSWER_BYTES + b"1]}", "application/json"),
        (parts(("application/json", b" " * (MAX_ANSWER_BYTES + 1))), MIXED),
    ],
)
def test_what_is_said_is_bounded(body: bytes, content_type: str, tmp_path: Path) -> None:
    with pytest.raises(TooBig):
        answered(tmp_path, body, content_type)


@pytest.mark.parametrize("form", ["body", "parts", "text"])
def test_little_of_it_is_in_memory(form: str, tmp_path: Path) -> None:
    sound = SOUND["WAV"] + bytes(24_000_000)
    text = b'{"a": "' + base64.b64encode(sound) + b'"}'
    body, kind = {
        "body": (sound, "audio/wav"),
        "parts": (parts(("audio/wav", sound)), MIXED),
        "text": (text, "application/json"),
    }[form]
    whole = tmp_path / "answer.part"
    whole.write_bytes(body)
    tracemalloc.start()
    found = unpacked(whole, tmp_path / "answer", kind)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.file is not None
    assert found.file.stat().st_size == len(sound)
    assert peak < 6_000_000
