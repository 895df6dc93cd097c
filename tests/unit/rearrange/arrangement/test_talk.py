"""Talk is warned of, with a passage to repeat instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.arrangement.talk import talk_warning
from support.audio_signals import chord_loop, save
from support.jumps import analysed

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.rearrange.features.analysis import Analysis


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder: Path = tmp_path_factory.mktemp("talk")
    return analysed(save(folder / "music.wav", chord_loop(10)))


def _with_voice(music: Analysis, spoken: float, *silent: tuple[float, float]) -> Analysis:
    voice = np.ones(music.frames, np.float32)
    for start, stop in silent:
        voice[round(start * music.fps) : round(stop * music.fps)] = 0
    return replace(music, voice=voice, spoken=spoken)


@pytest.mark.parametrize("spoken", [0.0, 0.2, 0.5])
def test_music_with_some_talk_is_not_warned_of(music: Analysis, spoken: float) -> None:
    assert talk_warning(_with_voice(music, spoken), longer=True) == ()


@pytest.mark.parametrize(("longer", "words"), [(True, "heard again"), (False, "missing")])
def test_talk_is_warned_of(music: Analysis, longer: bool, words: str) -> None:
    (warning,) = talk_warning(_with_voice(music, 0.8), longer)
    assert words in warning
    assert "loop music without speech" in warning


def test_the_longest_passage_without_a_voice_is_proposed(music: Analysis) -> None:
    (warning,) = talk_warning(_with_voice(music, 0.8, (1.0, 3.0), (8.0, 14.0)), longer=True)
    assert "0:08-0:14" in warning
