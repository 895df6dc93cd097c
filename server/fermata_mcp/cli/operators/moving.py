"""`fermata-mcp migrate`: from a database file to the server that `FERMATA_STORE_URL` names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.text import Text

from fermata_mcp.app import read_settings
from fermata_mcp.cli.exit_codes import DONE
from fermata_mcp.cli.show import Screen
from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.moments import counted
from fermata_mcp.store.opening import DATABASE, open_store
from fermata_mcp.store.sqlite.safety.moving import move

Args = dict[str, Any]
_TOLD = {"task": "tasks", "step": "steps", "attempt": "paid requests", "ledger": "entries of money"}


async def migrate(args: Args) -> int:
    """Copy everything. Raises InvalidRequest, StoreUnavailable."""
    settings = read_settings()
    if settings.store_url is None:
        raise InvalidRequest(
            "FERMATA_STORE_URL is not set, so there is nowhere to go.", "set it to postgresql://… and call again."
        )
    path = _file(args["from"], settings)
    store: Any = open_store(settings)
    with Screen(as_json=args["json"]) as screen:
        screen.bar.busy("copying")
        try:
            counts = await move(path, store)
        finally:
            await store.close()
        screen.result({"from": str(path), "rows": counts}, lambda _: Text("\n".join(_lines(path, counts))))
    return DONE


def _file(named: str | None, settings: Settings) -> Path:
    return Path(named).expanduser().absolute() if named else settings.data_dir / DATABASE


def _lines(path: Path, counts: dict[str, int]) -> list[str]:
    told = ", ".join(f"{counts.get(table, 0)} {words}" for table, words in _TOLD.items())
    others = sum(count for table, count in counts.items() if table not in _TOLD)
    return [
        f"Copied {told} and {counted(others, 'other row')}.",
        f"{path} is as it was, and is not used any more where FERMATA_STORE_URL is set.",
    ]
