"""Whether two recordings begin alike, however they are encoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emulators.audio import RATE, Recipe, Studio, origin, until
from fermata_mcp.media.compare import likeness

SOURCE = origin("song", 40)
STUDIO = Studio()


def saved(folder: Path, name: str, recipe: Recipe, kind: str = "wav") -> Path:
    path = folder / f"{name}.{kind}"
    path.write_bytes(STUDIO.render(recipe, kind))
    return path


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac"])
def test_the_same_recording_is_the_same_in_any_encoding(tmp_path: Path, kind: str) -> None:
    source = saved(tmp_path, "source", SOURCE)
    whole = saved(tmp_path, "whole", until(SOURCE, 38) + origin("new", 20), kind)
    assert likeness(whole, source, 0, 38) == "same"
    assert likeness(source, whole, 0, 38) == "same"


@pytest.mark.parametrize(("rate", "gain"), [(8000, 0.1), (16000, 1.0), (44100, 0.1), (48000, 1.0)])
def test_it_is_the_same_at_another_rate_and_loudness(tmp_path: Path, rate: int, gain: float) -> None:
    whole = saved(tmp_path, "whole", SOURCE + origin("new", 5))
    samples = STUDIO.samples(SOURCE) * gain
    places = np.arange(40 * rate) * (RATE / rate)
    stereo = np.repeat(np.interp(places, np.arange(len(samples)), samples)[:, None], 2, axis=1)
    soundfile.write(tmp_path / "other.flac", stereo, rate)  # pyright: ignore[reportUnknownMemberType]
    assert likeness(whole, tmp_path / "other.flac", 0, 40) == "same"


@pytest.mark.parametrize("name", list("abcd"))
def test_another_recording_is_different(tmp_path: Path, name: str) -> None:
    source, other = saved(tmp_path, "source", SOURCE), saved(tmp_path, "other", origin(name, 40), "mp3")
    assert likeness(other, source, 0, 38) == "different"


def test_melodies_that_meet_for_a_moment_are_still_different(tmp_path: Path) -> None:
    """Four notes of one are like four of another in one pair of a hundred: that alone must not stop a chain."""
    source = saved(tmp_path, "source", until(SOURCE, 4))
    others = (saved(tmp_path, "other", origin(f"other {index}", 6)) for index in range(20, 100))
    assert [likeness(other, source, 0, 4) for other in others] == ["different"] * 80


def test_it_may_begin_later_in_the_reference(tmp_path: Path) -> None:
    track = saved(tmp_path, "track", origin("before", 12) + SOURCE)
    result = saved(tmp_path, "result", until(SOURCE, 38) + origin("new", 9))
    assert likeness(result, track, 12, 38) == "same"
    assert likeness(result, track, 0, 12) == "different"


def test_a_beginning_that_is_left_early_is_no_proof(tmp_path: Path) -> None:
    """A loop starts alike and goes elsewhere."""
    source = saved(tmp_path, "source", SOURCE)
    loop = saved(tmp_path, "loop", until(SOURCE, 8) + origin("new", 50))
    assert likeness(loop, source, 0, 38) is None


def test_the_last_seconds_may_be_blended(tmp_path: Path) -> None:
    source = saved(tmp_path, "source", SOURCE)
    result = saved(tmp_path, "result", until(SOURCE, 35) + origin("new", 20))
    assert likeness(result, source, 0, 38) == "same"


def test_silence_and_what_cannot_be_read_are_no_evidence(tmp_path: Path) -> None:
    source = saved(tmp_path, "source", SOURCE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE * 50), RATE)  # pyright: ignore[reportUnknownMemberType]
    (tmp_path / "broken.mp3").write_bytes(b"no audio")
    assert likeness(source, tmp_path / "silent.wav", 0, 38) is None
    assert likeness(tmp_path / "broken.mp3", source, 0, 38) is None
    assert likeness(source, source, 0, 0.2) is None
