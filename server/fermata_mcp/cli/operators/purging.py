"""`fermata-mcp purge`: what would go and how much that is; then, once a person agrees, it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from fermata_mcp.cli.exit_codes import DONE, FAILED
from fermata_mcp.cli.extending.price import ask, can_ask
from fermata_mcp.cli.presenting.clock import age, size
from fermata_mcp.cli.show import Screen
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.moments import counted
from fermata_mcp.engine.upkeep.purging import Files, Found, Purging, Wanted

Args = dict[str, Any]


async def purge(purging: Purging, args: Args, screen: Screen) -> int:
    """Tell, ask, remove. Raises InvalidRequest where nobody can be asked."""
    wanted = Wanted(args["older_than"], args["files"], args["caches"])
    screen.bar.busy("looking at what is there")
    found = await purging.find(wanted)
    screen.print(Text("\n".join(lines(found, wanted))))
    if args["dry_run"] or not _anything(found, wanted):
        screen.bar.stop()
        _tell(found, wanted, args, screen, removed=False)
        return DONE
    if not args["yes"] and not can_ask():
        raise InvalidRequest(
            f"this removes {_all_of(found, wanted)}, and nobody can be asked here; nothing was removed.",
            "add --yes, or --dry-run to see what it is.",
        )
    if not args["yes"] and not await ask("Remove?", screen):
        screen.trouble("Nothing was removed.")
        return FAILED
    gone = await purging.carry_out(found, audio=args["files"])
    _tell(gone, wanted, args, screen, removed=True)
    return DONE


def _tell(found: Found, wanted: Wanted, args: Args, screen: Screen, *, removed: bool) -> None:
    if args["json"]:
        screen.result(as_json(found, wanted) | {"removed": removed}, lambda _: Text(""))
    elif removed:
        screen.print(Text(f"Removed {_all_of(found, wanted)}."))
    elif _anything(found, wanted):
        screen.print(Text("Nothing was removed: this was a dry run."))
    else:
        screen.print(Text("There is nothing to remove."))


def lines(found: Found, wanted: Wanted) -> Iterator[str]:
    """What would go, a line for each kind; and what stays."""
    if wanted.older_than is not None:
        how = Counter(task.status for task in found.tasks)
        kinds = f" ({', '.join(f'{count} {status}' for status, count in how.items())})" if how else ""
        yield f"Tasks that were over more than {age(wanted.older_than)} ago: {len(found.tasks)}{kinds}"
        yield f"  their working files and old previews: {_amount(found.working)}"
        if wanted.audio:
            yield f"  their finished audio in Fermata's own folders: {_amount(found.finished)}"
    if wanted.caches:
        yield f"Analyses, previews, interrupted downloads: {_amount(found.caches)}"
    if found.finished.paths and not wanted.audio:
        yield f"Their finished audio stays: {_amount(found.finished)}. --files removes it as well."
    if found.kept:
        yield f"Kept: {_count(found.kept, 'task')} as old, with money that is open or still counts, or audio to fetch."


def as_json(found: Found, wanted: Wanted) -> dict[str, Any]:
    going = {"working": found.working, "audio": found.finished if wanted.audio else Files(), "caches": found.caches}
    return {
        "tasks": [task.id for task in found.tasks],
        "kept": found.kept,
        "files": {name: {"count": len(files.paths), "bytes": files.bytes} for name, files in going.items()},
        "bytes": sum(files.bytes for files in going.values()),
    }


def _anything(found: Found, wanted: Wanted) -> bool:
    return bool(found.tasks or found.working.paths or found.caches.paths or (wanted.audio and found.finished.paths))


def _all_of(found: Found, wanted: Wanted) -> str:
    parts = [found.working, found.caches, *([found.finished] if wanted.audio else [])]
    files = Files(tuple(path for part in parts for path in part.paths), sum(part.bytes for part in parts))
    return f"{_count(len(found.tasks), 'task')} and {_amount(files)}"


def _amount(files: Files) -> str:
    return f"{_count(len(files.paths), 'file')}, {size(files.bytes)}" if files.paths else "no files"


def _count(number: int, what: str) -> str:
    return counted(number, what, none="0")
