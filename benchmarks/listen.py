"""Makes a page to judge by ear: the original and the lengthened tracks side by side, the tools' names hidden.

    .venv/bin/python benchmarks/quality.py --looper … --keep SOUND --json FOUND.json
    .venv/bin/python benchmarks/listen.py SOUND FOUND.json FOLDER [--seed N] [--task +60] [--only NAME ...]

FOLDER gets listen.html and the sound as ogg beside it; it needs no network and can be handed on as it is. Which of A
and B is which tool is drawn anew for each track from the seed, and shown when asked for.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import soundfile

_BLOCK = 65536  # libsndfile crashes on long ogg writes
_NAMES = {"ours": "Fermata", "looper": "PyMusicLooper", "looper-no-fade": "PyMusicLooper, no fade"}
_TEMPLATE = Path(__file__).with_name("listen_template.html")
_PLACE = "/*DATA*/"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sound", type=Path, help="what quality.py kept")
    parser.add_argument("found", type=Path, help="its JSON")
    parser.add_argument("folder", type=Path, help="where the page goes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--task", default="+60")
    parser.add_argument("--tools", nargs="+", default=["ours", "looper"], choices=list(_NAMES))
    parser.add_argument("--only", nargs="+", metavar="NAME")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = json.loads(args.found.read_text())
    chosen = [one for one in found if one["task"] == args.task and one["tool"] in args.tools]
    draw = random.Random(args.seed)
    tracks: list[dict[str, Any]] = []
    for name in dict.fromkeys(one["track"] for one in chosen):
        if not args.only or name in args.only:
            results = [one for one in chosen if one["track"] == name]
            draw.shuffle(results)
            tracks.append(_track(args.sound, args.folder, name, args.task, results))
            print(name, flush=True)
    page = _TEMPLATE.read_text().replace(_PLACE, json.dumps(tracks).replace("</", "<\\/"))
    (args.folder / "listen.html").write_text(page)
    print(f"{len(tracks)} tracks: open {args.folder / 'listen.html'}")


def _track(sound: Path, folder: Path, name: str, task: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page needs to know of one track; its sound is copied."""
    source = sound / (f"{name}.clip.wav" if task == "clips" else f"{name}.wav")
    file = _ogg(source, folder, f"{name}.original")
    shown = [_shown("Original", results[0]["source"], file)]
    for index, one in enumerate(results):
        letter, verdict = chr(ord("A") + index), one["verdict"]
        made = sound / f"{name}.{task}.{one['tool']}.wav"
        if verdict and made.exists():
            seams = [{"at": seam["seam"]["at"], "score": seam["score"]} for seam in verdict["seams"]]
            file = _ogg(made, folder, f"{name}.{letter}")
            shown.append(_shown(letter, verdict["seconds"], file, one["tool"], verdict["overall"], seams))
        else:
            shown.append(_shown(letter, one["wanted"], None, one["tool"]))
    return {"name": name, "sounds": shown}


def _shown(
    label: str,
    seconds: float,
    file: str | None,
    tool: str = "",
    quality: float = 0.0,
    seams: list[dict[str, float]] | None = None,
) -> dict[str, Any]:
    """One row of the page; seconds long, `file` beside the page, seams at seconds of it."""
    return {
        "label": label,
        "seconds": seconds,
        "file": file,
        "tool": _NAMES.get(tool, ""),
        "quality": quality,
        "seams": seams or [],
    }


def _ogg(source: Path, folder: Path, name: str) -> str:
    """Encode, and return the file's name."""
    target = folder / f"{name}.ogg"
    with soundfile.SoundFile(str(source)) as file:
        subtype = "VORBIS"
        with soundfile.SoundFile(
            str(target), "w", file.samplerate, file.channels, format="OGG", subtype=subtype
        ) as out:
            for block in file.blocks(_BLOCK, dtype="float32"):
                out.write(block)
    return target.name


if __name__ == "__main__":
    main()
