"""`fermata-mcp play ID [--joins]`: a finished track, or only what is around its joins, in the system's player."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anyio

from fermata_mcp.domain.errors import InternalError, NotFound
from fermata_mcp.domain.moments import clock, counted
from fermata_mcp.media.playback import Player, player_for, start

from .apart import run_apart
from .passages import delivered
from .terminal import Bar

AROUND = "3 s before to 3 s after each"


def clip_of(view: dict[str, Any], index: int | None) -> dict[str, Any]:
    """The clip to be heard: the deliverable's, or the one that was asked for.

    Raises:
        NotFound: There is none, or no audio of it on this machine.
    """
    clips: list[dict[str, Any]] = view["clips"]
    if index is not None and index >= len(clips):
        raise NotFound(f"the task has {counted(len(clips), 'clip')}, counted from 0.", "name one of them, or none.")
    look = f"fermata-mcp task {view['task_id']}"
    chosen = delivered(view) if index is None else clips[index]
    if chosen is None:
        raise NotFound(f"the task is {view['status']}; there is nothing to hear.", f"look: {look}")
    if not chosen["file"]:
        raise NotFound("its audio is not saved on this machine.", f"fetch it: {look}")
    return chosen


async def play(clip: dict[str, Any], bar: Bar, *, joins: bool) -> None:
    """Play a clip to its end, or the seconds around its joins.

    Raises:
        NotFound: It has no joins, or its file is gone.
        NotSupported: There is no player here.
        NotAudio: It cannot be decoded, to cut out what is around the joins.
    """
    file = Path(clip["file"])
    if not joins:
        await _play(player_for(file), file, bar)
        return
    places = [seam["at"] for seam in clip["seams"]]
    if not places:
        raise NotFound("this track has no joins that are known.", "play the whole of it, without --joins.")
    with tempfile.TemporaryDirectory(prefix="fermata-joins-") as folder:
        excerpt = Path(folder) / "joins.wav"
        excerpt.touch()
        player = player_for(excerpt, stays=True)
        bar.note(f"Joins at {', '.join(map(clock, places))}; {AROUND}.")
        bar.busy("cutting out the joins")
        await run_apart("fermata_mcp.rearrange.excerpts", str(file), str(excerpt), *map(str, places))
        await _play(player, excerpt, bar)


async def _play(player: Player, file: Path, bar: Bar) -> None:
    bar.busy(f"{player.name} plays {file.name} (Ctrl-C stops)")
    process = start(player, file)
    try:
        code = await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
    finally:
        if process.poll() is None:
            process.terminate()
    if code and player.stays:
        raise InternalError(f"{player.name} could not play it (it ended with code {code}).", f"open {file} by hand.")
