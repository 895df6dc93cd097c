"""The worker process: one job line in, JSON lines out, and nothing left behind when it dies."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fermata_mcp
from support.audio_signals import RATE, chord_loop, load, save, stereo

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(fermata_mcp.__file__).parents[1]


def _start(preexec_fn: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fermata_mcp.providers.local.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=preexec_fn,
    )


def _send(process: subprocess.Popen[bytes], job: dict[str, Any] | bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(job if isinstance(job, bytes) else json.dumps(job).encode() + b"\n")
    process.stdin.flush()


def _lines(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """All lines it writes until it ends by itself, with stdin kept open."""
    assert process.stdout is not None
    with process:
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait() == 0
    return lines


def _job(source: Path, target: Path, length: float, **more: Any) -> dict[str, Any]:
    return {"job": {"source": str(source), "target": str(target), "length_seconds": length, **more}}


def _work(job: dict[str, Any] | bytes, preexec_fn: Callable[[], None] | None = None) -> list[dict[str, Any]]:
    process = _start(preexec_fn)
    _send(process, job)
    return _lines(process)


@pytest.fixture
def long_mp3(tmp_path: Path) -> Path:
    """A source whose result takes seconds to encode."""
    return save(tmp_path / "a.mp3", stereo(chord_loop(8)))


def _wait_for_part(process: subprocess.Popen[bytes], folder: Path) -> None:
    while not list(folder.glob(".fermata-*.part*")):
        assert process.poll() is None, "it ended before it wrote anything"
        time.sleep(0.01)


def _ended(process: subprocess.Popen[bytes]) -> int:
    code = process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return code


def test_progress_and_outcome(tmp_path: Path) -> None:
    source, target = save(tmp_path / "a.wav", stereo(chord_loop(8))), tmp_path / "b.wav"
    *progress, last = _work(_job(source, target, 30, continue_at=6.0, title=None, take=1))
    steps = [line["progress"] for line in progress]
    shares = [step["fraction"] for step in steps]
    assert shares == sorted(shares)
    assert len({step["message"] for step in steps}) >= 3
    done = last["done"]
    assert (done["duration_seconds"], len(load(target))) == (30.0, 30 * RATE)
    assert done["warnings"] == []
    assert set(done["seams"][0]) == {"at", "leave", "enter", "crossfade_ms", "confidence"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (b"nonsense\n", "invalid_request"),
        (b"{}\n", "invalid_request"),
        (b'{"job": {"source": "/nowhere/a.wav", "target": "/nowhere/b.wav"}}\n', "invalid_request"),
        (
            b'{"job": {"source": "/nowhere/a.wav", "target": "/nowhere/b.wav", "length_seconds": 9}}\n',
            "invalid_request",
        ),
        (b'{"progress": {"fraction": 1, "message": "x"}}\n', "invalid_request"),
    ],
)
def test_refusals_are_outcomes(job: bytes, code: str) -> None:
    error = _work(job)[-1]["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]


def test_text_named_wav(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("words\n" * 100)
    assert _work(_job(tmp_path / "a.wav", tmp_path / "b.wav", 9))[-1]["error"]["code"] == "not_audio"


def test_it_dies_with_its_parent_and_leaves_nothing(tmp_path: Path, long_mp3: Path) -> None:
    process = _start()
    _send(process, _job(long_mp3, tmp_path / "b.mp3", 900))
    _wait_for_part(process, tmp_path)
    assert process.stdin is not None
    process.stdin.close()
    assert _ended(process) != 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp3"]


def test_sigterm_leaves_nothing(tmp_path: Path, long_mp3: Path) -> None:
    process = _start()
    _send(process, _job(long_mp3, tmp_path / "b.mp3", 900))
    _wait_for_part(process, tmp_path)
    process.send_signal(signal.SIGTERM)
    assert _ended(process) != 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp3"]


def test_after_kill_a_new_run_works(tmp_path: Path, long_mp3: Path) -> None:
    process = _start()
    _send(process, _job(long_mp3, tmp_path / "b.mp3", 900))
    _wait_for_part(process, tmp_path)
    process.kill()
    assert _ended(process) == -signal.SIGKILL
    assert not (tmp_path / "b.mp3").exists()
    assert all(p.name.startswith(".fermata-") for p in tmp_path.iterdir() if p != long_mp3)
    assert "done" in _work(_job(long_mp3, tmp_path / "b.mp3", 20))[-1]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_no_room_left(tmp_path: Path, suffix: str) -> None:
    source = save(tmp_path / f"a.{suffix}", stereo(chord_loop(8)))
    limit = 30_000
    job = _job(source, tmp_path / f"b.{suffix}", 60)
    error = _work(job, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))[-1]["error"]
    assert error["code"] == "store_unavailable"
    assert error["hint"]
    assert [p.name for p in tmp_path.iterdir()] == [source.name]


def test_an_old_result_survives_a_failed_run(tmp_path: Path) -> None:
    target = tmp_path / "b.wav"
    target.write_text("old")
    (tmp_path / "a.wav").write_text("no music")
    assert "error" in _work(_job(tmp_path / "a.wav", target, 9))[-1]
    assert target.read_text() == "old"


def test_names_of_any_kind(tmp_path: Path) -> None:
    source = save(tmp_path / "mü sic 'n' \"more\".wav", chord_loop(4))
    target = tmp_path / "résult\n.wav"
    assert "done" in _work(_job(source, target, 12))[-1]
    assert target.exists()
