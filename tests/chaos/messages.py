"""Messages of a client that cannot be trusted, one after the other; the same for the same seed and the same server."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from support.processes import write_beat

from .answers import Id
from .wild import NUMBERS, TEXTS, damaged, wild, wild_text, written

METHODS = (
    "initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read",
    "resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete",
    "logging/setLevel", "server/discover", "tasks/list", "tasks/get", "sampling/createMessage", "roots/list",
    "elicitation/create", "", "rpc.discover", "tools", "TOOLS/LIST", "\u202e", "x" * 5000,
)  # fmt: skip
NOTIFICATIONS = (
    "notifications/initialized", "notifications/progress", "notifications/roots/list_changed",
    "notifications/message", "notifications/tasks/status", "notifications/nothing", "ping", "tools/call", "",
)  # fmt: skip
# New work so often: a provider is asked twice a second at most, and work here takes a processor for a second.
PAID_EVERY, LOCAL_EVERY = 1000, 1500
KEPT = 200


@dataclass(frozen=True)
class Said:
    """One message: what was meant by it, its bytes, and the id whose request it cancels, if it does.

    `method` and `name` are what an http client of the newer era repeats in its head.
    """

    kind: str
    data: bytes
    cancels: Id | None = None
    method: str = ""
    name: str = ""


@dataclass
class Messages:
    """A stream of messages.

    Attributes:
        tools: The input schema of every tool.
        place: A folder that is furnished.
        about: What every request says of its protocol (`_meta`).
        known: Ids of tasks that the server has told.
        part: What tells the clips of this stream from those of another.
    """

    dice: Random
    tools: Mapping[str, Mapping[str, Any]]
    place: Path
    about: Mapping[str, Any] | None = None
    known: deque[str] = field(default_factory=lambda: deque[str](maxlen=KEPT))
    part: str = ""
    _number: int = 0
    _ids: deque[Id] = field(default_factory=lambda: deque[Id](maxlen=KEPT))

    def next(self) -> Said:
        self._number += 1
        if self._number % LOCAL_EVERY == 30:
            return self._local()
        if self._number % PAID_EVERY in (7, 8, 60):
            return self._paid()
        (make,) = self.dice.choices(_MAKERS, _WEIGHTS)
        return make(self)

    def new_id(self) -> Id:
        n = self._number
        form = self.dice.random()
        found: Id = n if form < 0.6 else f"f-{n}" if form < 0.85 else -n if form < 0.95 else 10**25 + n
        self._ids.append(found)
        return found

    # --- kinds ----------------------------------------------------------------------------------------------------

    def _request(self, kind: str, method: Any, params: Any) -> Said:
        given = _fields(params)
        if given is not None and self.about and self.dice.random() < 0.95:
            params = given = {**given, "_meta": self.about}
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": self.new_id(), "method": method, "params": params}
        named = str((given or {}).get("name", (given or {}).get("uri", "")))
        return Said(kind, written(message, self.dice), method=str(method), name=named)

    def honest(self) -> Said:
        return self._request("an honest question", *self.dice.choice(self._questions()))

    def _questions(self) -> list[tuple[str, Any]]:
        task = self.task()
        return [
            *((method, {}) for method in ("ping", "tools/list", "resources/list", "prompts/list", "server/discover")),
            ("resources/templates/list", {}),
            ("resources/read", {"uri": self.dice.choice(("fermata://tasks", "fermata://providers"))}),
            ("resources/read", {"uri": f"fermata://tasks/{task}"}),
            ("resources/read", {"uri": f"fermata://tasks/{task}/audio/{self.dice.randrange(3)}"}),
            ("resources/subscribe", {"uri": f"fermata://tasks/{task}"}),
            ("resources/unsubscribe", {"uri": f"fermata://tasks/{task}"}),
            ("prompts/get", {"name": "make_longer", "arguments": {"source": "a"}}),
            ("tools/call", {"name": "get_task", "arguments": {"task_id": task}}),
            ("tools/call", {"name": "play_track", "arguments": {"task_id": task}}),
            ("tools/call", {"name": "list_tasks", "arguments": {"limit": 3}}),
            ("tools/call", {"name": "get_credits", "arguments": {"provider": "local"}}),
        ]

    def tool(self) -> Said:
        """A tool with arguments of which some are plausible and some are not."""
        name = self.dice.choice(tuple(self.tools))
        schema = self.tools[name]
        fields = schema["properties"]
        wanted = set(self.dice.sample(tuple(fields), self.dice.randint(0, min(4, len(fields)))))
        if self.dice.random() < 0.9:
            wanted |= set(schema.get("required", ()))
        wildness = self.dice.choice((0, 0, 0.1, 0.5))
        arguments = {one: self._argument(one, fields, wildness) for one in sorted(wanted)}
        if self.dice.random() < 0.1:
            arguments[wild_text(self.dice)[:80]] = wild(self.dice)
        for packed in {"options", "prompts"} & arguments.keys():
            if self.dice.random() < 0.3:  # as some hosts send them
                arguments[packed] = written(arguments[packed], self.dice).decode(errors="replace")
        asked: dict[str, Any] = {"name": name, "arguments": arguments}
        if self.dice.random() < 0.1:
            asked = asked | {self.dice.choice(("name", "arguments", "_meta", "task")): wild(self.dice)}
        return self._request("a tool", "tools/call", asked)

    def _argument(self, name: str, fields: Mapping[str, Any], wildness: float) -> Any:
        schema = fields[name]
        if self.dice.random() < wildness:
            return wild(self.dice)
        if name == "source":
            return self.source()
        if name == "task_id":
            return self.task(0.7 if "wait_seconds" in fields or "index" in fields else 0.05)
        if name == "wait_seconds":
            return self.dice.choice((0, 0.01))
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        return _PLAUSIBLE[schema.get("type", "object")](self.dice)

    def task(self, known: float = 0.7) -> str:
        """A task that there is, so often, or one that there is not. Most must not be ended by hand."""
        if self.known and self.dice.random() < known:
            return self.dice.choice(tuple(self.known))
        return f"tsk_{self.dice.getrandbits(128):032x}"

    def source(self) -> Any:
        """Where there is no music; hardly ever a clip that can be paid for."""
        how = self.dice.random()
        if how < 0.005:
            return f"clip:w{self.dice.getrandbits(60)}"
        return self.dice.choice(sources(self.place))

    def method(self) -> Said:
        """Any method with any parameters."""
        params = wild(self.dice) if self.dice.random() < 0.3 else self._params()
        return self._request("any method", self.dice.choice(METHODS), params)

    def _params(self) -> dict[str, Any]:
        names = ("uri", "name", "arguments", "ref", "argument", "context", "cursor", "level", "protocolVersion",
                 "capabilities", "clientInfo", "_meta", "taskId")  # fmt: skip
        return {one: self._param(one) for one in self.dice.sample(names, self.dice.randint(0, 5))}

    def _param(self, name: str) -> Any:
        if self.dice.random() < 0.4:
            return wild(self.dice)
        ref = {"type": self.dice.choice(("ref/prompt", "ref/resource")), "name": "make_longer"}
        given: dict[str, Any] = {
            "uri": self.dice.choice(uris(self.task(), self.dice)), "name": self.dice.choice((*self.tools, "full_song")),
            "ref": ref | {"uri": "fermata://tasks/{task_id}"},
            "argument": {"name": self.dice.choice(("task_id", "provider", "source")), "value": wild_text(self.dice)},
            "capabilities": {"roots": {}}, "clientInfo": {"name": "fuzz", "version": "1"},
            "protocolVersion": self.dice.choice(("2025-06-18", "2024-11-05", "2026-07-28", "1999-01-01")),
            "_meta": {"progressToken": self.dice.choice((1, "a", None))},
        }  # fmt: skip
        return given.get(name, {"source": "a"})

    def envelope(self) -> Said:
        """A wrong frame around an honest question."""
        method, params = self.dice.choice(self._questions())
        message = {"jsonrpc": "2.0", "id": self.new_id(), "method": method, "params": params}
        for name in self.dice.sample(("jsonrpc", "id", "method", "params", "result", "error", "extra"), 2):
            message[name] = wild(self.dice) if name != "id" or self.dice.random() < 0.4 else message["id"]
        for name in tuple(message):
            if self.dice.random() < 0.1:
                del message[name]
        turned = dict(reversed(message.items())) if self.dice.random() < 0.3 else message
        return Said("a wrong frame", written(turned, self.dice))

    def notification(self) -> Said:
        method = self.dice.choice(NOTIFICATIONS)
        params = wild(self.dice) if self.dice.random() < 0.4 else {"progressToken": 1, "progress": wild(self.dice)}
        return Said("a notification", written({"jsonrpc": "2.0", "method": method, "params": params}, self.dice))

    def cancel(self) -> Said:
        """Of a request that was never made, is long answered, or is on its way."""
        others: tuple[Any, ...] = (10**9, "never", *NUMBERS, None)
        of: Any = self.dice.choice((*self._ids, *others))
        params = {"requestId": of, "reason": wild_text(self.dice)}
        data = written({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}, self.dice)
        return Said("a cancellation", data, cancels=of if of in self._ids else None)

    def reply(self) -> Said:
        """An answer that nobody asked for."""
        what = {self.dice.choice(("result", "error")): wild(self.dice)}
        named = self.dice.choice((0, 1, "a", None, wild(self.dice)))
        return Said("an answer", written({"jsonrpc": "2.0", "id": named, **what}, self.dice))

    def damaged(self) -> Said:
        whole = self.dice.choice((self.honest, self.honest, self.tool, self.method))()
        return Said("damaged bytes", damaged(whole.data, self.dice), method=whole.method, name=whole.name)

    def rubbish(self) -> Said:
        how = self.dice.random()
        if how < 0.6:
            return Said("rubbish", self.dice.randbytes(self.dice.choice((1, 8, 200))))
        if how < 0.99:
            return Said("rubbish", written(wild(self.dice), self.dice))
        letter = self.dice.choice((b"[", b"{", b'"', b'{"id":', b"\\", b" ", b"x"))
        return Said("rubbish", letter * (self.dice.choice((70_000, 5_000_000)) // len(letter)))

    # --- work -----------------------------------------------------------------------------------------------------

    def _paid(self) -> Said:
        """An extension that is paid for, and soon the same again, which must not be paid for again."""
        clip = f"clip:paid-{self.part}{self._number // PAID_EVERY}"
        arguments = {"source": clip, "provider": "sunoapi", "wait_seconds": 0}
        return self._request("paid work", "tools/call", {"name": "extend_track", "arguments": arguments})

    def _local(self) -> Said:
        arguments = {"source": str(self.place / "song.wav"), "add_seconds": 2 + self._number % 7, "provider": "local"}
        asked = {"name": "extend_track", "arguments": {**arguments, "take": 1 + self._number % 90, "wait_seconds": 0}}
        return self._request("local work", "tools/call", asked)


_KINDS: dict[Callable[[Messages], Said], float] = {
    Messages.honest: 16, Messages.tool: 28, Messages.method: 14, Messages.envelope: 8, Messages.notification: 4,
    Messages.cancel: 3, Messages.reply: 3, Messages.damaged: 20, Messages.rubbish: 4,
}  # fmt: skip
_MAKERS, _WEIGHTS = tuple(_KINDS), tuple(_KINDS.values())
_PLAUSIBLE: dict[str, Callable[[Random], Any]] = {
    "string": lambda dice: dice.choice(("local", "sunoapi", "piano", "running", "V5", *TEXTS)),
    "number": lambda dice: dice.choice((0, 0.5, 1, 10)),
    "integer": lambda dice: dice.choice((0, 1, 2, 99)),
    "boolean": lambda dice: dice.random() < 0.5,
    "array": lambda dice: [wild_text(dice) for _ in range(dice.randint(0, 3))],
    "object": lambda dice: {wild_text(dice)[:30]: wild(dice) for _ in range(dice.randint(0, 3))},
}


def _fields(params: Any) -> dict[str, Any] | None:
    return cast(dict[str, Any], params) if isinstance(params, dict) else None


def furnish(place: Path) -> None:
    """One honest file, and what is none."""
    place.mkdir(exist_ok=True)
    write_beat(place / "song.wav", 3)
    (place / "empty.wav").touch()
    (place / "words.wav").write_bytes(b"RIFF words and nothing else" * 40)
    (place / "folder.wav").mkdir()
    (place / "link.wav").symlink_to("/etc/passwd")
    (place / "round.wav").symlink_to("round.wav")
    os.mkfifo(place / "pipe.wav")
    (place / "\udcff.wav").write_bytes(b"OggS")


def sources(place: Path) -> tuple[str, ...]:
    """Files outside and that are none, links to where nobody may look, tasks and clips that are not there."""
    files = ("empty.wav", "words.wav", "folder.wav", "link.wav", "round.wav", "pipe.wav", "\udcff.wav", "missing.wav")
    return (
        *(str(place / name) for name in files), str(place), f"{place}/../place/./missing.wav", f"{place}/\0.wav",
        "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/environ", "/proc/self/mem", "/", "~", "~nobody/a.wav",
        "a" * 5000, "/" * 4096, "file:///etc/passwd", "file://elsewhere/a.wav", "file:", "\\\\host\\share\\a.wav",
        "http://127.0.0.1:1/a.mp3", "https://127.0.0.1:1/a.mp3", "https://169.254.169.254/latest/meta-data",
        "https://[::1]/a", "https://[::ffff:10.0.0.1]/a", "https://0x7f000001/a", "https://2130706433/", "https://",
        "https://localhost:1/a", "https://a.invalid/a.mp3", "https://user:word@10.0.0.1/a", "https://[", "ftp://a/b",
        "https://\u0661.example/", "https://a:99999/", "data:audio/wav;base64,AAAA", "tsk_", "tsk_" + "0" * 32,
        "tsk_" + "0" * 32 + "/99999999999999999999", "clip:", "clip:a/b/c", "clip:\0", "clip:" + "x" * 3000,
    )  # fmt: skip


def uris(task: str, dice: Random) -> tuple[str, ...]:
    """Resources that there are, and addresses of none."""
    return (
        "fermata://tasks", "fermata://providers", f"fermata://tasks/{task}", f"fermata://tasks/{task}/audio/0",
        f"fermata://tasks/{task}/audio/99999", "fermata://tasks/../../etc/passwd", "fermata://tasks/%00", "fermata:",
        "file:///etc/passwd", "http://169.254.169.254/", "fermata://tasks/{task_id}", "://", wild_text(dice),
    )  # fmt: skip
