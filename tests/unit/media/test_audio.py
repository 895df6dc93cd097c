"""Header facts, and clear refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fermata_mcp
from fermata_mcp.domain.errors import FermataError, InvalidRequest, NotAudio
from fermata_mcp.media.audio import probe
from support.audio_signals import RATE, chord_loop, extend, noise, save, stereo


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("wav", "PCM_24"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")]
)
def test_facts(tmp_path: Path, suffix: str, subtype: str) -> None:
    facts = probe(save(tmp_path / f"A.{suffix}", stereo(chord_loop(2)), subtype=subtype))
    assert (facts.container, facts.subtype, facts.suffix) == (suffix.upper(), subtype, f".{suffix}")
    assert (facts.sample_rate, facts.channels, facts.frames) == (RATE, 2, 4 * RATE)
    assert facts.duration_seconds == 4.0
    assert facts.lossless == (suffix in {"wav", "flac"})


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("content", [b"", b"plain words\n" * 400, bytes(range(256)) * 40, bytes(5000)])
def test_what_is_not_audio(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(NotAudio):
        probe(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_no_samples(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(NotAudio):
        probe(save(tmp_path / f"a.{suffix}", np.zeros((0, 1))))


@pytest.mark.parametrize("rate", [44100, 8000])
def test_a_variable_rate_mp3_that_does_not_tell_its_length(tmp_path: Path, rate: int) -> None:
    loud, quiet = noise(3, rate), noise(3, rate) * 1e-3
    told = tmp_path / "told.mp3"
    with soundfile.SoundFile(str(told), "w", rate, 1, bitrate_mode="VARIABLE", compression_level=0.3) as file:
        file.write(np.concatenate([quiet, loud]))
    data = told.read_bytes()
    path = tmp_path / "untold.mp3"
    path.write_bytes(data[data.index(data[:2], 64) :])  # without the frame that tells
    facts = probe(path)
    assert abs(facts.duration_seconds - 6) < 0.3
    result = extend(path, tmp_path / "longer.mp3", 11)
    assert abs(result.facts.duration_seconds - 11) < 0.03
    assert not any("damaged" in warning for warning in result.warnings)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.wav", tmp_path, Path("/dev/null")):
        with pytest.raises(InvalidRequest):
            probe(path)
    with pytest.raises(FermataError):
        probe(tmp_path / ("x" * 5000))


def test_importing_costs_no_audio_library() -> None:
    code = (
        "import sys, fermata_mcp.media.audio, fermata_mcp.providers.local;"
        "print([m for m in ('numpy', 'soundfile', 'mutagen') if m in sys.modules])"
    )
    root = str(Path(fermata_mcp.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": root}
    )
    assert run.stdout.strip() == "[]"
