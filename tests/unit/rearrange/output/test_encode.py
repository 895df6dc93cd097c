"""Every container and sample format comes back as it went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fermata_mcp.media.audio import probe
from support.audio_signals import chord_loop, extend, load, save, stereo, untouched_frames

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("brief_search")

LOSSLESS = [
    ("wav", "PCM_U8", "int16"),
    ("wav", "PCM_16", "int16"),
    ("wav", "PCM_24", "int32"),
    ("wav", "PCM_32", "int32"),
    ("wav", "FLOAT", "float32"),
    ("wav", "DOUBLE", "float64"),
    ("flac", "PCM_S8", "int16"),
    ("flac", "PCM_16", "int16"),
    ("flac", "PCM_24", "int32"),
]


def _full_resolution(subtype: str, kind: str, rate: int) -> Any:
    """Music whose lowest bits matter, in the type that holds the format exactly."""
    music = stereo(chord_loop(4, rate=rate))
    if kind.startswith("float"):
        return music.astype(kind)
    bits = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}[subtype]
    steps: NDArray[np.int64] = np.asarray(np.rint(music * 0.7 * 2 ** (bits - 1)), np.int64)
    steps += np.random.default_rng(0).integers(-1, 2, steps.shape)
    return (steps << (np.iinfo(kind).bits - bits)).astype(kind)


@pytest.mark.parametrize(("suffix", "subtype", "kind"), LOSSLESS)
def test_lossless_formats_keep_format_length_and_beginning(
    tmp_path: Path, suffix: str, subtype: str, kind: str
) -> None:
    music = _full_resolution(subtype, kind, 22050)
    source = save(tmp_path / f"a.{suffix}", music, subtype=subtype)
    target = tmp_path / f"b.{suffix}"
    result = extend(source, target, 13.3)
    before, after = load(source, kind), load(target, kind)
    assert (before == music).all()
    assert len(after) == round(13.3 * 22050)
    assert (result.facts.container, result.facts.subtype) == (suffix.upper(), subtype)
    kept = untouched_frames(result)
    assert kept > 22050
    assert (after[:kept] == before[:kept]).all()


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_lossy_formats_keep_format_and_length(tmp_path: Path, suffix: str, rate: int) -> None:
    source = save(tmp_path / f"a.{suffix}", stereo(chord_loop(3, rate=rate)), rate)
    result = extend(source, tmp_path / f"b.{suffix}", 9.7)
    assert probe(tmp_path / f"b.{suffix}").container == suffix.upper()
    assert abs(len(load(tmp_path / f"b.{suffix}")) / rate - 9.7) < 0.03
    assert abs(result.facts.duration_seconds - 9.7) < 0.03
    assert result.facts.sample_rate == rate


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (11025, 2), (48000, 1), (96000, 2), (44100, 6)])
def test_rates_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    mono = chord_loop(3, rate=rate)
    music = np.stack([mono * (1 - 0.1 * c) for c in range(channels)], 1)
    source = save(tmp_path / "a.wav", music, rate, "PCM_24")
    result = extend(source, tmp_path / "b.wav", 10.01)
    after = load(tmp_path / "b.wav")
    assert after.shape == (round(10.01 * rate), channels)
    assert result.facts.sample_rate == rate
    if channels > 1:  # the channels stay together: what was a scaled copy still is
        assert np.abs(after[:, 1] - after[:, 0] * 0.9).max() < 1e-5
