"""Ask for everything in `requests.toml` and print what came back; see `docs/evaluation.md`.

    cd tests && ../.venv/bin/python -m evaluation.run [--only WORD] [--jobs 2] [--show] [--write]

Exit code 1 if an answer is misleading, wrong or a dead end that nobody expects, or a budget is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio

from .cases import Asked, load_requests
from .judging import flaws_of
from .report import Judged, page, totals
from .sizes import measure
from .stage import play

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


async def judge_all(requests: Sequence[Asked], folder: Path, jobs: int) -> list[Judged]:
    """Every request, asked and judged, in the order given."""
    limit = anyio.CapacityLimiter(jobs)

    async def one(number: int, asked: Asked) -> Judged:
        async with limit:
            scene = await play(asked, folder / str(number))
        return Judged(scene, tuple(flaws_of(scene)))

    return list(await asyncio.gather(*(one(number, asked) for number, asked in enumerate(requests, 1))))


def show(judged: Judged) -> None:
    scene = judged.scene
    print(f"\n### {scene.asked.said}  [{scene.asked.keys}] -> {judged.verdict}")
    for answer in scene.answers:
        print(f"> {answer.call.tool} {answer.call.arguments}\n{answer.text}")
    for flaw in judged.flaws:
        print(f"!! {flaw.kind}: {flaw.words}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="evaluation.run")
    parser.add_argument("--only", default="", help="requests that hold this word")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", action="store_true", help="whole answers, and not only those with a flaw")
    parser.add_argument("--write", action="store_true", help="write docs/evaluation.md")
    chosen = parser.parse_args()
    wanted = [one for one in load_requests() if chosen.only.lower() in f"{one.said} {one.keys}".lower()]
    with tempfile.TemporaryDirectory() as folder:
        judged = asyncio.run(judge_all(wanted, Path(folder), chosen.jobs))
        sizes = asyncio.run(measure(Path(folder) / "sizes"))
    for one in judged:
        if chosen.show or one.flaws:
            show(one)
    print(totals(judged), sizes.table(), sep="\n\n")
    if chosen.write:
        PAGE.write_text(page(judged, sizes.table()), "utf-8")
    return int(any(one.flaws for one in judged) or bool(sizes.exceeded()))


if __name__ == "__main__":
    sys.exit(main())
