"""What Fermata costs a conversation, in bytes and tokens, and what `tdqs lint` says of its tools."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client

from emulators.paid import named
from support.paid import connected, market
from support.processes import write_beat

from .cases import Call
from .stage import OTHER_SECONDS, RATE, SONG_SECONDS, Answer, ask

TOKENS = Path(__file__).with_name("tokens")
LISTED = 20


@dataclass(frozen=True)
class Size:
    """One thing that is measured; `found` is None where it could not be, and `why` says so."""

    what: str
    unit: str
    found: int | None
    budget: int
    why: str = ""

    @property
    def exceeded(self) -> bool:
        return self.found is not None and self.found > self.budget


@dataclass(frozen=True)
class Sizes:
    sizes: tuple[Size, ...]

    def exceeded(self) -> list[Size]:
        return [one for one in self.sizes if one.exceeded]

    def table(self) -> str:
        rows = [f"| {one.what} | {_told(one)} | {one.budget:,} |" for one in self.sizes]
        return "\n".join(["| what | found | budget |", "| --- | --- | --- |", *rows])


def _told(one: Size) -> str:
    if one.found is None:
        return f"not measured: {one.why}"
    return f"{one.found:,} {one.unit}{' **too much**' if one.exceeded else ''}"


async def measure(folder: Path) -> Sizes:
    """Everything that has a budget."""
    await anyio.Path(folder).mkdir()
    tools = await _tools(folder)
    texts = [(what, text, budget) for what, text, budget in (_schema(tools), *await _results(folder))]
    counted, why = tokens([text for _, text, _ in texts])
    found = [Size(what, "tokens", count, budget, why) for (what, _, budget), count in zip(texts, counted, strict=True)]
    size = len(_compact({"tools": tools}).encode())
    return Sizes((Size("`tools/list` whole", "bytes", size, 13_000), *found, lint(tools, folder)))


async def tools_of(client: Client) -> list[dict[str, Any]]:
    """The tools as they are on the wire."""
    listed = await client.list_tools()
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]


async def _tools(folder: Path) -> list[dict[str, Any]]:
    with market(folder / "tools") as place:
        async with connected(place) as client:
            return await tools_of(client)


def _schema(tools: Sequence[dict[str, Any]]) -> tuple[str, str, int]:
    seen = [{name: tool[name] for name in ("name", "description", "inputSchema")} for tool in tools]
    return "`tools/list`: names, descriptions, inputs", _compact(seen), 1900


async def _results(folder: Path) -> list[tuple[str, str, int]]:
    """What, text and budget of an extension, of one with two takes, of one with many joins, and of a list."""
    song = str(write_beat(folder / "song.wav", SONG_SECONDS, RATE))
    other = str(write_beat(folder / "other.wav", OTHER_SECONDS, RATE))
    short = str(write_beat(folder / "short.wav", 6.0, RATE))  # what is listed may be quick to make
    with market(folder / "free") as place:
        async with connected(place) as client:
            once = await ask(client, Call(tool="extend_track", arguments={"source": song}))
            joins = await ask(client, Call(tool="chain_extend", arguments={"source": other, "target_seconds": 1800}))
            for take in range(2, LISTED):
                held = {"source": short, "add_seconds": 3 + take}
                await ask(client, Call(tool="extend_track", arguments=held))
            listed = await ask(client, Call(tool="list_tasks", arguments={}))
    with market(folder / "paid", named("sunoapi")) as place:
        async with connected(place) as client:
            takes = await ask(client, Call(tool="extend_track", arguments={"source": song}))
    return [
        *_both("an extension", once, 350, 700),
        *_both("with two takes", takes, 350, 700),
        *_both("with many joins", joins, 350, 700),
        *_both(f"a list of {LISTED}", listed, 900, 2100),
    ]


def _both(what: str, answer: Answer, text: int, data: int) -> list[tuple[str, str, int]]:
    return [(f"{what}: text", answer.text, text), (f"{what}: data", _compact(answer.data), data)]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tokens(texts: Sequence[str]) -> tuple[Sequence[int | None], str]:
    """Tokens (o200k_base) of each text; None for each, and why, where they cannot be counted here."""
    node = shutil.which("node")
    if node is None or not (TOKENS / "node_modules").is_dir():
        return [None] * len(texts), "needs Node.js, and `npm ci` in tests/evaluation/tokens"
    command = [node, str(TOKENS / "count.mjs")]
    done = subprocess.run(command, input=_compact(texts), capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout), ""


def lint(tools: Sequence[dict[str, Any]], folder: Path) -> Size:
    """Errors and warnings of `tdqs lint`."""
    command = Path(sys.executable).with_name("tdqs")
    what, unit = "`tdqs lint`", "findings"
    if not command.exists():
        return Size(what, unit, None, 0, "needs `pip install tdqs`")
    listed = folder / "tools.json"
    listed.write_text(_compact({"tools": tools}), "utf-8")
    asked = [str(command), "lint", "--file", str(listed), "--format", "json", "--fail-on", "never"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
    report = json.loads(done.stdout)
    return Size(what, unit, _findings(report), 0)


def _findings(report: Any) -> int:
    found = len(report["findings"]) + len(report["shadowCandidates"])
    return found + sum(len(tool["findings"]) for tool in report["tools"])
