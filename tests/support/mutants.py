"""Damaged copies of real audio files, the same for the same number."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import numpy as np
import soundfile

from .encoded import RECIPES, encoding

KINDS = ("wav", "flac", "ogg", "mp3", "opus", "aiff", "m4a", "wma", "webm", "aac")
OTHERS = {"m4a": "aac in m4a", "wma": "wma", "webm": "opus in webm", "aac": "aac in adts"}
_FORMATS = {
    "wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"), "aiff": ("AIFF", "PCM_16"),
}  # fmt: skip
_RATE = 16_000
_SECONDS = 2
_HEAD = 200  # bytes that decide how the others are read


def whole(kind: str, seconds: float = _SECONDS, rate: int = _RATE, channels: int = 1) -> bytes:
    """A sound file of noise over a tone."""
    dice: Any = np.random.default_rng(7)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.05 * dice.standard_normal(len(time))
    if kind in OTHERS:
        return encoding(RECIPES[OTHERS[kind]], np.repeat(sound[:, None], channels, 1), rate)
    buffer = io.BytesIO()
    container, subtype = _FORMATS[kind]
    soundfile.write(buffer, np.repeat(sound[:, None], channels, 1), rate, subtype, format=container)
    return buffer.getvalue()


def mutant(data: bytes, seed: int) -> bytes:
    """`data` with up to eight kinds of damage, half of it where the header is."""
    dice = Random(seed)
    found = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        dice.choice((_flip, _flip, _number, _cut, _drop, _double, _fill, _insert))(found, dice)
    return bytes(found)


def _place(data: bytearray, dice: Random) -> int:
    return dice.randrange(min(len(data), _HEAD) if dice.random() < 0.5 else len(data)) if data else 0


def _flip(data: bytearray, dice: Random) -> None:
    for _ in range(dice.randint(1, 6)):
        at = _place(data, dice)
        data[at : at + 1] = bytes([dice.randrange(256)])


def _number(data: bytearray, dice: Random) -> None:
    """A length field that is as small, as large or as negative as there are."""
    at, width = _place(data, dice), dice.choice((2, 4, 8))
    value = dice.choice((0, 1, (1 << 8 * width) - 1, 1 << 8 * width - 1, (1 << 8 * width - 1) - 1, 255, 65_535))
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, dice.choice(("little", "big")))


def _cut(data: bytearray, dice: Random) -> None:
    if dice.random() < 0.3:
        del data[_place(data, dice) :]


def _drop(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    del data[at : at + dice.randint(1, 300)]


def _double(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at:at] = data[at : at + dice.randint(1, 3000)]


def _fill(data: bytearray, dice: Random) -> None:
    at, length = _place(data, dice), dice.randint(1, 2000)
    data[at : at + length] = bytes([dice.choice((0, 255, 0x80, 0x7F))]) * length


def _insert(data: bytearray, dice: Random) -> None:
    data[(at := _place(data, dice)) : at] = dice.randbytes(dice.randint(1, 200))
