"""A part is joined to what came before at the exact place, whatever its rate and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.rearrange.joining import join, transition
from support.audio_signals import form, load, noise, save
from support.encoded import RECIPES, encoded, music, shift

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.facts import JoinedFile
    from support.audio_signals import Sound

AT = 1.0  # second of what came before


def _joined(folder: Path, before: Sound, rate: int, part: Sound, part_rate: int) -> tuple[Sound, JoinedFile]:
    """[frames, channels] from where the new part is heard alone, and what was told of the join."""
    head = save(folder / "before.wav", before, rate, "FLOAT")
    tail = save(folder / "part.wav", part, part_rate, "FLOAT")
    made = join(head, tail, (AT, AT, AT), folder / "joined")
    return load(made.path)[round((made.at + made.blend_ms / 1000) * rate) :], made


def _skipped(made: JoinedFile, rate: int) -> int:
    """Frames of the new part, at that rate, that are heard before it is alone."""
    return round((made.entered - AT + made.blend_ms / 1000) * rate)


def _channels(sound: Sound, count: int) -> Sound:
    return np.repeat(sound[:, None], count, axis=1)


RATES = [(48000, 44100), (44100, 48000), (22050, 44100), (44100, 8000), (48000, 11025), (44100, 44100)]


@pytest.mark.parametrize(("rate", "part_rate"), RATES)
@pytest.mark.parametrize("frames", [1, 997, 131_071])
@pytest.mark.parametrize("channels", [(1, 2), (2, 1)])
def test_the_length_is_what_was_told(
    tmp_path: Path, rate: int, part_rate: int, frames: int, channels: tuple[int, int]
) -> None:
    before, part = _channels(noise(1.5, rate), channels[0]), _channels(noise(frames / 8000, 8000)[:frames], channels[1])
    alone, made = _joined(tmp_path, before, rate, part[:frames], part_rate)
    length = len(alone) + round((made.at + made.blend_ms / 1000) * rate)
    assert length == round(made.left * rate) + round(frames * rate / part_rate) - round((made.entered - AT) * rate)
    assert alone.shape[1] == channels[0]
    assert abs(made.left - made.entered) <= 0.2
    assert abs(made.left - AT) <= 0.2


@pytest.mark.parametrize(("rate", "part_rate"), [pair for pair in RATES if pair[0] != pair[1]])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_at_the_end_alone_leaves_the_beginning_silent(
    tmp_path: Path, rate: int, part_rate: int, channels: int
) -> None:
    """What resamples as if the end led into the beginning puts a click there."""
    part = np.zeros(3 * part_rate + 1)
    part[-round(0.045 * part_rate) :] = 0.9
    joined, _ = _joined(tmp_path, np.zeros((2 * rate, channels)), rate, _channels(part, channels), part_rate)
    assert np.abs(joined[: round(2.5 * rate)]).max() < 1e-6
    assert np.abs(joined[-round(0.02 * rate) :]).max() > 0.8


@pytest.mark.parametrize(("rate", "part_rate"), RATES)
def test_a_tone_stays_the_tone_it_is(tmp_path: Path, rate: int, part_rate: int) -> None:
    """Longer than a block, with no step where blocks meet."""

    def tone(at: int) -> Sound:
        return 0.5 * np.sin(2 * np.pi * 997 * np.arange(6 * at + 7) / at)

    joined, made = _joined(tmp_path, np.zeros((2 * rate, 1)), rate, tone(part_rate)[:, None], part_rate)
    heard, whole = joined[:, 0], tone(rate)[_skipped(made, rate) :]
    inside = slice(round(0.1 * rate), round(5.5 * rate))
    assert np.abs(heard[inside] - whole[inside]).max() < 1e-3


def test_above_what_the_rate_can_hold_there_is_nothing(tmp_path: Path) -> None:
    high = 0.5 * np.sin(2 * np.pi * 15_000 * np.arange(48_000 * 2) / 48_000)
    joined, _ = _joined(tmp_path, np.zeros((2 * 16_000, 1)), 16_000, high[:, None], 48_000)
    assert np.abs(joined[round(0.1 * 16_000) : -round(0.1 * 16_000)]).max() < 1e-4


def test_channels_are_mixed_or_repeated(tmp_path: Path) -> None:
    one, two = noise(2), noise(2)[::-1]
    mono, made = _joined(tmp_path, np.zeros((22_050 * 2, 1)), 22_050, np.stack([one, two], 1), 22_050)
    assert mono[:, 0] == pytest.approx(((one + two) / 2)[_skipped(made, 22_050) :], abs=1e-6)
    stereo, _ = _joined(tmp_path, np.zeros((22_050 * 2, 2)), 22_050, one[:, None], 22_050)
    assert (stereo[:, 0] == stereo[:, 1]).all()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("copied", [False, True])
def test_what_came_before_is_untouched_up_to_the_blend(tmp_path: Path, subtype: str, copied: bool) -> None:
    before = noise(4)[:, None]
    head = save(tmp_path / "a.wav", before, subtype=subtype)
    tail = save(tmp_path / "b.wav", np.concatenate([before[22_050 : 3 * 22_050], noise(2)[:, None]]), subtype="FLOAT")
    made = join(head, tail, (1.0, 2.0, 3.0) if copied else (AT, AT, AT), tmp_path / "joined")
    kept = round((made.left - made.blend_ms / 2000) * 22_050) - 1
    assert kept > 0.75 * 22_050 * (2 if copied else 1)
    assert (load(made.path)[:kept] == load(head)[:kept]).all()


def test_what_is_no_audio_cannot_be_joined(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(NotAudio):
        join(save(tmp_path / "a.wav", noise(1)), tmp_path / "b.wav", (AT, AT, AT), tmp_path / "joined")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("before", ["aac in m4a", "alac of 16 bits", "opus in webm", "wma"])
def test_parts_of_every_kind_are_joined(tmp_path: Path, before: str) -> None:
    """A provider's m4a is a part like any other."""
    recipe = RECIPES[before]
    head = encoded(tmp_path / f"before{recipe.ending}", recipe, music(1.3, recipe.rate))
    part = encoded(tmp_path / "part.m4a", RECIPES["aac in m4a"], music(1.3))
    made = join(head, part, (AT, AT, AT), tmp_path / "joined").path
    facts = probe(made)
    assert facts.duration_seconds == pytest.approx(AT + 1.3, abs=0.25)
    assert made.suffix == recipe.result
    with open_audio(head) as old, open_audio(made) as new:
        rate = old.samplerate
        first = [file.read(round(0.75 * rate), "float32", True) for file in (old, new)]
    assert shift(first[1], first[0]) == 0


# --- the track's own later part, as a provider might return it --------------------------------------------------------

KINDS = ("aac in m4a", "opus in webm", "flac in ogg", "opus in mka")
_SONG = form("ABCDAB", 3.0, 44_100)


@settings(max_examples=8)
@given(
    late=some.floats(-0.2, 0.2), louder=some.floats(-2, 2), kind=some.sampled_from(KINDS), goes_on=some.booleans(),
    point=some.floats(7.0, 9.0),
)  # fmt: skip
def test_the_same_music_is_aligned_and_as_loud(
    tmp_path_factory: pytest.TempPathFactory, late: float, louder: float, kind: str, goes_on: bool, point: float
) -> None:
    """Re-encoded, at another rate, shifted and louder: where both hold the same, it goes on to the sample."""
    if not goes_on:
        late = -0.2  # what is not there twice cannot be aligned, and a held chord alone agrees with itself as well
    folder, rate = tmp_path_factory.mktemp("join"), 44_100
    recipe, song = RECIPES[kind], _SONG + (0.02 if goes_on else 0.2) * noise(len(_SONG) / rate, rate)
    first, begins = round(point * rate), round((point + late) * rate)
    head = save(folder / "a.wav", song if goes_on else song[:first], rate, "PCM_16")
    tail = 0.5 * 10 ** (louder / 20) * song[begins : begins + 6 * rate]
    slower = np.interp(np.arange(0, len(tail) - 1, rate / recipe.rate), np.arange(len(tail)), tail)
    part = encoded(folder / f"b{recipe.ending}", recipe, np.stack([slower, slower], 1))
    made = join(head, part, (point, point, point), folder / "joined")
    assert made.left - made.entered == pytest.approx(late, abs=0.002)
    heard = load(made.path)[:, 0]
    inside = heard[round((point + 1) * rate) : round((point + 3) * rate)]
    there = song[round((point + 1) * rate) : round((point + 3) * rate)]
    assert abs(10 * np.log10(np.mean(inside**2) / np.mean(there**2))) < 0.5
    assert made.confidence > 0.8


def test_louder_is_only_made_what_the_format_can_hold(tmp_path: Path) -> None:
    song = 0.9 * _SONG[: 10 * 44_100] / np.abs(_SONG).max()
    head = save(tmp_path / "a.wav", song, 44_100, "PCM_16")
    tail = song[6 * 44_100 :] * 0.5
    tail[-1000] = 0.95
    made = join(head, save(tmp_path / "b.wav", tail, 44_100, "FLOAT"), (6.0, 6.0, 6.0), tmp_path / "joined")
    assert np.abs(load(made.path)[-1000]) == pytest.approx(1.0, abs=0.01)
    assert np.mean(load(made.path)[8 * 44_100 : 9 * 44_100] ** 2) < np.mean(song[8 * 44_100 : 9 * 44_100] ** 2)


def test_of_a_long_track_only_what_is_around_the_join_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = save(tmp_path / "a.wav", noise(300, 8000), 8000, "PCM_16")
    part = save(tmp_path / "b.wav", noise(200, 8000), 8000, "PCM_16")
    held: list[int] = []
    choose = transition.choose

    def seen(old: Any, new: Any, *more: Any) -> transition.Transition:
        held.extend((len(old), len(new)))
        return choose(old, new, *more)

    monkeypatch.setattr("fermata_mcp.rearrange.joining.joined_file.choose", seen)
    made = join(head, part, (280.0, 280.0, 280.0), tmp_path / "joined")
    assert probe(made.path).duration_seconds == pytest.approx(480, abs=0.2)
    assert max(held) <= 25 * 8000
