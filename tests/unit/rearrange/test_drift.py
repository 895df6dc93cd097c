"""Music that does not keep still: tempo and pitch that drift, levels that change, two hours of it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from fermata_mcp.providers.local import worker
from fermata_mcp.providers.local.messages import Done, decode, encode
from fermata_mcp.rearrange.job import Job
from support.audio_signals import RATE, chord, chord_loop, extend, form, load, save, stereo, untouched_frames
from support.processes import peak_memory

if TYPE_CHECKING:
    from pathlib import Path

    from support.audio_signals import Sound


def drifting_beat(seconds: float, period: float, drift: float) -> tuple[Sound, Sound]:
    """[samples] chords with a tap on each beat, which lasts `period` seconds and wanders by `drift`; its times."""
    times, at = [0.0], 0.0
    while at < seconds:
        at += period * (1 + drift * np.sin(2 * np.pi * at / 9))
        times.append(at)
    sound = np.zeros(round((at + 1) * RATE))
    tap = 0.5 * np.random.default_rng(0).standard_normal(RATE // 200)
    for i, time in enumerate(times[:-1]):
        note = chord(i % 4, 0.4)
        start = round(time * RATE)
        sound[start : start + len(note)] += note
        sound[start : start + len(tap)] += tap
    return sound[: round(seconds * RATE)], np.asarray(times)


@pytest.mark.parametrize("drift", [0.01, 0.04])
def test_a_live_beat_stays_a_beat(tmp_path: Path, drift: float) -> None:
    """No join puts a beat further from its neighbours than the player's own beats are."""
    sound, times = drifting_beat(40, 0.5, drift)
    result = extend(save(tmp_path / "a.wav", sound), tmp_path / "b.wav", 65)
    taps = np.flatnonzero(np.abs(np.diff(load(tmp_path / "b.wav")[: 55 * RATE, 0], 2)) > 0.4)
    between = np.diff(taps[np.diff(taps, prepend=-RATE) > 0.2 * RATE]) / RATE
    own = np.diff(times)
    assert result.mode == "rearranged"
    assert between.min() > own.min() - 0.03
    assert between.max() < own.max() + 0.03


def test_a_sine_that_drifts_is_joined_without_a_click(tmp_path: Path) -> None:
    time = np.arange(30 * RATE) / RATE
    sound = 0.5 * np.sin(2 * np.pi * (220 * time + 6 * np.sin(2 * np.pi * time / 11)))
    source = save(tmp_path / "a.wav", sound, subtype="FLOAT")
    result = extend(source, tmp_path / "b.wav", 47.5)
    before, after = load(source), load(tmp_path / "b.wav")
    assert len(after) == round(47.5 * RATE)
    kept = untouched_frames(result)
    assert (after[:kept] == before[:kept]).all()
    steepest = np.abs(np.diff(before[:, 0], 2)).max()
    for seam in result.seams:
        around = after[int((seam.at - 0.5) * RATE) : int((seam.at + 0.5) * RATE), 0]
        assert np.abs(np.diff(around, 2)).max() < 1.5 * steepest


def test_peak_and_loudness_are_those_of_the_source(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", stereo(form("ABABCABAB"), 0.6 * form("BABACBABA")), subtype="FLOAT")
    extend(source, tmp_path / "b.wav", 70, ending="keep")
    before, after = load(source), load(tmp_path / "b.wav")
    assert np.abs(after).max() <= 1.02 * np.abs(before).max()
    loudness = [20 * np.log10(np.sqrt(np.mean(sound**2))) for sound in (before, after)]
    assert abs(loudness[0] - loudness[1]) < 1.0
    balance = [np.mean(sound[:, 0] ** 2) / np.mean(sound[:, 1] ** 2) for sound in (before, after)]
    assert balance[1] == pytest.approx(balance[0], rel=0.2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux tells it")
def test_two_hours_are_streamed(tmp_path: Path) -> None:
    """Two hours at full rate would not fit into what a worker may use, were they held as numbers."""
    rate = 16000
    source = tmp_path / "long.wav"
    minute = np.rint(20000 * chord_loop(30, rate=rate)).astype(np.int16)
    with soundfile.SoundFile(str(source), "w", rate, 2, subtype="PCM_16") as file:
        for _ in range(120):
            file.write(np.stack([minute, minute[::-1]], 1))
    job = Job(source, tmp_path / "b.wav", 7260)
    with subprocess.Popen(
        [sys.executable, "-m", worker.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(encode(job))
        process.stdin.flush()
        lines = iter(process.stdout.readline, b"")
        last, most = decode(next(lines)), 0
        for line in lines:
            last = decode(line)
            with suppress(IndexError):  # it has ended by now
                most = max(most, peak_memory(process.pid))
    source.unlink()
    assert isinstance(last, Done)
    assert last.duration_seconds == 7260
    assert 0 < most < 500 * 2**20
