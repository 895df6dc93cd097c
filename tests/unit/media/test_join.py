"""A part is joined to what came before at the exact place, whatever its rate and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.join import BLEND_SECONDS, join
from support.audio_signals import load, noise, save
from support.encoded import RECIPES, encoded, music, shift

if TYPE_CHECKING:
    from pathlib import Path

    from support.audio_signals import Sound

AT = 1.0  # second of what came before


def _joined(folder: Path, before: Sound, rate: int, part: Sound, part_rate: int) -> Sound:
    """[frames, channels] of the new part as it was joined to `before`, at `rate`."""
    head = save(folder / "before.wav", before, rate, "FLOAT")
    tail = save(folder / "part.wav", part, part_rate, "FLOAT")
    whole = load(join(head, AT, tail, folder / "joined").path)
    return whole[round(AT * rate) - round(BLEND_SECONDS * rate) :]


def _channels(sound: Sound, count: int) -> Sound:
    return np.repeat(sound[:, None], count, axis=1)


RATES = [(48000, 44100), (44100, 48000), (22050, 44100), (44100, 8000), (48000, 11025), (44100, 44100)]


@pytest.mark.parametrize(("rate", "part_rate"), RATES)
@pytest.mark.parametrize("frames", [1, 997, 65_537, 131_071, 200_003])
@pytest.mark.parametrize("channels", [(1, 1), (2, 2), (1, 2), (2, 1)])
def test_the_length_is_exact(tmp_path: Path, rate: int, part_rate: int, frames: int, channels: tuple[int, int]) -> None:
    before, part = _channels(noise(1.5, rate), channels[0]), _channels(noise(frames / 8000, 8000)[:frames], channels[1])
    joined = _joined(tmp_path, before, rate, part[:frames], part_rate)
    head = min(round(BLEND_SECONDS * rate), round(len(part) * rate / part_rate))
    assert len(joined) == round(BLEND_SECONDS * rate) - head + round(len(part) * rate / part_rate)
    assert joined.shape[1] == channels[0]


@pytest.mark.parametrize(("rate", "part_rate"), [pair for pair in RATES if pair[0] != pair[1]])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_at_the_end_alone_leaves_the_beginning_silent(
    tmp_path: Path, rate: int, part_rate: int, channels: int
) -> None:
    """What resamples as if the end led into the beginning puts a click there."""
    part = np.zeros(3 * part_rate + 1)
    part[-round(0.045 * part_rate) :] = 0.9
    joined = _joined(tmp_path, np.zeros((2 * rate, channels)), rate, _channels(part, channels), part_rate)
    assert np.abs(joined[: round(2.5 * rate)]).max() < 1e-6
    assert np.abs(joined[-round(0.02 * rate) :]).max() > 0.8


@pytest.mark.parametrize(("rate", "part_rate"), RATES)
def test_a_tone_stays_the_tone_it_is(tmp_path: Path, rate: int, part_rate: int) -> None:
    """Longer than a block, with no step where blocks meet."""

    def tone(at: int) -> Sound:
        return 0.5 * np.sin(2 * np.pi * 997 * np.arange(6 * at + 7) / at)

    joined = _joined(tmp_path, np.zeros((2 * rate, 1)), rate, tone(part_rate)[:, None], part_rate)[:, 0]
    inside = slice(round(0.1 * rate), round(5.9 * rate))
    assert np.abs(joined[inside] - tone(rate)[inside]).max() < 1e-3


def test_above_what_the_rate_can_hold_there_is_nothing(tmp_path: Path) -> None:
    high = 0.5 * np.sin(2 * np.pi * 15_000 * np.arange(48_000 * 2) / 48_000)
    joined = _joined(tmp_path, np.zeros((2 * 16_000, 1)), 16_000, high[:, None], 48_000)
    assert np.abs(joined[round(0.1 * 16_000) : -round(0.1 * 16_000)]).max() < 1e-4


def test_channels_are_mixed_or_repeated(tmp_path: Path) -> None:
    one, two = noise(2), noise(2)[::-1]
    mono = _joined(tmp_path, np.zeros((22_050 * 2, 1)), 22_050, np.stack([one, two], 1), 22_050)
    inside = slice(round(BLEND_SECONDS * 22_050), None)
    assert mono[inside, 0] == pytest.approx(((one + two) / 2)[inside], abs=1e-6)
    stereo = _joined(tmp_path, np.zeros((22_050 * 2, 2)), 22_050, one[:, None], 22_050)
    assert (stereo[:, 0] == stereo[:, 1]).all()


def test_what_came_before_is_untouched_up_to_the_blend(tmp_path: Path) -> None:
    before = noise(2)[:, None]
    head, tail = save(tmp_path / "a.wav", before, subtype="FLOAT"), save(tmp_path / "b.wav", noise(1), 44_100)
    whole = load(join(head, AT, tail, tmp_path / "joined").path)
    kept = round(AT * 22_050) - round(BLEND_SECONDS * 22_050)
    assert (whole[:kept] == load(head)[:kept]).all()


def test_what_is_no_audio_cannot_be_joined(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(NotAudio):
        join(save(tmp_path / "a.wav", noise(1)), AT, tmp_path / "b.wav", tmp_path / "joined")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("before", ["aac in m4a", "alac of 16 bits", "opus in webm", "wma"])
def test_parts_of_every_kind_are_joined(tmp_path: Path, before: str) -> None:
    """A provider's m4a is a part like any other."""
    recipe = RECIPES[before]
    head = encoded(tmp_path / f"before{recipe.ending}", recipe, music(1.3, recipe.rate))
    part = encoded(tmp_path / "part.m4a", RECIPES["aac in m4a"], music(1.3))
    made = join(head, AT, part, tmp_path / "joined").path
    facts = probe(made)
    assert facts.duration_seconds == pytest.approx(AT + 1.3, abs=0.05)
    assert made.suffix == recipe.result
    with open_audio(head) as old, open_audio(made) as new:
        rate = old.samplerate
        first = [file.read(round(0.9 * rate), "float32", True) for file in (old, new)]
    assert shift(first[1], first[0]) == 0
