"""Where a request is asked: a real server over stdio with real files, emulated providers, and a web site."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from mcp.client import Client
from mcp.types import TextContent

from emulators.base import Emulator
from emulators.paid import every_paid, named
from support.paid import Market, connected, market
from support.processes import write_beat

from .cases import Asked, Call, Keys, filled

SONG_SECONDS, OTHER_SECONDS, RATE = 30.0, 20.0, 22050
PAID = {"none": (), "one": (named("sunoapi"),), "all": every_paid()}
PAGE = b"<!doctype html><html><head><title>A video</title></head><body>Please accept cookies</body></html>"


@dataclass(frozen=True)
class Answer:
    """What came back of one call; `data` is None where it was refused."""

    call: Call
    text: str
    data: dict[str, Any] | None
    is_error: bool

    @cached_property
    def data_text(self) -> str | None:
        return None if self.data is None else json.dumps(self.data, ensure_ascii=False)

    @property
    def status(self) -> str:
        """A task's status, or `refused`, `quoted` (a dry run) or `told` (no task)."""
        if self.data is None:
            return "refused"
        if "status" not in self.data:
            return "told"
        return "quoted" if self.data["task_id"] is None else str(self.data["status"])


@dataclass
class Scene:
    """One request as it went. `charged` is what the emulators took for its calls, in credits."""

    asked: Asked
    places: dict[str, str]
    answers: list[Answer] = field(default_factory=list[Answer])
    earlier: list[Answer] = field(default_factory=list[Answer])
    charged: float = 0.0
    violations: list[str] = field(default_factory=list[str])

    @property
    def last(self) -> Answer:
        return self.answers[-1]


async def play(asked: Asked, folder: Path) -> Scene:
    """Ask for it, in a folder of its own."""
    await anyio.Path(folder).mkdir()
    music = _files(folder / "Music")
    with site(music) as web, _paid(asked.keys, folder) as place:
        scene = Scene(asked, {"folder": str(music), "web": web})
        _set(place, asked)
        async with connected(place, FERMATA_TRUSTED_HOSTS=urlsplit(web).netloc) as client:
            await _perform(scene, place, client)
        scene.violations = [said for one in place.emulators.values() for said in one.violations]
    return scene


async def _perform(scene: Scene, place: Market, client: Client) -> None:
    for call in scene.asked.before:
        scene.earlier.append(await ask(client, call, scene.places))
        scene.places["task"] = str((scene.earlier[-1].data or {}).get("task_id"))
    paid = place.charged()
    for call in scene.asked.calls:
        scene.answers.append(await ask(client, call, scene.places))
    scene.charged = place.charged() - paid


async def ask(client: Client, call: Call, places: Mapping[str, str] | None = None) -> Answer:
    """Make a call, its places filled in."""
    arguments = filled(call.arguments, places or {})
    result = await client.call_tool(call.tool, arguments)
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    return Answer(Call(tool=call.tool, arguments=arguments), text, result.structured_content, bool(result.is_error))


def _files(folder: Path) -> Path:
    folder.mkdir()
    write_beat(folder / "song.wav", SONG_SECONDS, RATE)
    write_beat(folder / "Mein Lied.wav", OTHER_SECONDS, RATE)
    (folder / "notes.txt").write_text("not music")
    (folder / "Desktop").mkdir()
    return folder


@contextmanager
def _paid(keys: Keys, folder: Path) -> Generator[Market]:
    with market(folder, *PAID[keys]) as place:
        yield place


def _set(place: Market, asked: Asked) -> None:
    for one in place.emulators.values():
        _script(one, asked.emulator)


def _script(emulator: Emulator, wanted: dict[str, Any]) -> None:
    emulator.apply_script({"set": wanted})


@contextmanager
def site(folder: Path) -> Generator[str]:
    """The address of a web site with the folder's song and a page with a player."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            song = self.path == "/song.wav"
            self.send_response(200)
            self.send_header("Content-Type", "audio/wav" if song else "text/html; charset=utf-8")
            body = (folder / "song.wav").read_bytes() if song else PAGE
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)
