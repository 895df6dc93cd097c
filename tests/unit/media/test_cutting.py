"""The window of a track that a provider is to hear: the music just before the point, to the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as some

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.domain.spec import SentForm, Window
from fermata_mcp.media.cutting import cut
from support.audio_signals import load, noise, save, stereo
from support.encoded import RECIPES, encoded, music, shift

if TYPE_CHECKING:
    from pathlib import Path

GRID = 4096 / 44_100


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("track") / "a.wav", stereo(noise(6, 48_000)), 48_000, "PCM_16")


@given(until=some.floats(0.2, 6), context=some.floats(0.15, 8), grid=some.sampled_from([0.0, 0.08, GRID]))
def test_the_window_ends_at_the_point_and_is_the_track_itself(
    track: Path, until: float, context: float, grid: float
) -> None:
    made = cut(track, until, Window(context, 48_000, grid=grid), track.with_name("sent.wav"))
    sent, whole = load(made.path, "float32"), load(track, "float32")
    start = round(made.begins_at * 48_000)
    assert (sent == whole[start : start + len(sent)]).all()
    assert abs(start + len(sent) - until * 48_000) <= 1
    assert made.seconds == len(sent) / 48_000 <= context + 1 / 48_000
    assert min(context, until) - made.seconds <= max(grid, 1 / 48_000)
    steps = made.seconds / grid if grid else 1
    assert abs(steps - round(steps)) * grid < 1 / 48_000


@pytest.mark.parametrize(("form", "name"), [("wav float32", "FLOAT"), ("wav16", "PCM_16"), ("flac", "PCM_24")])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2)])
def test_it_is_written_as_it_is_wanted(
    track: Path, tmp_path: Path, form: SentForm, name: str, rate: int, channels: int
) -> None:
    window = Window(2.0, rate, channels, form)
    made = cut(track, 5.0, window, tmp_path / f"sent{window.suffix}")
    facts = soundfile.info(str(made.path))
    assert (facts.samplerate, facts.channels, facts.subtype, facts.frames) == (rate, channels, name, 2 * rate)
    assert made.begins_at == 3.0


@pytest.mark.parametrize("kind", ["aac in m4a", "opus in webm", "mp3 in mka", "wma"])
def test_of_lossy_files_it_is_the_stretch_that_players_hear(tmp_path: Path, kind: str) -> None:
    recipe = RECIPES[kind]
    source = encoded(tmp_path / f"a{recipe.ending}", recipe, music(3.0, recipe.rate))
    all_of_it = cut(source, 2.5, Window(9, recipe.rate), tmp_path / "all.wav")
    part = cut(source, 2.5, Window(1, recipe.rate), tmp_path / "part.wav")
    assert shift(load(part.path), load(all_of_it.path)[-recipe.rate :]) == 0


@pytest.mark.parametrize(("until", "grid"), [(0.0, 0.0), (0.05, 0.08)])
def test_nothing_to_go_on_from_is_said(track: Path, tmp_path: Path, until: float, grid: float) -> None:
    with pytest.raises(NotAudio, match="too little to go on from"):
        cut(track, until, Window(9, 48_000, grid=grid), tmp_path / "sent.wav")
    assert not list(tmp_path.iterdir())


def test_loud_samples_are_held_where_a_form_has_no_more(tmp_path: Path) -> None:
    loud = save(tmp_path / "a.wav", np.full(8000, 1.5), 8000, "FLOAT")
    sent = cut(loud, 1.0, Window(1, 8000, 1, "wav16"), tmp_path / "sent.wav")
    assert load(sent.path).min() > 0.99
