"""Whether what came back is true, is understood, and leads on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import soundfile

from .cases import filled
from .stage import Answer, Scene

Kind = Literal["wrong", "misleading", "dead end"]
# An MP3 is told to the sample, and its header to the frame.
TOLERANCE_SECONDS = 0.06
STARTS = ("extend_track", "chain_extend")


@dataclass(frozen=True)
class Flaw:
    """What is the matter with a scene."""

    kind: Kind
    words: str


def flaws_of(scene: Scene) -> list[Flaw]:
    """Everything that is wrong with it; nothing where it went as it should."""
    return [*_wrong(scene), *_misleading(scene), *_ends(scene)]


def _wrong(scene: Scene) -> Iterator[Flaw]:
    for flaw in (*_files_wrong(scene), *_money_wrong(scene)):
        yield Flaw("wrong", flaw)
    yield from (Flaw("wrong", f"sent what is not documented: {said}") for said in scene.violations)


def _files_wrong(scene: Scene) -> Iterator[str]:
    data: dict[str, Any] = scene.last.data or {}
    audio: dict[str, Any] = data.get("audio") or {}
    clips = cast("list[dict[str, Any]]", data.get("clips") or [])
    for told in (audio, *clips):
        path = told.get("file")
        if path is None:
            continue
        if not Path(path).is_file():
            yield f"{path} is not there"
        elif abs(_seconds(path) - told["duration_seconds"]) > TOLERANCE_SECONDS:
            yield f"{path} is {_seconds(path):.2f} s long, and {told['duration_seconds']} was told"
        if path not in scene.last.text and scene.last.call.tool != "play_track":
            yield f"the text does not name {path}"
    wanted = scene.asked.seconds
    if wanted is not None and not audio.get("file"):
        yield "there is no file"
    elif wanted is not None and abs(_seconds(audio["file"]) - wanted) > TOLERANCE_SECONDS:
        yield f"the file is {_seconds(audio['file']):.2f} s long, not {wanted:g}"


def _seconds(path: str) -> float:
    with soundfile.SoundFile(path) as sound:
        return sound.frames / sound.samplerate


def _money_wrong(scene: Scene) -> Iterator[str]:
    if scene.charged != scene.asked.charged:
        yield f"{scene.charged:g} credits were taken, not {scene.asked.charged:g}"
    last = scene.last
    if last.call.tool not in STARTS or last.status not in ("succeeded", "partial") or "take: 2" in last.text:
        return
    told = (last.data or {})["credits"]["charged"]
    if told != scene.charged:
        yield f"charged is {told}, and the provider took {scene.charged:g}"
    words = f"{scene.charged:g} credits" if scene.charged else "free"
    if words not in last.text.lower():
        yield f"the text does not say what it cost ({words})"


def _misleading(scene: Scene) -> Iterator[Flaw]:
    said = f"{scene.last.text}\n{scene.last.data_text or ''}"
    never = (filled(word, scene.places) for word in scene.asked.never)
    yield from (Flaw("misleading", f'says "{word}"') for word in never if word in said)
    yield from (Flaw("misleading", f"the text does not say {word!r}") for word in _unsaid(scene, scene.last.text))
    if scene.last.data_text is not None:
        unsaid = _unsaid(scene, scene.last.data_text, in_data=True)
        yield from (Flaw("misleading", f"the data do not say {word!r}") for word in unsaid)


def _unsaid(scene: Scene, said: str, *, in_data: bool = False) -> Iterator[str]:
    words = scene.asked.says if in_data else (*scene.asked.says, *scene.asked.text_says)
    for word in words:
        wanted = filled(word, scene.places)
        if wanted.lower() not in said.lower():
            yield wanted


def _ends(scene: Scene) -> Iterator[Flaw]:
    if scene.last.status != scene.asked.status:
        yield Flaw("dead end", f"came back {scene.last.status}, not {scene.asked.status}: {scene.last.text[:300]}")
    for answer, after in zip(scene.answers, scene.answers[1:], strict=False):
        yield from (Flaw("dead end", f"the answer does not name {name}") for name in _unnamed(answer, after))
    if scene.last.is_error and "Next: " not in scene.last.text:
        yield Flaw("dead end", "the answer does not say what comes next")


def _unnamed(answer: Answer, after: Answer) -> Iterator[str]:
    """What a call needs that the answer before it did not say: another tool, a new parameter, a new option."""
    if after.call.tool != answer.call.tool and after.call.tool not in answer.text:
        yield after.call.tool
    given = answer.call.arguments
    for name, value in after.call.arguments.items():
        if name in given and given[name] == value:
            continue
        told = [json.dumps({one: chosen})[1:-1] for one, chosen in value.items()] if name == "options" else [name]
        if name in given and isinstance(value, str):
            told = [_short(name, value)]
        yield from (word for word in told if word not in answer.text)


def _short(name: str, value: str) -> str:
    """The part of a changed value that an answer can name: of a path its file, or the ending that was wanted."""
    if name == "save_as":
        return Path(value).suffix
    return Path(value).name if "/" in value else value
