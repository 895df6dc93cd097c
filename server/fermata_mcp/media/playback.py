"""Sound for people: the system's player, found on the PATH, with a finished file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fermata_mcp.domain.errors import NotFound, NotSupported

from .child_process import APART, environment

FILE = "{file}"
_LIBSNDFILE = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif"})
_APPLE = frozenset({".wav", ".flac", ".mp3", ".m4a", ".aac", ".aiff", ".aif"})


@dataclass(frozen=True)
class Player:
    """A program that plays one file.

    Attributes:
        command: With `FILE` in the place of the file.
        takes: Endings of names that it can play; None for whatever there is.
        stays: Whether it ends when the sound does; what opens a window leaves at once.
    """

    command: tuple[str, ...]
    takes: frozenset[str] | None = None
    stays: bool = True

    @property
    def name(self) -> str:
        return self.command[0]

    def plays(self, file: Path) -> bool:
        return self.takes is None or file.suffix.lower() in self.takes

    def with_file(self, file: Path) -> list[str]:
        return [str(file) if word == FILE else word for word in self.command]


_ANYWHERE = (
    Player(("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", FILE)),
    Player(("mpv", "--no-video", "--really-quiet", FILE)),
)
PLAYERS: dict[str, tuple[Player, ...]] = {
    "darwin": (Player(("afplay", FILE), _APPLE), *_ANYWHERE, Player(("open", FILE), stays=False)),
    "win32": (*_ANYWHERE, Player(("explorer", FILE), stays=False)),
    "linux": (
        Player(("pw-play", FILE), _LIBSNDFILE),
        Player(("paplay", FILE), _LIBSNDFILE),
        *_ANYWHERE,
        Player(("aplay", "--quiet", FILE), frozenset({".wav"})),
        Player(("xdg-open", FILE), stays=False),
    ),
}


def players(system: str = sys.platform) -> tuple[Player, ...]:
    """Those that are looked for, the best first."""
    return PLAYERS.get(system, PLAYERS["linux"])


def player_for(
    file: Path, system: str = sys.platform, which: Callable[[str], str | None] = shutil.which, *, stays: bool = False
) -> Player:
    """The first player here that can play `file`.

    Args:
        stays: Only those that end with the sound: where the file goes away afterwards.

    Raises:
        NotFound: There is no such file any more.
        NotSupported: There is no such player; the message says which were looked for and where the file is.
    """
    if not file.is_file():
        raise NotFound(f"{file} is no longer there.", "look where it was moved to.")
    fitting = [player for player in players(system) if player.plays(file) and (player.stays or not stays)]
    for player in fitting:
        if which(player.name):
            return player
    looked_for = ", ".join(player.name for player in fitting)
    raise NotSupported(
        f"no player was found here; looked for {looked_for}.",
        f"install one of them, or open {file} in a program of yours.",
    )


def start(player: Player, file: Path) -> subprocess.Popen[bytes]:
    """Begin to play, beside us and silent about it; the process, for who wants to wait for its end or to end it."""
    nothing = subprocess.DEVNULL
    command = player.with_file(Path(os.path.abspath(file)))  # noqa: PTH100  (a name that begins with - is no option)
    return subprocess.Popen[bytes](command, stdin=nothing, stdout=nothing, stderr=nothing, env=environment(), **APART)
