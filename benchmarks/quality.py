"""How good lengthened music is, ours and PyMusicLooper's, on the same files in the same run.

    .venv/bin/python benchmarks/fetch_music.py
    .venv/bin/python benchmarks/quality.py [--task +60 +180 x2 x3 x5 30min clips clips30 half] [--only NAME ...]
                                 [--fresh] [--jobs N]
                                 [--tools ours looper looper-no-fade] [--looper VENV/bin/pymusiclooper]
                                 [--json FILE] [--music FOLDER] [--keep FOLDER]

Every track is decoded once to a 16-bit wav, which all tools get; all of them write wav. With `--fresh` the tracks are
others than those the engine was tuned on. `clips` are 20 s and `clips30` 30 s out of each, made a minute long. In the
tables, `as before` is the score (median, mean) without what comes again soon, cut voices and clipping; `5 x in 2 min`
counts the results in which some passage is heard five times within two minutes.

Ours is `fermata-mcp extend`, the user's path. PyMusicLooper runs as `extend`, with its fade (`looper`) and with
--disable-fade-out (`looper-no-fade`); it is left out unless its command is named (or in PYMUSICLOOPER). CPU seconds and
peak memory are of the whole process tree, start-up included; `decode` is decoding the track as it came, in a process of
its own. With more than one job the CPU figures are only rough. Another revision of ours is measured with PYTHONPATH set
to its `server` folder. `--report FILE ...` prints the tables of what earlier runs saved; of two runs the later file
counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

# many short products: threads only wait for each other, and the tools measured beside get less of the machine
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import soundfile
from fetch_music import default_folder, music
from judge import Judge
from judge_report import Outcome, report
from judged_tools import Run, extend_ours, extend_theirs, measured_decode, to_wav

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = ("ours", "looper", "looper-no-fade")
TASKS = ("+60", "+180", "x2", "x3", "x5", "30min", "clips", "clips30", "half")
_CLIP_SECONDS = {"clips": 20.0, "clips30": 30.0}
_CLIP_WANTED = 60.0
_CLIP_PLACE = 0.35  # of the track: past the intro


def main() -> None:
    args = _arguments()
    if args.report:
        print(report(_saved(args.report)))
        return
    tracks = [path for path in music(args.music, args.fresh) if not args.only or path.stem in args.only]
    if not tracks:
        raise SystemExit(f"no test music in {args.music}: run benchmarks/fetch_music.py")
    tools: dict[str, Callable[[Path, Path, float], Run]] = {"ours": extend_ours}
    if args.looper:
        tools["looper"] = partial(extend_theirs, Path(args.looper), True)
        tools["looper-no-fade"] = partial(extend_theirs, Path(args.looper), False)
    tools = {name: tool for name, tool in tools.items() if name in args.tools}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcomes: list[Outcome] = []
        for task in args.task:
            with ThreadPoolExecutor(args.jobs) as pool:
                for found in pool.map(partial(_one_track, folder, task, tools), tracks):
                    outcomes += found
                    if args.json:
                        args.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n")
        print(report(outcomes))


def _saved(files: list[Path]) -> list[Outcome]:
    rows = [Outcome(**row) for file in files for row in json.loads(file.read_text())]
    return list({(one.task, one.track, one.tool): one for one in rows}.values())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", nargs="+", choices=TASKS, default=["+60"])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these tracks")
    parser.add_argument("--fresh", action="store_true", help="other tracks than those tuned on")
    parser.add_argument("--music", type=Path, default=default_folder(), metavar="FOLDER")
    parser.add_argument("--looper", default=os.environ.get("PYMUSICLOOPER"), metavar="COMMAND")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep all sound here, for listen.py")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also save everything, to compare revisions")
    parser.add_argument("--report", nargs="+", type=Path, metavar="FILE", help="only show what was saved")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    return parser.parse_args()


def _one_track(
    folder: Path, task: str, tools: dict[str, Callable[[Path, Path, float], Run]], track: Path
) -> list[Outcome]:
    """All tools on one track, one after the other, so that they meet the same machine."""
    source, wanted = _source(folder, task, track)
    samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    judge = Judge(samples, rate)
    decode = measured_decode(track).cpu
    outcomes: list[Outcome] = []
    for name, tool in tools.items():
        target = folder / f"{track.stem}.{task}.{name}.wav"
        run = tool(source, target, wanted)
        verdict = None
        if target.exists() and not run.failure:
            result, _ = soundfile.read(target, dtype="float32", always_2d=True)
            verdict = judge.verdict(result, wanted, run.told).as_dict()
        outcomes.append(
            Outcome(
                track.stem,
                task,
                name,
                len(samples) / rate,
                wanted,
                run.cpu,
                run.wall,
                run.memory,
                decode,
                run.failure,
                verdict,
            )
        )
        print(_line(outcomes[-1]), file=sys.stderr, flush=True)
    return outcomes


def _source(folder: Path, task: str, track: Path) -> tuple[Path, float]:
    """The wav that all tools get, and the seconds it should last."""
    if task in _CLIP_SECONDS:
        source = to_wav(track, folder / f"{track.stem}.{task}.wav", _CLIP_PLACE, _CLIP_SECONDS[task])
        return source, _CLIP_WANTED
    source = to_wav(track, folder / f"{track.stem}.wav")
    seconds = soundfile.info(source).duration
    if task == "30min":
        return source, 1800.0
    if task == "half":
        return source, seconds / 2
    return source, float(task[1:]) * seconds if task[0] == "x" else seconds + float(task)


def _line(one: Outcome) -> str:
    quality = f"{one.verdict['overall']:.0f}" if one.verdict else f"failed ({one.failure})"
    return f"{one.task} {one.track} {one.tool}: {quality}, {one.cpu:.1f} s CPU, {one.memory:.0f} MB"


if __name__ == "__main__":
    main()
