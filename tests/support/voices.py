"""Something that sounds like talk, and something that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from support.audio_signals import RATE, chord_loop

if TYPE_CHECKING:
    from support.audio_signals import Sound

SYLLABLE = 0.18  # seconds


def talk(seconds: float, seed: int = 0, rate: int = RATE) -> Sound:
    """[samples] of syllables: a buzz with formants that differ from one to the next, and stops in between."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * rate))
    at = 0.0
    while at < seconds - SYLLABLE:
        length = SYLLABLE * rng.uniform(0.7, 1.3)
        t = np.arange(round(length * rate)) / rate
        pitch = rng.uniform(100, 150) * (1 + 0.1 * t / length)
        formants = (rng.uniform(300, 800), rng.uniform(900, 2300), 2700.0)
        harmonics = np.arange(1, 28)[:, None]
        loud = sum(np.exp(-(((harmonics * 125 - one) / 130) ** 2)) for one in formants)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        syllable = (loud * np.sin(harmonics * phase)).sum(0) * np.sin(np.pi * t / length) ** 0.5
        start = round(at * rate)
        sound[start : start + len(t)] += syllable[: len(sound) - start]
        at += length * rng.uniform(1.0, 1.6)
    return 0.3 * sound / np.abs(sound).max()


def talk_over_music(parts: str, seconds: float = 4.0, rate: int = RATE) -> Sound:
    """Music all through, with talk over each part that is a `t`, never twice the same."""
    music = 0.3 * chord_loop(round(len(parts) * seconds / 2))
    count = round(seconds * rate)
    for index, part in enumerate(parts):
        if part == "t":
            music[index * count : (index + 1) * count] += talk(seconds, index, rate)
    return music
