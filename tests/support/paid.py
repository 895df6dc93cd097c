"""The paid providers as a server process sees them: emulators on the loopback, and the settings that name them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult

from emulators.base import Emulator
from emulators.paid import Paid, every_paid
from emulators.serve import serving

from .processes import PATIENCE, SERVER, Home, Message, view

SOURCE_SECONDS, ADDS_SECONDS = 20.0, 10.0


ALL = every_paid()


@dataclass(frozen=True)
class Market:
    """Emulators that are being served, by family, and the environment that leads a server to them."""

    home: Home
    emulators: Mapping[str, Emulator]
    settings: Mapping[str, str]

    def of(self, paid: Paid) -> Emulator:
        return self.emulators[paid.family]

    def environment(self, **more: str) -> dict[str, str]:
        return self.home.environment(**self.settings, **more)

    def check(self, *, twice: int = 0) -> None:
        """Nobody was asked for anything undocumented, or paid twice more often than a person said."""
        for emulator in self.emulators.values():
            assert emulator.violations == []
        assert sum(len(emulator.ledger.double_charges()) for emulator in self.emulators.values()) == twice

    def charged(self) -> float:
        return sum(submit["amount"] for one in self.emulators.values() for submit in one.ledger.submits)


@contextmanager
def market(folder: Path, *paid: Paid, keys: Mapping[str, str] | None = None) -> Generator[Market]:
    """Emulators of these providers, a family once, whose work is done at the second look."""
    folder.mkdir(exist_ok=True)
    emulators: dict[str, Emulator] = {}
    settings = {"FERMATA_TIME_SCALE": "0.005"}
    with ExitStack() as stack:
        for one in {one.family: one for one in paid}.values():
            key = (keys or {}).get(one.family, f"key-of-{one.family}")
            emulator = one.emulator(key)
            emulator.ready_after_polls = 1
            emulator.source_seconds, emulator.adds_seconds = SOURCE_SECONDS, ADDS_SECONDS
            emulators[one.family] = emulator
            url, name = stack.enter_context(serving(emulator)), one.family.upper()
            settings |= {f"{name}_API_KEY": key, f"{name}_BASE_URL": url, f"{name}_UPLOAD_URL": url}
        yield Market(Home(folder), emulators, settings)


@asynccontextmanager
async def connected(
    place: Market, era: str = "auto", options: Mapping[str, Any] | None = None, **settings: str
) -> AsyncGenerator[Client]:
    """The SDK's client and a server process of its own."""
    command = StdioServerParameters(command=SERVER[0], args=list(SERVER[1:]), env=place.environment(**settings))
    with place.home.log.open("a") as log, anyio.fail_after(2 * PATIENCE):
        async with Client(stdio_client(command, log), mode=era, **(options or {})) as client:
            yield client


async def extend(client: Client, paid: Paid, **more: Any) -> CallToolResult:
    return await client.call_tool("extend_track", {"provider": paid.name, **paid.call, **more})


async def done(client: Client, tool: str, **arguments: Any) -> Message:
    """The view of a call that must not fail."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return view(result)
