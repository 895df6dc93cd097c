"""The seconds around places of a file, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fermata_mcp.rearrange.excerpts import PAUSE_SECONDS, main, stretches, write_excerpts
from support.processes import seconds_of, write_beat


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([], []), ([10], [(7, 13)]), ([1], [(0, 4)]), ([59], [(56, 60)]), ([10, 30], [(7, 13), (27, 33)]),
        ([10, 14], [(7, 17)]), ([30, 10, 99], [(7, 13), (27, 33)]),
    ],
)  # fmt: skip
def test_stretches(places: list[float], found: list[tuple[float, float]]) -> None:
    assert stretches(places, 60) == found


def test_what_is_cut_is_what_stands_there(tmp_path: Path) -> None:
    rate = 8000
    ramp = np.linspace(-0.9, 0.9, 60 * rate)
    soundfile.write(tmp_path / "ramp.flac", ramp, rate, "PCM_16")
    write_excerpts(tmp_path / "ramp.flac", [20, 40], tmp_path / "out.wav")
    cut, _ = soundfile.read(tmp_path / "out.wav")
    assert len(cut) == round((12 + PAUSE_SECONDS) * rate)
    middle = cut[3 * rate], cut[round((9 + PAUSE_SECONDS) * rate)]
    assert middle == pytest.approx((ramp[20 * rate], ramp[40 * rate]), abs=1e-3)
    assert not cut[round(6.1 * rate) : round(6.6 * rate)].any(), "the pause"


def test_as_a_process(tmp_path: Path) -> None:
    song = write_beat(tmp_path / "song.wav", 20)
    words = [str(song), str(tmp_path / "out.wav"), "5", "15.5"]
    command = [sys.executable, "-P", "-m", "fermata_mcp.rearrange.excerpts"]
    assert subprocess.run([*command, *words], check=False).returncode == 0
    assert seconds_of(tmp_path / "out.wav") == pytest.approx(12 + PAUSE_SECONDS, abs=0.01)


def test_what_is_no_audio_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.wav").write_bytes(b"no")
    assert main([str(tmp_path / "no.wav"), str(tmp_path / "out.wav"), "1"]) == 1
    assert "not_audio" in capsys.readouterr().err
