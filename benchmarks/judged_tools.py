"""Runs the tools that quality.py compares, each as processes of its own, and measures them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import soundfile
from judge import Seam

_BLOCK = 65536
# Runs a command and writes what its whole process tree took to file descriptor 3.
_MEASURE = """
import json, os, resource, subprocess, sys
failed = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(3, json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]).encode())
sys.exit(failed)
"""
_DECODE = """
import sys, soundfile
with soundfile.SoundFile(sys.argv[1]) as file:
    for _ in file.blocks(65536, dtype="float32"):
        pass
"""


@dataclass
class Run:
    """One run of a tool. cpu, wall: seconds; memory: MB, the largest process; told: the joins it says it made."""

    cpu: float
    wall: float
    memory: float
    output: str
    failure: str = ""
    told: list[Seam] | None = None


def measured(command: list[str], env: dict[str, str] | None = None) -> Run:
    """Run to the end; CPU and memory are those of all its processes."""
    began = time.perf_counter()
    read, write = os.pipe()
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = subprocess.run(
                ["/bin/sh", "-c", f'exec "$@" 3>&{write}', "sh", sys.executable, "-c", _MEASURE, *command],
                env=_environment() | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(write,),
                check=False,
            ).returncode
            out.seek(0)
            err.seek(0)
            output, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        os.close(write)
        cpu, memory = json.loads(os.read(read, 1000) or b"[0, 0]")
    finally:
        os.close(read)
    failure = "" if code == 0 else " ".join(complaint.split())[-200:] or f"exit code {code}"
    return Run(cpu, time.perf_counter() - began, memory, output, failure)


def _environment() -> dict[str, str]:
    """Without the judge's own limit, which would change how the tools run."""
    return {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}


def extend_ours(source: Path, target: Path, wanted: float) -> Run:
    """`fermata-mcp extend`, as a user types it."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"FERMATA_DATA_DIR": folder, "FERMATA_OUTPUT_DIR": folder}
        command = [sys.executable, "-m", "fermata_mcp", "extend", str(source), "--to", f"{wanted:.6f}", "--json"]
        run = measured([*command, "--output", str(target)], env)
    if not run.failure:
        told: list[dict[str, float]] = json.loads(run.output)["clips"][0].get("seams") or []
        run.told = [Seam(one["at"], one["from"], one["to"]) for one in told]
    return run


def extend_theirs(looper: Path, fade: bool, source: Path, target: Path, wanted: float) -> Run:
    """PyMusicLooper's `extend`, as its help says."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(looper), "extend", "--path", str(source), "--extended-length", f"{wanted:.6f}"]
        command += ["--format", "wav", "--output-dir", folder] + ([] if fade else ["--disable-fade-out"])
        run = measured(command)
        made = sorted(Path(folder).rglob("*.wav"))
        if made:
            target.unlink(missing_ok=True)
            target.write_bytes(made[0].read_bytes())
        elif not run.failure:  # it ends with exit code 0 when it finds no loop
            run.failure = " ".join(run.output.split())[-200:] or "no file"
    return run


def measured_decode(track: Path) -> Run:
    """Decoding a track and nothing else, start-up of the decoding process included."""
    return measured([sys.executable, "-c", _DECODE, str(track)])


def to_wav(track: Path, target: Path, place: float = 0.0, seconds: float | None = None) -> Path:
    """16-bit copy, or `seconds` of it from the share `place` of the track on."""
    with soundfile.SoundFile(str(track)) as file:
        rate = file.samplerate
        count = file.frames if seconds is None else round(seconds * rate)
        start = min(round(place * file.frames), max(0, file.frames - count))
        file.seek(start)
        with soundfile.SoundFile(str(target), "w", rate, file.channels, subtype="PCM_16") as copy:
            while count > 0 and len(block := file.read(min(_BLOCK, count), dtype="float32")):
                copy.write(block)
                count -= len(block)
    return target
