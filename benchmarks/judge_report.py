"""The tables of quality.py in Markdown."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from judge import BAD

_WORST = 5
_OFTEN = 5  # times that one passage is heard within two minutes


@dataclass
class Outcome:
    """One tool on one track. source, wanted: seconds; cpu, wall, decode_cpu: seconds; memory: MB; verdict: a judge's
    Verdict as plain values, None when there is no result."""

    track: str
    task: str
    tool: str
    source: float
    wanted: float
    cpu: float
    wall: float
    memory: float
    decode_cpu: float
    failure: str
    verdict: dict[str, Any] | None

    @property
    def quality(self) -> float:
        return self.verdict["overall"] if self.verdict else 0.0

    @property
    def seams(self) -> list[dict[str, Any]]:
        return self.verdict["seams"] if self.verdict else []


def report(outcomes: list[Outcome]) -> str:
    """Every task's tables."""
    parts: list[str] = []
    for task in dict.fromkeys(one.task for one in outcomes):
        some = [one for one in outcomes if one.task == task]
        tools = list(dict.fromkeys(one.tool for one in some))
        parts += [f"## {task}", _summary(some, tools), _tracks(some, tools)]
        parts += [_worst([one for one in some if one.tool == tool]) for tool in tools]
    return "\n\n".join(parts)


def _summary(outcomes: list[Outcome], tools: list[str]) -> str:
    rows = [
        "| tool | median | mean | worst | as before | joins | bad joins | cut voices | clipped | failed | CPU s | "
        "CPU / decode | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for tool in tools:
        own = [one for one in outcomes if one.tool == tool]
        quality = [one.quality for one in own]
        seams = [seam["score"] for one in own for seam in one.seams]
        bad = sum(score < BAD for score in seams)
        before = [one.verdict["before"] if one.verdict else 0.0 for one in own]
        cut, clipped = (sum(one.verdict[name] for one in own if one.verdict) for name in ("cut_voices", "clipped"))
        failed = sum(bool(one.failure) for one in own)
        ratio = statistics.median(one.cpu / max(one.decode_cpu, 1e-3) for one in own)
        rows.append(
            f"| {tool} | {statistics.median(quality):.1f} | {statistics.mean(quality):.1f} | {min(quality):.0f} | "
            f"{statistics.median(before):.1f}, {statistics.mean(before):.1f} | "
            f"{len(seams)} | {bad} ({100 * bad / max(1, len(seams)):.0f} %) | {cut} | {clipped} | {failed} | "
            f"{sum(one.cpu for one in own):.1f} | {ratio:.1f} | {max(one.memory for one in own):.0f} |"
        )
    return "\n".join([*rows, "", *_heard_again(outcomes, tools), *_ratios(outcomes, tools)])


def _heard_again(outcomes: list[Outcome], tools: list[str]) -> list[str]:
    """What comes again how soon, of all the time that was added."""
    rows = [
        "| tool | heard a third time within 60 s | the least possible | again within 10 s | 4 x in 30 s (stuck) | "
        "5 x in 2 min |",
        "|---|---|---|---|---|---|",
    ]
    for tool in tools:
        heard = [one.verdict["heard"] for one in outcomes if one.tool == tool and one.verdict]
        added = max(sum(one["added"] for one in heard), 1e-9)
        shares = [100 * sum(one[name] for one in heard) / added for name in ("third", "least", "at_once", "stuck")]
        often = [one["often"] for one in heard]
        rows.append(
            f"| {tool} | {' | '.join(f'{share:.1f} %' for share in shares)} | "
            f"{sum(count >= _OFTEN for count in often)} (most {max(often, default=0)}) |"
        )
    return rows


def _ratios(outcomes: list[Outcome], tools: list[str]) -> list[str]:
    """What the others take of what ours takes, on files that both did."""
    lines: list[str] = []
    mine = {one.track: one for one in outcomes if one.tool == "ours" and not one.failure}
    for tool in tools:
        pairs = [(mine[one.track], one) for one in outcomes if one.tool == tool and one.track in mine]
        pairs = [pair for pair in pairs if pair[1].tool != "ours" and not pair[1].failure]
        if pairs:
            cpu = [theirs.cpu / max(own.cpu, 1e-3) for own, theirs in pairs]
            memory = [theirs.memory / max(own.memory, 1e-3) for own, theirs in pairs]
            lines.append(
                f"\nCPU of {tool} over ours: median {statistics.median(cpu):.1f}, least {min(cpu):.1f}; "
                f"memory: median {statistics.median(memory):.1f}, least {min(memory):.1f} ({len(pairs)} tracks)."
            )
    return lines


def _tracks(outcomes: list[Outcome], tools: list[str]) -> str:
    rows = [
        "| track | s | " + " | ".join(f"{tool} | CPU s | MB" for tool in tools) + " |",
        "|---|---|" + "---|" * (3 * len(tools)),
    ]
    for track in dict.fromkeys(one.track for one in outcomes):
        own = {one.tool: one for one in outcomes if one.track == track}
        cells = [f"{_shown(own[tool])} | {own[tool].cpu:.1f} | {own[tool].memory:.0f}" for tool in tools]
        rows.append(f"| {track} | {own[tools[0]].source:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _shown(one: Outcome) -> str:
    """The quality, and what of the whole keeps it down."""
    if not one.verdict:
        return "failed"
    parts = ("joins", "length", "repetition", "again", "clipping", "beginning", "ending")
    low = [f"{part} {one.verdict[part]:.0f}" for part in parts if one.verdict[part] < 97]
    return f"{one.quality:.0f}" + (f" ({', '.join(low)})" if low else "")


def _worst(outcomes: list[Outcome]) -> str:
    seams = [(seam["score"], one.track, seam) for one in outcomes for seam in one.seams]
    seams.sort(key=lambda row: row[0])
    lines = [f"Worst joins of {outcomes[0].tool}:"]
    for score, track, seam in seams[:_WORST]:
        place = seam["seam"]
        low = {name: value for name, value in seam["scores"].items() if value < 97}
        why = ", ".join(
            f"{name} {_value(seam, name)} ({value:.0f})" for name, value in sorted(low.items(), key=lambda x: x[1])
        )
        lines.append(
            f"- {track} at {place['at']:.2f} s, from {place['left']:.2f} to {place['entered']:.2f}: "
            f"{score:.0f}; {why or 'nothing stands out'}"
        )
    told = sum(one.verdict["told_missed"] for one in outcomes if one.verdict)
    untold = sum(one.verdict["untold"] for one in outcomes if one.verdict)
    return "\n".join([*lines, f"\nTold but not found in the samples: {told}; found but not told: {untold}."])


def _value(seam: dict[str, Any], name: str) -> str:
    value = seam["values"][name]
    return "none" if value is None else f"{value:.2f}"
