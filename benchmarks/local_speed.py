"""How fast the offline engine is, process to process and inside.

    .venv/bin/python benchmarks/local_speed.py                       # a made-up three-minute track, wav and mp3
    .venv/bin/python benchmarks/local_speed.py --music [--looper COMMAND]
    .venv/bin/python benchmarks/local_speed.py --hours 2 [--suffix flac]

With `--music` every track of fetch_music.py that the engine was tuned on, decoded to wav first, is made a minute longer
by the engine's process, by the whole command line, and by PyMusicLooper's `extend`, one after the other; a row a track,
medians at the end. CPU seconds and peak memory are those of the whole process tree, start-up included; the last column
is one process that has everything loaded: decoding the track as it came, analysis and search together, writing.
With `--hours` one long track is made a minute longer; the floor is decoding it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile
from fetch_music import default_folder, music
from judged_tools import Run, extend_ours, extend_theirs, measured, measured_decode, to_wav

from fermata_mcp.media.audio import probe
from fermata_mcp.media.codecs.targets import kept
from fermata_mcp.rearrange.arrangement.arrange import arrange
from fermata_mcp.rearrange.job import Job
from fermata_mcp.rearrange.output.encode import write_result
from fermata_mcp.rearrange.output.render import render
from fermata_mcp.rearrange.samples import open_samples

ROOT = Path(__file__).parents[1]
RATE, MINUTES, ADDED = 44100, 3, 60
# The worker's standard input must stay open while it works, so the job comes from a process that waits for it.
WORKER = """
import json, subprocess, sys
job = {"job": {"source": sys.argv[1], "target": sys.argv[2], "length_seconds": float(sys.argv[3])}}
with subprocess.Popen([sys.executable, "-m", "fermata_mcp.providers.local.worker"], stdin=-1, stdout=-1) as worker:
    worker.stdin.write(json.dumps(job).encode() + b"\\n")
    worker.stdin.flush()
    last = json.loads(worker.stdout.readlines()[-1])
sys.exit(0 if "done" in last else str(last))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", nargs="?", type=Path, const=default_folder(), metavar="FOLDER")
    parser.add_argument("--looper", type=Path)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--suffix", default="wav")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.hours:
            long_track(folder, args.hours, args.suffix)
        elif args.music:
            tracks(folder, music(args.music), args.looper)
        else:
            for suffix in ("wav", "mp3"):
                print(f"{MINUTES} min {suffix}: {shown(engine(make_track(folder / f'track.{suffix}', MINUTES)))}")


def shown(run: Run) -> str:
    return run.failure or f"wall {run.wall:.2f} s, CPU {run.cpu:.2f} s, {run.memory:.0f} MB"


def engine(source: Path, start_up: float = 0.0) -> Run:
    """The engine's own process, which is what a server starts."""
    target = source.with_name(f"longer{source.suffix}")
    wanted = soundfile.info(str(source)).duration + ADDED
    run = measured([sys.executable, "-c", WORKER, str(source), str(target), str(wanted)])
    target.unlink(missing_ok=True)
    run.cpu -= start_up
    return run


def inside(source: Path) -> tuple[float, float]:
    """CPU seconds of analysis and search, and of writing."""
    facts = probe(source)
    job = Job(source, source.with_name("inside.wav"), facts.duration_seconds + ADDED)
    marks: list[float] = []
    with closing(open_samples(source, facts, source.parent, lambda _: None)) as samples:
        marks.append(time.process_time())
        arrangement = arrange(samples, job, lambda _: None)
        marks.append(time.process_time())
        moves = arrangement.timeline.moves(samples.rate, samples.frames)
        write_result(job, facts, kept(facts), moves, render(samples, arrangement.timeline), lambda _: None)
        marks.append(time.process_time())
    planning, writing = np.diff(marks).tolist()
    return planning, writing


def tracks(folder: Path, chosen: list[Path], looper: Path | None) -> None:
    print(
        "| track | s | engine CPU s | MB | command line CPU s | PyMusicLooper CPU s | MB | decode, plan, write CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    # What the process that hands over the job costs is not the engine's.
    start_up = statistics.median(measured([sys.executable, "-c", "import json, subprocess, sys"]).cpu for _ in range(5))
    inside(make_track(folder / "warm.wav", 0.5))
    ratios: dict[str, list[float]] = {"engine": [], "command line": [], "memory": [], "plan / decode": []}
    for track in chosen:
        source = to_wav(track, folder / "track.wav")
        seconds = soundfile.info(str(source)).duration
        ours, whole = engine(source, start_up), extend_ours(source, folder / "ours.wav", seconds + ADDED)
        theirs = extend_theirs(looper, True, source, folder / "theirs.wav", seconds + ADDED) if looper else None
        planning, writing = inside(source)
        decoding = decode_cpu(track)
        told = "- | -" if theirs is None else f"{theirs.failure or f'{theirs.cpu:.2f}'} | {theirs.memory:.0f}"
        spent = ours.failure or f"{ours.cpu:.2f} | {ours.memory:.0f} | {whole.cpu:.2f}"
        loaded = f"{decoding:.2f}, {planning:.2f}, {writing:.2f}"
        print(f"| {track.stem} | {seconds:.0f} | {spent} | {told} | {loaded} |", flush=True)
        ratios["plan / decode"].append(planning / decoding)
        if theirs is not None and not theirs.failure:
            ratios["engine"].append(theirs.cpu / ours.cpu)
            ratios["command line"].append(theirs.cpu / whole.cpu)
            ratios["memory"].append(theirs.memory / max(ours.memory, whole.memory))
    for what, values in ratios.items():
        if values:
            print(f"{what}: median {statistics.median(values):.1f} x, least {min(values):.1f}, most {max(values):.1f}")


def decode_cpu(track: Path) -> float:
    """CPU seconds of decoding the track as it comes, without start-up."""
    began = time.process_time()
    with soundfile.SoundFile(str(track)) as file:
        for _ in file.blocks(65536, dtype="float32"):
            pass
    return time.process_time() - began


def long_track(folder: Path, hours: float, suffix: str) -> None:
    source = make_track(folder / f"long.{suffix}", hours * 60)
    floor, ours = measured_decode(source), engine(source)
    print(f"{hours:g} h {suffix}: {shown(ours)}; decoding alone: {shown(floor)}; {ours.cpu / floor.cpu:.1f} x its CPU")


def make_track(path: Path, minutes: float) -> Path:
    """The example groove over and over, each time with its own melody, so that places differ as in a song."""
    groove, _ = soundfile.read(ROOT / "examples/groove.wav", dtype="float32")
    groove = groove[: int(16 * 60 / 132 * RATE)]
    rng = np.random.default_rng(0)
    count = -(-round(minutes * 60 * RATE) // len(groove))
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


if __name__ == "__main__":
    main()
