"""What the scripted model does: lengthen a track, follow the task to its end, list the tasks, read one as a resource.

It knows only what its host shows it, like any model: the names of tools, and what came back from its calls.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TASK_ID = re.compile(r"tsk_[0-9a-f]{32}")
_UNFINISHED = re.compile(r'Still (queued|running)|\\*"status\\*": ?\\*"(queued|running)')
_TASK_SHOWN = re.compile(r'\\*"kind\\*"')
_READS = re.compile(r"read_?mcp_?resource", re.IGNORECASE)
_SEARCHES = re.compile(r"tool_?search", re.IGNORECASE)
# Through it one host calls the tools that its model found by a search.
BRIDGE = "tool_call"
OURS = ("extend_track", "get_task", "list_tasks")
MOST_LOOKS = 60


@dataclass(frozen=True)
class Call:
    """A tool that the model wants called; `namespace` is where one host keeps a server's tools."""

    name: str
    arguments: Mapping[str, Any]
    namespace: str | None = None


@dataclass(frozen=True)
class Conversation:
    """One request to the model, whatever its dialect.

    Attributes:
        tools: Names of the tools that it may call; of a namespace as `namespace/name`.
        calls: What it has called before, in order; through a bridge the tool behind it.
        results: What it was shown of each, as JSON or words.
    """

    tools: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass
class Script:
    """Decides on the next call from a conversation alone, so that asking it twice changes nothing.

    Attributes:
        arguments: Of `extend_track`.
        pause: Seconds that it thinks before it looks again.
        seen: Every conversation that it was asked about.
    """

    arguments: Mapping[str, Any]
    pause: float = 0.0
    seen: list[Conversation] = field(default_factory=list[Conversation])

    def next(self, talk: Conversation) -> Call | str:
        self.seen.append(talk)
        if not talk.tools:
            return "Lengthening a track"  # asked for a title, or the like
        wanted = self._wanted(talk)
        if wanted is None:
            return "All done."
        return _as_offered(wanted, talk)

    def _wanted(self, talk: Conversation) -> Call | None:
        made = [bare(name) for name in talk.calls]
        if "extend_track" not in made:
            return Call("extend_track", self.arguments)
        task_id = _last_task(talk.results)
        if task_id and self._goes_on(talk, made):
            return Call("get_task", {"task_id": task_id, "wait_seconds": 3})
        if "list_tasks" not in made:
            return Call("list_tasks", {})  # a model whose host gave up on a call finds the task there
        return _read(talk, made, task_id)

    def _goes_on(self, talk: Conversation, made: list[str]) -> bool:
        """Whether the task is to be looked at: never yet, or it was not at its end."""
        looks = made.count("get_task")
        if looks == 0:
            return True
        if looks > MOST_LOOKS or made[-1] != "get_task" or not _UNFINISHED.search(talk.results[-1]):
            return False
        time.sleep(self.pause)
        return True

    @property
    def longest(self) -> Conversation:
        """The conversation that got furthest."""
        return max(self.seen, key=lambda talk: len(talk.results), default=Conversation())


def _read(talk: Conversation, made: list[str], task_id: str | None) -> Call | None:
    """The task as a resource, or the history where its host reads only what is listed."""
    reader = _reader(talk)
    tried = sum(bool(_READS.search(name)) for name in made)
    if reader is None or task_id is None or (tried and _TASK_SHOWN.search(talk.results[-1])):
        return None
    addresses = (f"fermata://tasks/{task_id}", "fermata://tasks")
    server = "server_name" if BRIDGE in talk.tools else "server"
    return Call(reader, {server: "fermata", "uri": addresses[tried]}) if tried < len(addresses) else None


def _reader(talk: Conversation) -> str | None:
    """The host's own tool that reads resources; two hosts have it behind their search."""
    offered = next((name for name in talk.tools if _READS.search(name)), None)
    behind = {"ToolSearch": "ReadMcpResourceTool", BRIDGE: "read_mcp_resource"}
    return offered or next((name for search, name in behind.items() if search in talk.tools), None)


def bare(name: str) -> str:
    """A tool's own name, without what a host puts before it."""
    return next((own for own in OURS if name.endswith(own)), name)


def _last_task(results: tuple[str, ...]) -> str | None:
    found = [match for text in results for match in TASK_ID.findall(text)]
    return found[0] if found else None


def _as_offered(wanted: Call, talk: Conversation) -> Call | str:
    """The call under the name that this host has for it, or the search for it where tools are looked up first."""
    offered = next((name for name in talk.tools if name.endswith(wanted.name)), None)
    if offered is not None:
        namespace, _, name = offered.rpartition("/")
        return Call(name, wanted.arguments, namespace or None)
    search = next((name for name in talk.tools if _SEARCHES.search(name)), None)
    full = f"mcp__fermata__{wanted.name}" if wanted.name in OURS else wanted.name
    if search in talk.calls and BRIDGE in talk.tools:
        return Call(BRIDGE, {"name": full, "arguments": wanted.arguments})
    if search is None or talk.calls[-1:] == (search,):
        return f"There is no tool {wanted.name} here."
    return Call(search, {"query": f"select:{full}"})


def words(value: Any) -> str:
    """Whatever a host shows of a result, as one text to look into."""
    return value if isinstance(value, str) else json.dumps(value)
