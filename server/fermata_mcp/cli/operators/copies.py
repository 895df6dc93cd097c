"""`fermata-mcp backup` and `restore`: the task database as a file, out and in again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from rich.text import Text

from fermata_mcp.app import read_settings
from fermata_mcp.cli.exit_codes import DONE, FAILED
from fermata_mcp.cli.extending.price import ask, can_ask
from fermata_mcp.cli.presenting.clock import size
from fermata_mcp.cli.show import Screen
from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import InvalidRequest, NotSupported
from fermata_mcp.domain.moments import counted
from fermata_mcp.providers.registry import repeatable_providers
from fermata_mcp.store.opening import DATABASE
from fermata_mcp.store.sqlite.safety import copies, damage
from fermata_mcp.store.sqlite.store import SqliteStore

Args = dict[str, Any]
_in_thread = anyio.to_thread.run_sync


async def backup(args: Args) -> int:
    """Copy the database. Raises InvalidRequest, NotSupported, StoreUnavailable."""
    path = _file_of(read_settings())
    target = _named(args["file"])
    if target.exists() and not args["force"]:
        raise InvalidRequest(f"{target} exists.", "name another file, or add --force to replace it.")
    with Screen(as_json=args["json"]) as screen:
        screen.bar.busy("copying")
        written = await _in_thread(copies.back_up, path, target)
        screen.result({"file": str(target), "bytes": written}, lambda _: Text(f"Copied to {target} ({size(written)})."))
    return DONE


async def restore(args: Args) -> int:
    """Put a copy in place, or tell which there are. Raises InvalidRequest, NotSupported, StoreUnavailable."""
    path = _file_of(read_settings())
    with Screen(as_json=args["json"]) as screen:
        if args["without"]:
            return await _go_on_without(path, args, screen)
        if args["file"] is None:
            return _list(path, screen)
        return await _restore(path, _named(args["file"]), args, screen)


def _named(file: str) -> Path:
    return Path(file).expanduser().absolute()


def _file_of(settings: Settings) -> Path:
    if settings.store_url is not None:
        raise NotSupported(
            "FERMATA_STORE_URL names a database server, which has its own tools for copies.",
            "use pg_dump or point-in-time recovery; docs/server.md says what a step back in time needs.",
        )
    return settings.data_dir / DATABASE


def _list(path: Path, screen: Screen) -> int:
    found, standing = copies.daily_copies(path), damage.standing(path)
    told = {"copies": [str(copy) for copy in found], "damage": standing.found if standing else None}
    lines = [f"Damaged on {standing.at}: {standing.found}; kept as {standing.aside or path.name}."] if standing else []
    lines += [f"{copy}  {_made(copy)}  {size(copy.stat().st_size)}" for copy in found]
    lines += ["Next: fermata-mcp restore FILE"] if found else ["There are no daily copies here."]
    screen.result(told, lambda _: Text("\n".join(lines)))
    return DONE


async def _restore(path: Path, copy: Path, args: Args, screen: Screen) -> int:
    await _in_thread(copies.checked, copy)
    words = f"the task database is replaced by the copy of {_made(copy)}; what came later is not in it"
    if not await _agreed(words, args, screen):
        return FAILED
    screen.bar.busy("restoring")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready = await _in_thread(copies.made_ready, copy, path)
    try:
        held = await _hold_unsent(ready, _made(copy))
        aside = await _in_thread(copies.put_in_place, ready, path)
    finally:
        ready.unlink(missing_ok=True)
    lines = [f"Restored the copy of {_made(copy)}."]
    lines += [f"What was there before is kept as {aside}."] if aside else []
    lines += (
        [f"{counted(len(held), 'task')} may have been paid on since; decide with fermata-mcp resolve:", *held]
        if held
        else []
    )
    told = {"restored": str(copy), "kept": str(aside) if aside else None, "held": held}
    screen.result(told, lambda _: Text("\n".join(lines)))
    return DONE


async def _hold_unsent(ready: Path, made: str) -> list[str]:
    store = SqliteStore(ready)
    try:
        reason = f"the task database was restored from a copy of {made}"
        return await store.hold_unsent(reason, free=repeatable_providers(), now=time.time_ns() // 1_000_000)
    finally:
        await store.close()


async def _go_on_without(path: Path, args: Args, screen: Screen) -> int:
    standing = damage.standing(path)
    if standing is None:
        raise InvalidRequest("the task database was not found damaged.", "leave out --without.")
    if not await _agreed("what the damaged task database held is not known from now on", args, screen):
        return FAILED
    if standing.aside is None:
        await _in_thread(partial(copies.put_in_place, None, path))
    damage.decided(path)
    screen.result({"without": True}, lambda _: Text("Going on without a copy."))
    return DONE


async def _agreed(words: str, args: Args, screen: Screen) -> bool:
    if args["yes"]:
        return True
    if not can_ask():
        raise InvalidRequest(f"{words}, and nobody can be asked here; nothing was done.", "add --yes.")
    screen.print(Text(f"{words[:1].upper()}{words[1:]}."))
    if await ask("Go on?", screen):
        return True
    screen.trouble("Nothing was done.")
    return False


def _made(copy: Path) -> str:
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
