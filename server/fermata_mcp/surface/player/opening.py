"""A result is played on the machine of a stdio server: by its own player, after a word of the person."""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.types import InputRequiredResult

from fermata_mcp.domain.errors import Cancelled, NotSupported
from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.media import playback
from fermata_mcp.surface.clients import can_be_asked
from fermata_mcp.surface.people.confirm import NOTHING_TO_FILL_IN, ask

QUESTION = "play_here"


def page_link(task_id: str, which: int, base_url: str | None) -> str | None:
    """Where the caller can open the player in a browser; None on a pipe."""
    return None if base_url is None else f"{base_url.rstrip('/')}/player/{task_id}?index={which}"


@dataclass
class Opening:
    """Plays one file at a time: the next one ends the one before."""

    _playing: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    async def play(self, file: Path, link: str | None, ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """What was done, in words, or the question for clients that answer questions by calling again.

        Args:
            link: Of the player's page, for callers who came over http.

        Raises:
            NotSupported: The caller may sit elsewhere, or there is no player here; the words say where to hear it.
            Cancelled: The person said no.
        """
        if link is not None:
            raise NotSupported("over http nothing is played on the server's machine.", f"open {link} in a browser.")
        player = await anyio.to_thread.run_sync(playback.player_for, file)
        if can_be_asked(ctx.client_capabilities):
            asked = f"Play {visible(file.name, 200)} on this computer with {player.name}?"
            answer = await ask(QUESTION, asked, NOTHING_TO_FILL_IN, ctx)
            if isinstance(answer, InputRequiredResult):
                return answer
            if answer.action != "accept":
                raise Cancelled("the person did not want it played; nothing was opened.", "give them its path instead.")
        await anyio.to_thread.run_sync(self._start, player, file)
        return f"It is being played on this machine by {player.name}."

    def _start(self, player: playback.Player, file: Path) -> None:
        for before in self._playing:
            with suppress(OSError):
                before.terminate()
        self._playing.clear()
        try:
            process = playback.start(player, file)
        except OSError as error:
            raise NotSupported(f"{player.name} does not start ({error.strerror}).", f"open {file}.") from None
        if player.stays:
            self._playing.append(process)
        threading.Thread(target=process.wait, name="player", daemon=True).start()
