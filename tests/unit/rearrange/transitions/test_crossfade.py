"""Crossfades make no click, and keep the level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.transitions.crossfade import Crossfade, crossfade, crossfade_weights
from support.audio_signals import RATE, extend, form, load, noise, save

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.rearrange.job import Result
    from support.audio_signals import Sound


def test_joins_make_no_click(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABACAB"))
    result = extend(source, tmp_path / "b.wav", 60)
    assert _clicks(load(tmp_path / "b.wav")[:, 0], result) < 1.2 * _steepest(load(source)[:, 0])


def _steepest(sound: Sound) -> float:
    return float(np.abs(np.diff(sound, 2)).max())


def _clicks(sound: Sound, result: Result) -> float:
    around = [sound[int((s.at - 0.5) * RATE) : int((s.at + 0.5) * RATE)] for s in result.seams]
    return max(_steepest(part) for part in around)


def test_joins_keep_the_level(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(10) + 0.2 * np.sin(np.arange(10 * RATE) * 0.05))
    result = extend(source, tmp_path / "b.wav", 25)
    after = load(tmp_path / "b.wav")[:, 0]
    usual = np.sqrt((after[: 5 * RATE] ** 2).mean())
    for seam in result.seams:
        part = after[int((seam.at - 0.05) * RATE) : int((seam.at + 0.05) * RATE)]
        assert 0.7 < np.sqrt((part**2).mean()) / usual < 1.4


def test_continuing_at_the_very_end_makes_no_click(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(8) + 0.3)
    extend(source, tmp_path / "b.wav", 20, continue_at=8.0)
    around = load(tmp_path / "b.wav")[8 * RATE - 200 : 8 * RATE + 200, 0]
    assert np.abs(np.diff(around)).max() < 1.5 * np.abs(np.diff(load(source)[:, 0])).max()


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_power_is_constant_whatever_the_correlation(alike: float) -> None:
    one, two = (np.random.default_rng(seed).standard_normal((40_000, 1)) for seed in (1, 2))
    mixture = crossfade(one, alike * one + np.sqrt(1 - alike**2) * two)
    power = (mixture.reshape(8, -1) ** 2).mean(1)
    assert power == pytest.approx(np.ones(8), abs=0.06)


def test_the_same_stays_as_it_is() -> None:
    sound = noise(0.1)[:, None]
    assert crossfade(sound, sound) == pytest.approx(sound, abs=1e-9)


def test_it_leads_from_one_side_to_the_other() -> None:
    weights = crossfade_weights(101)
    assert (np.diff(weights) > 0).all()
    assert weights[[0, 50, -1]] == pytest.approx([0, 0.5, 1], abs=1e-3)


def test_what_is_jumped_back_is_added() -> None:
    assert Crossfade(900, 300, 10, 20, 0.9).lag == 600
