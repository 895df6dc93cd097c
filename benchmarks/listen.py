"""Makes a blind test to judge by ear, and reads what listeners answered.

    .venv/bin/python benchmarks/quality.py --looper … --keep SOUND --json FOUND.json
    .venv/bin/python benchmarks/listen.py make SOUND FOUND.json FOLDER [--tools ours looper] [--task +60 clips30 …]
                                 [--against SOUND FOUND.json] [--pairs 24] [--seed N]
    .venv/bin/python benchmarks/listen.py read FOLDER/key.json RESULT.json …

A pair is the same track made by two tools, or with `--against` by the same tool in two runs: of each the twenty seconds
around its own worst join, equally loud, in random order and unnamed. FOLDER gets listen.html with the sound beside it;
it needs no network and can be handed on as it is, without key.json, which alone says what is what. Whoever listens
saves a file; `read` prints what is preferred with its 95 % interval (E. B. Wilson, "Probable Inference, the Law of
Succession, and Statistical Inference", 1927). Pairs found equal tell nothing of a preference, and are counted apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = 24
_BEFORE, _AFTER = 8.0, 12.0  # seconds around the worst join that are heard
_FADE = 0.05  # seconds
_BLOCK = 65536  # libsndfile crashes on long ogg writes
_NAMES = {"ours": "Fermata", "looper": "PyMusicLooper", "looper-no-fade": "PyMusicLooper, no fade"}
_TEMPLATE = Path(__file__).with_name("listen_template.html")
_PLACE = "/*DATA*/"
_SURE = 1.959964  # standard deviations, for 95 %


@dataclass(frozen=True)
class Side:
    """One sound of a pair. what: whose it is; file: all of it; at: second of its worst join."""

    what: str
    file: Path
    at: float


@dataclass(frozen=True)
class Preference:
    """Answers of all listeners. first, second: how often each was preferred; equal: how often neither."""

    first: int
    second: int
    equal: int

    @property
    def interval(self) -> tuple[float, float]:
        """Share, 0 to 1, in which the first is preferred, where one is: Wilson's 95 % interval."""
        count = self.first + self.second
        if not count:
            return 0.0, 1.0
        share, wide = self.first / count, _SURE**2 / count
        middle = share + wide / 2
        reach = _SURE * math.sqrt(share * (1 - share) / count + wide / (4 * count))
        return (middle - reach) / (1 + wide), (middle + reach) / (1 + wide)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("sound", type=Path, help="what quality.py kept")
    make.add_argument("found", type=Path, help="its JSON")
    make.add_argument("folder", type=Path, help="where the page goes")
    make.add_argument("--tools", nargs="+", default=["ours", "looper"], choices=list(_NAMES))
    make.add_argument("--against", nargs=2, type=Path, metavar=("SOUND", "FOUND"), help="the same tool in another run")
    make.add_argument("--task", nargs="+", default=["+60"])
    make.add_argument("--pairs", type=int, default=PAIRS)
    make.add_argument("--seed", type=int, default=1)
    read = commands.add_parser("read")
    read.add_argument("key", type=Path)
    read.add_argument("results", type=Path, nargs="+")
    args = parser.parse_args()
    if args.command == "read":
        print(shown(*read_answers(args.key, args.results)))
        return
    first = _sides(args.sound, args.found, args.task, args.tools[0], _NAMES[args.tools[0]])
    if args.against:
        sound, found = args.against
        second = _sides(sound, found, args.task, args.tools[0], f"{_NAMES[args.tools[0]]}, {sound.name}")
    else:
        second = _sides(args.sound, args.found, args.task, args.tools[-1], _NAMES[args.tools[-1]])
    pairs: list[tuple[Side, Side]] = [(first[name], second[name]) for name in first if name in second]
    made = make_page(args.folder, pairs, args.pairs, args.seed)
    print(f"{made} pairs: open {args.folder / 'listen.html'}, and keep {args.folder / 'key.json'} away from listeners")


def _sides(sound: Path, found: Path, tasks: list[str], tool: str, what: str) -> dict[str, Side]:
    """By track and task, what one tool made in one run."""
    sides: dict[str, Side] = {}
    outcomes: list[dict[str, Any]] = json.loads(found.read_text())
    for one in outcomes:
        file = sound / f"{one['track']}.{one['task']}.{tool}.wav"
        if one["tool"] == tool and one["task"] in tasks and one["verdict"] and file.exists():
            seams = one["verdict"]["seams"]
            worst = min(seams, key=lambda seam: seam["score"])["seam"]["at"] if seams else _BEFORE
            sides[f"{one['track']} {one['task']}"] = Side(what, file, worst)
    return sides


def make_page(folder: Path, pairs: list[tuple[Side, Side]], count: int, seed: int) -> int:
    """Write listen.html, its sound and key.json for at most `count` of `pairs`; how many there are."""
    draw = random.Random(seed)
    chosen = draw.sample(pairs, min(count, len(pairs)))
    folder.mkdir(parents=True, exist_ok=True)
    key: list[dict[str, str]] = []
    for number, pair in enumerate(chosen, 1):
        sides = draw.sample(pair, 2)
        _write_equally_loud(folder, number, sides)
        key.append({"1": sides[0].what, "2": sides[1].what, "track": pair[0].file.name})
    names = [pairs[0][0].what, pairs[0][1].what] if pairs else []
    test = hashlib.sha256(json.dumps([seed, key]).encode()).hexdigest()[:12]
    (folder / "key.json").write_text(json.dumps({"test": test, "compared": names, "pairs": key}, indent=1) + "\n")
    page = _TEMPLATE.read_text().replace(_PLACE, json.dumps({"pairs": len(chosen), "test": test}))
    (folder / "listen.html").write_text(page)
    return len(chosen)


def _write_equally_loud(folder: Path, number: int, sides: list[Side]) -> None:
    """Both excerpts at the level of the softer one, so that neither clips."""
    excerpts = [_excerpt(side) for side in sides]
    levels = [float(np.sqrt(np.square(sound, dtype=np.float64).mean())) or 1.0 for sound, _ in excerpts]
    for index, ((sound, rate), level) in enumerate(zip(excerpts, levels, strict=True), 1):
        _write_ogg(folder / f"{number:02}-{index}.ogg", sound * (min(levels) / level), rate)


def _excerpt(side: Side) -> tuple[NDArray[Any], int]:
    """[frames, channels] around the worst join with soft edges, and the rate."""
    with soundfile.SoundFile(str(side.file)) as file:
        rate = file.samplerate
        length = min(file.frames, round((_BEFORE + _AFTER) * rate))
        file.seek(min(max(0, round((side.at - _BEFORE) * rate)), file.frames - length))
        sound = file.read(length, dtype="float32", always_2d=True)
    ramp = np.minimum(1, np.arange(len(sound)) / (_FADE * rate))
    return sound * (ramp * ramp[::-1])[:, None], rate


def _write_ogg(target: Path, sound: NDArray[Any], rate: int) -> None:
    with soundfile.SoundFile(str(target), "w", rate, sound.shape[1], format="OGG", subtype="VORBIS") as out:
        for start in range(0, len(sound), _BLOCK):
            out.write(sound[start : start + _BLOCK])


def read_answers(key_file: Path, results: list[Path]) -> tuple[list[str], Preference]:
    """The names compared, and all answers to them. Raises ValueError where a result is of another test."""
    key = json.loads(key_file.read_text())
    told = [json.loads(file.read_text()) for file in results]
    if strange := [file.name for file, one in zip(results, told, strict=True) if one["test"] != key["test"]]:
        raise ValueError(f"{', '.join(strange)}: answers to another test than that of {key_file}")
    answers = [answer for one in told for answer in one["answers"]]
    said = [key["pairs"][answer["pair"] - 1].get(answer["choice"], "") for answer in answers]
    first, second = key["compared"]
    return [first, second], Preference(said.count(first), said.count(second), said.count(""))


def shown(names: list[str], found: Preference) -> str:
    low, high = found.interval
    count = found.first + found.second
    share = 100 * found.first / max(1, count)
    verdict = "no preference is shown" if low <= 0.5 <= high else f"{names[0] if low > 0.5 else names[1]} is preferred"
    return (
        f"{names[0]} {found.first}, {names[1]} {found.second}, equal {found.equal}. {names[0]} is preferred in "
        f"{share:.0f} % of {count} (95 %: {100 * low:.0f} to {100 * high:.0f} %): {verdict}."
    )


if __name__ == "__main__":
    main()
