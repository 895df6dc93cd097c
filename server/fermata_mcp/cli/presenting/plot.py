"""A finished track as a picture: waveform, chroma, joins, and what is repeated where. Needs matplotlib."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fermata_mcp.domain.errors import InvalidRequest, NotFound, NotSupported
from fermata_mcp.media.atomic import told_in_words, whole_file

from .apart import run_apart
from .clock import minutes
from .passages import Join, Passage, delivered, passages

ENDINGS = {".png", ".svg", ".pdf"}
# Colours that are told apart with any kind of colour vision: M. Okabe and K. Ito, "Color Universal Design" (2008).
BLUE, ORANGE, GREY, BLACK = "#0072B2", "#D55E00", "#999999", "#222222"
SURE = 0.9
MOST_NUMBERED = 24
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 12
# From C, as musicians count; the analysis counts from A.
_FROM_C = [(3 + n) % 12 for n in range(12)]
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class Target:
    """Where a picture goes."""

    path: Path
    force: bool


def target_of(written: str, *, force: bool) -> Target:
    """Where a picture goes, once nothing speaks against it.

    Raises:
        NotSupported: matplotlib is not here.
        InvalidRequest: It cannot be written, or is there already.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise NotSupported("drawing needs matplotlib, which is not here.", "pip install 'fermata-mcp[plot]'.")
    path = Path(written).expanduser()
    if path.suffix.lower() not in ENDINGS:
        raise InvalidRequest(f"--plot {written} is no picture.", "name a .png, .svg or .pdf file.")
    if not path.parent.is_dir():
        raise InvalidRequest(f"--plot {written} is in no existing folder.", "name a file in one.")
    if path.exists() and not force:
        raise InvalidRequest(f"--plot {written} exists.", "name another file, or add --force to replace it.")
    return Target(path, force)


async def draw_task(view: dict[str, Any], target: Target) -> None:
    """Draw what a finished task delivered, as a TaskView tells it.

    Raises:
        NotFound: It has no audio on this machine.
        NotAudio: Its audio cannot be decoded.
        StoreUnavailable: The picture cannot be written.
    """
    clip = _clip_of(view)
    seen: dict[str, Any] = json.loads(await run_apart("fermata_mcp.rearrange.portrait", clip["file"]))
    figure = drawn(seen, view, clip)
    try:
        with told_in_words(target.path.parent), whole_file(target.path, replace=target.force) as part:
            figure.savefig(part, format=target.path.suffix[1:].lower(), dpi=120)
    except FileExistsError:
        raise InvalidRequest(f"--plot {target.path} exists by now.", "name another file, or add --force.") from None


def _clip_of(view: dict[str, Any]) -> dict[str, Any]:
    clip = delivered(view)
    if clip is None or not Path(clip["file"] or "").is_file():
        raise NotFound("this task has no audio on this machine to draw.", "wait for its end, or fetch it with `task`.")
    return clip


def drawn(seen: dict[str, Any], view: dict[str, Any], clip: dict[str, Any]) -> Any:
    """A matplotlib figure.

    Args:
        seen: A `rearrange.portrait.Portrait` as JSON.
        view: The TaskView.
        clip: What of it is drawn.
    """
    seconds, joins = seen["seconds"], _joins_of(clip)
    rows = [2, 2, 2] if joins else [2, 2]
    figure = import_module("matplotlib.figure").Figure(figsize=(13, 2.2 + 2.1 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True, height_ratios=rows)
    figure.suptitle(
        _title(view, seconds, Path(clip["file"]).name), fontsize=13, color=BLACK, x=0.01, ha="left", parse_math=False
    )
    _wave(axes[0], seen, joins, _new_from(clip))
    _chroma(axes[1], seen)
    if joins:
        _map(axes[2], joins, passages(joins, seconds, view["source"]["duration_seconds"]))
        _explain(figure)
    for axis in axes:
        for join in joins:
            axis.axvline(join.at, color=BLACK, linewidth=0.9, linestyle="-" if join.confidence >= SURE else ":")
    _time(axes[-1].xaxis, seconds)
    axes[-1].set_xlim(0, seconds)
    axes[-1].set_xlabel("time in the result (min:s)")
    return figure


def _joins_of(clip: dict[str, Any]) -> list[Join]:
    return [Join.of(seam) for seam in clip["seams"]]


def _new_from(clip: dict[str, Any]) -> float | None:
    """Where new music of a provider begins, in a whole track that says so."""
    return clip["continue_at"] if clip["whole_track"] and not clip["seams"] else None


def _title(view: dict[str, Any], seconds: float, title: str) -> str:
    before = view["source"]["duration_seconds"]
    was = "" if before is None else f", before {minutes(before)}"
    return f"{title}: {minutes(seconds)}{was}, by {view['provider']}"


def _wave(axis: Any, seen: dict[str, Any], joins: list[Join], new_from: float | None) -> None:
    count = len(seen["low"])
    at = [(n + 0.5) * seen["seconds"] / count for n in range(count)]
    axis.fill_between(at, seen["low"], seen["high"], color=BLUE, linewidth=0.4)
    axis.set_ylim(-1.05, 1.05)
    axis.set_yticks([-1, 0, 1])
    axis.set_ylabel("waveform")
    if new_from is not None:
        axis.axvspan(new_from, seen["seconds"], color=ORANGE, alpha=0.15, label="new music")
        axis.legend(loc="upper left", fontsize=9)
    for number, join in enumerate(joins[:MOST_NUMBERED], 1):
        words = f"{number}\n{join.confidence:.0%}" if len(joins) <= MOST_NUMBERED // 2 else f"{number}"
        axis.annotate(words, (join.at, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                      ha="center", va="bottom", fontsize=8, color=BLACK)  # fmt: skip


def _chroma(axis: Any, seen: dict[str, Any]) -> None:
    rows = [seen["chroma"][row] for row in _FROM_C]
    axis.imshow(
        rows, aspect="auto", origin="lower", cmap="cividis", vmin=0, vmax=1, interpolation="nearest",
        extent=(0, seen["seconds"], -0.5, 11.5),
    )  # fmt: skip
    axis.set_yticks(range(12), _NAMES, fontsize=7)
    axis.set_ylabel("chroma (pitch)")


def _map(axis: Any, joins: list[Join], heard: list[Passage]) -> None:
    for passage in heard:
        end = passage.source + passage.end - passage.start
        axis.plot(
            [passage.start, passage.end], [passage.source, end], linewidth=4, solid_capstyle="butt",
            color=ORANGE if passage.again else BLUE, linestyle="-",
        )  # fmt: skip
        if passage.again:
            axis.axvspan(passage.start, passage.end, color=ORANGE, alpha=0.12, linewidth=0)
    for join in joins:
        axis.plot([join.at, join.at], [join.leave, join.enter], color=GREY, linewidth=1, linestyle="--")
    axis.margins(y=0.08)
    _time(axis.yaxis, max(join.leave for join in joins), most=6)
    axis.set_ylabel("place in the source (min:s)")


def _explain(figure: Any) -> None:
    line = import_module("matplotlib.lines").Line2D
    kinds = [
        line([], [], color=BLUE, linewidth=4, label="heard for the first time"),
        line([], [], color=ORANGE, linewidth=4, label="heard again"),
        line([], [], color=BLACK, linewidth=1, label=f"join, at least {SURE:.0%} sure"),
        line([], [], color=BLACK, linewidth=1, linestyle=":", label="join, less sure"),
    ]
    figure.legend(handles=kinds, loc="outside lower left", fontsize=9, ncols=4, frameon=False)


def _time(axis: Any, seconds: float, most: int = _MOST_TICKS) -> None:
    ticker = import_module("matplotlib.ticker")
    step = next((step for step in _STEPS if seconds / step <= most), _STEPS[-1])
    axis.set_major_locator(ticker.MultipleLocator(step))
    axis.set_major_formatter(ticker.FuncFormatter(_tick))


def _tick(value: float, _: int | None = None) -> str:
    return "" if value < 0 else minutes(value)
