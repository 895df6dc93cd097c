"""Whatever format a track has, its result has it too, or the one that was asked for, and nothing is lost on the way."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.codecs.targets import FORMS, kept
from support.audio_signals import chord_loop, extend, save, stereo
from support.encoded import RECIPES, Recipe, Sound, encoded, shift

pytestmark = pytest.mark.usefixtures("brief_search")

LONGER = 1.75  # seconds


def made(folder: Path, kind: str) -> Path:
    recipe = RECIPES[kind]
    return encoded(folder / f"song{recipe.ending}", recipe, _music(recipe))


def _music(recipe: Recipe) -> Sound:
    sound = chord_loop(3, rate=recipe.rate)
    return 0.5 * stereo(sound, np.roll(sound, 100))


def _read(path: Path) -> Sound:
    with open_audio(path) as opened:
        return opened.read(dtype="float32", always_2d=True)


@pytest.mark.parametrize("kind", RECIPES)
def test_the_same_kind_comes_out(kind: str, tmp_path: Path) -> None:
    source, recipe = made(tmp_path, kind), RECIPES[kind]
    before = probe(source)
    target = tmp_path / f"long{kept(before).ending}"
    result = extend(source, target, before.duration_seconds + LONGER)
    after = probe(target)
    assert after.sample_rate == before.sample_rate
    assert abs(after.frames - before.frames - round(LONGER * before.sample_rate)) <= 1
    assert bool(kept(before).warning) == any(target.suffix in said for said in result.warnings)
    old, new = _read(source), _read(target)
    untouched = round(result.seams[0].at * before.sample_rate) - 4_000
    if before.lossless:
        assert after.lossless
        assert np.array_equal(new[:untouched], old[:untouched])
    assert untouched > 4_000
    assert abs(shift(new[:untouched], old[:untouched])) <= (0 if after.container != "MP3" else 2)
    if recipe.kbps and before.container == "M4A":
        size = target.stat().st_size * 8 / after.duration_seconds / 1000
        assert size > 0.97 * source.stat().st_size * 8 / before.duration_seconds / 1000 or recipe.picture


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        *product(("aac in m4a",), FORMS),
        *product(("wav", "alac of 24 bits"), (".flac", ".mp3", ".m4a", ".webm", ".wav")),
    ],
)
def test_an_ending_chooses_another(kind: str, ending: str, tmp_path: Path) -> None:
    source = made(tmp_path, kind) if kind in RECIPES else save(tmp_path / "song.wav", _music(RECIPES["wma"]), 44_100)
    before, target = probe(source), tmp_path / f"long{ending}"
    extend(source, target, before.duration_seconds + LONGER)
    after = probe(target)
    assert kept(after).same
    assert kept(after).ending == ending
    assert abs(after.duration_seconds - before.duration_seconds - LONGER) * after.sample_rate <= 1.5
    if ending in (".wav", ".flac", ".aiff") and before.lossless:
        assert np.array_equal(_read(target)[:9_000], _read(source)[:9_000])


@pytest.mark.parametrize("ending", [".wma", ".aac", ".xyz"])
def test_one_that_cannot_be_written_is_refused_before_work(ending: str, tmp_path: Path) -> None:
    source = save(tmp_path / "song.wav", chord_loop(4))
    with pytest.raises(InvalidRequest, match=ending):
        extend(source, tmp_path / f"long{ending}", 10)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_more_channels_than_a_format_has_are_refused_before_work(tmp_path: Path) -> None:
    source = save(tmp_path / "song.wav", np.repeat(chord_loop(4)[:, None], 6, axis=1))
    with pytest.raises(InvalidRequest, match="2 channels"):
        extend(source, tmp_path / "long.mp3", 10)


def test_what_whole_numbers_cannot_hold_is_told(tmp_path: Path) -> None:
    recipe = Recipe(".m4a", "ipod", "aac", "fltp", ".m4a", kbps=256)
    source = encoded(tmp_path / "loud.m4a", recipe, 1.6 * _music(recipe) / np.abs(_music(recipe)).max())
    clipped = extend(source, tmp_path / "long.flac", 8)
    assert any("clipped" in said for said in clipped.warnings)
    kept_whole = extend(source, tmp_path / "long.m4a", 8)
    assert not any("clipped" in said for said in kept_whole.warnings)
    assert np.abs(_read(tmp_path / "long.m4a")).max() > 1.2
    assert np.abs(_read(tmp_path / "long.flac")).max() <= 1


def test_a_big_lossless_file_is_read_from_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata_mcp.rearrange.samples.MEMORY_LIMIT", 1000)
    source = made(tmp_path, "alac of 16 bits")
    extend(source, tmp_path / "long.m4a", 8)
    assert np.array_equal(_read(tmp_path / "long.m4a")[:9_000], _read(source)[:9_000])
