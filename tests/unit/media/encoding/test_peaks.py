"""No blend clips, whatever is blended; nothing wraps around, whatever it is written as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata_mcp.media.encoding.peaks import storable
from fermata_mcp.rearrange.joining.joined_file import join
from fermata_mcp.rearrange.samples import full_scale, to_native
from fermata_mcp.rearrange.transitions.crossfade import crossfade, crossfade_weights
from support.audio_signals import load, save

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"int16": 32512, "int32": 0x7FFFFF00, "float32": 1.0, "float64": 1.0}  # full scale of the fewest bits in them


def loud(rng: np.random.Generator, frames: int, peak: float, kind: str) -> Any:
    """[frames, 2] music-like noise that often comes to `peak`, mastered against it."""
    sound = np.cumsum(rng.standard_normal((frames, 2)), axis=0)
    sound = np.tanh(3 * (sound - sound.mean(0)) / (np.abs(sound).max() + 1e-9) + rng.standard_normal((frames, 2)))
    sound = np.clip(1.2 * sound, -1, 1) * peak
    return to_native(sound * full_scale(np.dtype(kind)), np.dtype(kind))


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32), frames=st.integers(2, 3000), kind=st.sampled_from(sorted(KINDS)),
    peaks=st.tuples(*[st.sampled_from([0.05, 0.5, 0.9, 0.98, 0.999, 1.0, 1.4])] * 2),
)  # fmt: skip
def test_a_blend_comes_to_full_scale_nowhere_anew(
    seed: int, frames: int, kind: str, peaks: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    old, new = (loud(rng, frames, peak, kind).astype(float) for peak in peaks)
    blend = to_native(crossfade(old, new, full_scale(np.dtype(kind))), np.dtype(kind)).astype(float)
    own = np.maximum(np.abs(old), np.abs(new))
    assert (np.abs(blend) <= own.max() * (1 + 1e-6)).all()
    clipped = np.abs(blend) >= KINDS[kind]
    assert (own[clipped] >= KINDS[kind] * (1 - 1e-6)).all()


@pytest.mark.parametrize("frames", [500, 20_000])
def test_the_gain_has_no_steps(frames: int) -> None:
    """What is taken back is taken smoothly, and nothing at the ends."""
    rng = np.random.default_rng(1)
    old, new = loud(rng, frames, 1.0, "float64"), loud(rng, frames, 1.0, "float64")
    weight = crossfade_weights(frames)[:, None]
    even = old * (1 - weight) + new * weight
    clear = np.where(np.abs(even) < 1e-6, 1e-6, even)
    shown = (crossfade(old, new, 1.0) / clear)[np.abs(even).min(axis=1) > 1e-3].mean(axis=1)
    assert shown.min() >= 1 - 1e-9
    assert np.abs(np.diff(shown)).max() < 30 / frames
    assert abs(shown[0] - 1) < 0.02
    assert abs(shown[-1] - 1) < 0.02


def test_what_is_not_loud_keeps_its_power() -> None:
    rng = np.random.default_rng(2)
    old, new = (0.1 * rng.standard_normal((4000, 2)) for _ in range(2))
    limited, free = (float(np.mean(crossfade(old, new, full) ** 2)) for full in (1.0, np.inf))
    assert 10 * abs(np.log10(limited / free)) < 0.1


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_part_is_joined_without_clipping(tmp_path: Path, subtype: str) -> None:
    rng = np.random.default_rng(4)
    before, part = (loud(rng, 44100, 0.97, "float64") for _ in range(2))
    head, tail = save(tmp_path / "a.wav", before, subtype=subtype), save(tmp_path / "b.wav", part, subtype=subtype)
    assert np.abs(load(join(head, tail, (1.0, 1.0, 1.0), tmp_path / "joined").path)).max() < 0.975


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "IMA_ADPCM"),
        ("wav", "MS_ADPCM"),
        ("wav", "ULAW"),
        ("wav", "PCM_16"),
        ("wav", "GSM610"),
        ("flac", "PCM_24"),
    ],
)
def test_beyond_full_scale_nothing_wraps(tmp_path: Path, suffix: str, subtype: str) -> None:
    time = np.arange(22050) / 8000
    tone = 1.4 * np.sin(2 * np.pi * 50 * time)[:, None]
    path = tmp_path / f"a.{suffix}"
    with soundfile.SoundFile(path, "w", 8000, 1, subtype=subtype) as file:
        file.write(storable(tone, subtype))
    read = load(path)[: len(tone)]
    high = np.abs(tone[: len(read)]) > 1
    assert (np.sign(read[high]) == np.sign(tone[: len(read)][high])).all()


def test_what_can_hold_more_keeps_it() -> None:
    above = np.array([[1.5], [-2.0]])
    assert (storable(above, "FLOAT") == above).all()
    assert (storable(above, "VORBIS") == above).all()
    assert (storable(above, "PCM_16") == [[1], [-1]]).all()
