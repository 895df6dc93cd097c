"""Which pairs of places sound alike, seen from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.self_distance import JumpBounds, body_span, candidate_pairs, context_distance
from support.audio_signals import RATE, chord, form, noise, save
from support.jumps import analysed

if TYPE_CHECKING:
    from pathlib import Path


def test_equal_sections_are_near_along_their_diagonal(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", form("ABAC")))
    distance = context_distance(analysis)
    cells = round(8 / analysis.cell_seconds)
    inside = slice(round(1 / analysis.cell_seconds), round(3 / analysis.cell_seconds))
    assert distance.shape == (analysis.cells, analysis.cells)
    assert np.median(np.diag(distance, -cells)[inside]) < 0.5 * np.median(distance)


def test_pairs_go_back_far_enough_and_start_where_they_may(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", form("ABABAB")))
    leave, enter = candidate_pairs(analysis, JumpBounds(earliest=5.0, shortest=3.0, entry=None))
    assert len(leave) > 0
    assert ((leave - enter) * analysis.cell_seconds > 3 - 2 * analysis.cell_seconds).all()
    assert (leave * analysis.cell_seconds >= 5).all()


def test_some_leave_where_new_material_must_start(tmp_path: Path) -> None:
    """Even where the track fades, which nothing else leaves."""
    music = form("ABAB")
    music[-4 * RATE :] *= np.linspace(1, 0, 4 * RATE) ** 2
    analysis = analysed(save(tmp_path / "a.wav", music))
    for entry, reached in ((None, False), (14.0, True)):
        leave, _ = candidate_pairs(analysis, JumpBounds(earliest=2.0, shortest=2.0, entry=entry))
        assert (leave * analysis.cell_seconds >= 14).any() == reached


def test_the_body_leaves_out_what_fades(tmp_path: Path) -> None:
    music = np.concatenate([0.01 * noise(8), noise(20), 0.01 * noise(8)])
    analysis = analysed(save(tmp_path / "a.wav", music))
    first, last = (cell * analysis.cell_seconds for cell in body_span(analysis))
    assert 6 < first < 9
    assert 27 < last < 30


def test_a_moment_of_sound_has_no_pairs(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", chord(0, 0.5)))
    assert [len(side) for side in candidate_pairs(analysis, JumpBounds(0.0, 0.1, None))] == [0, 0]
