"""The source's samples as they are, wherever they are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange import samples as samples_module
from fermata_mcp.rearrange.samples import full_scale, to_float, to_native
from support.audio_signals import chord_loop, extend, load, save, stereo
from support.jumps import samples_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("brief_search")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_files_too_big_for_memory_give_the_same(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save(tmp_path / f"a.{suffix}", stereo(chord_loop(2)))
    extend(source, tmp_path / f"b.{suffix}", 6)
    monkeypatch.setattr(samples_module, "MEMORY_LIMIT", 0)
    extend(source, tmp_path / f"c.{suffix}", 6)
    assert np.abs(load(tmp_path / f"b.{suffix}") - load(tmp_path / f"c.{suffix}")).max() < 1e-6


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("limit", [0, 2**30])
def test_any_place_reads_as_it_does_from_the_beginning(
    tmp_path: Path, suffix: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "MEMORY_LIMIT", limit)
    source = save(tmp_path / f"a.{suffix}", stereo(chord_loop(2)))
    samples = samples_of(source)
    whole = samples.read(0, samples.frames)
    for start, stop in ((30_001, 40_000), (0, 5), (samples.frames - 3, samples.frames), (17, 70_000)):
        assert (samples.read(start, stop) == whole[start:stop]).all()
    samples.close()


@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "float64"])
def test_native_samples_come_back_as_they_were(kind: str) -> None:
    native = (np.linspace(-1, 0.99, 999)[:, None] * full_scale(np.dtype(kind))).astype(kind)
    assert (to_native(native.astype(np.float64), np.dtype(kind)) == native).all()
    assert to_float(native) == pytest.approx(np.linspace(-1, 0.99, 999)[:, None], abs=1e-4)


def test_what_is_louder_than_whole_numbers_reach_is_clipped() -> None:
    assert to_native(np.array([[-40_000.0, 0.5, 40_000.0]]), np.dtype("int16")).tolist() == [[-32768, 0, 32767]]
