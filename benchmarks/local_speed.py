"""How fast the offline engine is: a three-minute track made a minute longer, process to process.

    python benchmarks/local_speed.py [wav|flac|ogg|mp3] [runs]

Prints wall and CPU seconds and the peak memory of the worker process, start-up included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[1]
RATE, MINUTES, ADDED = 44100, 3, 60


def main() -> None:
    suffix = sys.argv[1] if len(sys.argv) > 1 else "wav"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        source = make_track(Path(folder) / f"track.{suffix}")
        print(f"{MINUTES} min {suffix}, stereo {RATE} Hz, {ADDED} s longer")
        for _ in range(runs):
            wall, cpu = extend(source, Path(folder) / f"longer.{suffix}")
            print(f"wall {wall:.2f} s   CPU {cpu:.2f} s")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


def make_track(path: Path) -> Path:
    """The example groove over and over, each time with its own melody, so that places differ as in a song."""
    groove, _ = soundfile.read(ROOT / "examples/groove.wav", dtype="float32")
    groove = groove[: int(16 * 60 / 132 * RATE)]
    rng = np.random.default_rng(0)
    count = -(-MINUTES * 60 * RATE // len(groove))
    with soundfile.SoundFile(str(path), "w", RATE, 2) as file:
        for _ in range(count):
            block = 0.8 * groove + melody(len(groove), rng)[:, None]
            for start in range(0, len(block), 65536):
                file.write(block[start : start + 65536])
    return path


def melody(size: int, rng: np.random.Generator) -> np.ndarray:
    notes = 16
    time_ = np.arange(size // notes) / RATE
    pitches = 440 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12], notes) / 12)
    tones = [0.1 * np.sin(2 * np.pi * pitch * time_) * np.exp(-4 * time_) for pitch in pitches]
    return np.pad(np.concatenate(tones), (0, size - notes * (size // notes))).astype(np.float32)


def extend(source: Path, target: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one worker process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    job = {"source": str(source), "target": str(target), "length_seconds": soundfile.info(source).duration + ADDED}
    with subprocess.Popen(
        [sys.executable, "-m", "fermata_mcp.providers.local.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "server")},
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(job).encode() + b"\n")
        worker.stdin.flush()
        last = json.loads(worker.stdout.readlines()[-1])
    if "done" not in last:
        raise SystemExit(str(last))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


if __name__ == "__main__":
    main()
