"""What was said between a client and the server, from the notes of `overhear.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_META = "io.modelcontextprotocol/"
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; the answer is None where none came."""

    method: str
    params: Message
    answer: Message | None

    @property
    def result(self) -> Message:
        return (self.answer or {}).get("result") or {}

    @property
    def went_well(self) -> bool:
        return bool(self.result) and not self.result.get("isError")


@dataclass(frozen=True)
class Wire:
    """One connection, or all that a client opened, in order."""

    exchanges: tuple[Exchange, ...] = ()
    progress: int = 0

    @property
    def client(self) -> str:
        """What it calls itself, and its version."""
        info = self._told("clientInfo")
        return f"{info.get('name', '')} {info.get('version', '')}".strip()

    @property
    def capabilities(self) -> Message:
        return self._told("clientCapabilities") or self._told("capabilities")

    @property
    def protocol(self) -> str:
        """The version that both agreed on."""
        agreed = (one.result.get("protocolVersion") for one in self.of("initialize"))
        modern = (_meta(one).get(f"{_META}protocolVersion") for one in self.exchanges)
        return next((version for version in (*agreed, *modern) if version), "")

    @property
    def tools(self) -> int:
        return max((len(one.result.get("tools", [])) for one in self.of("tools/list")), default=0)

    @property
    def asks_progress(self) -> bool:
        return any("progressToken" in _meta(one) for one in self.of("tools/call"))

    def of(self, method: str) -> Iterator[Exchange]:
        return (one for one in self.exchanges if one.method == method)

    def calls(self, tool: str) -> list[Exchange]:
        return [one for one in self.of("tools/call") if one.params.get("name") == tool]

    def _told(self, what: str) -> Message:
        plain = (one.params.get(what) for one in self.exchanges)
        modern = (_meta(one).get(f"{_META}{what}") for one in self.exchanges)
        nothing: Message = {}
        return next((told for told in (*plain, *modern) if told), nothing)


def _meta(exchange: Exchange) -> Message:
    return exchange.params.get("_meta") or {}


@dataclass
class _Connection:
    """Puts requests and answers of one connection together."""

    asked: dict[str, Message] = field(default_factory=dict[str, Message])
    answers: dict[str, Message] = field(default_factory=dict[str, Message])
    progress: int = 0

    def take(self, side: str, message: Message) -> None:
        key = json.dumps(message.get("id"))
        if side == "client" and "method" in message and "id" in message:
            self.asked[key] = message
        elif side == "server" and "method" not in message and "id" in message:
            self.answers[key] = message
        elif message.get("method") == "notifications/progress":
            self.progress += 1

    def exchanges(self) -> Iterator[Exchange]:
        for key, message in self.asked.items():
            yield Exchange(message["method"], message.get("params") or {}, self.answers.get(key))


def overheard(notes: Path) -> Wire:
    """All connections whose notes are in this folder."""
    exchanges: list[Exchange] = []
    progress = 0
    for path in sorted(notes.glob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        connection = _Connection()
        for line in path.read_text("utf-8").splitlines():
            noted = json.loads(line)
            connection.take(noted["from"], noted["message"])
        exchanges += connection.exchanges()
        progress += connection.progress
    return Wire(tuple(exchanges), progress)
