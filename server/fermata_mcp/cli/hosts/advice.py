"""`fermata-mcp doctor --host NAME [--write]`: where a host keeps its servers, and what to put there, or putting it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fermata_mcp.domain.errors import InvalidRequest

from .entry import Entry, entry_for, our_variables, snippet, whole_command
from .known import LINUX, Host, host_named
from .writing import Written, write


@dataclass(frozen=True)
class Advice:
    """What a person needs to know to use a host, and what was done about it."""

    host: Host
    file: Path
    entry: Entry
    written: Written | None

    def as_json(self) -> dict[str, Any]:
        done = self.written
        return {
            "host": self.host.name,
            "file": str(self.file),
            "entry": self.entry,
            "snippet": snippet(self.host, self.entry),
            "changed": bool(done and done.changed),
            "backup": str(done.backup) if done and done.backup else None,
        }

    def lines(self) -> list[str]:
        return [*self._done(), f"Keys: {self.host.keys}", *self.host.notes]

    def _done(self) -> list[str]:
        if self.written is None:
            there = "" if self.file.exists() else " (not there yet)"
            ask = f"fermata-mcp doctor --host {self.host.name} --write"
            return [
                f"{self.host.title} reads {self.file}{there}.",
                "",
                snippet(self.host, self.entry),
                f"Put it there: {ask}",
            ]
        if not self.written.changed:
            return [f"{self.file} already says so; nothing was changed."]
        kept = f"; what was there is kept as {self.written.backup.name} beside it" if self.written.backup else ""
        return [f"Written to {self.file}{kept}.", f"Restart {self.host.title} to use it."]


def advise(name: str | None, *, writes: bool, environ: Mapping[str, str] = os.environ) -> Advice:
    """What to do about a host; done at once, if `writes`.

    Raises:
        InvalidRequest: There is no such host, or its file cannot be changed without harm.
        StoreUnavailable: Its file cannot be read or written.
    """
    if name is None:
        raise InvalidRequest("--write needs to know for which host.", "name one with --host.")
    host = host_named(name)
    try:
        file = host.path(_system(), environ, Path.home())
    except RuntimeError:
        raise InvalidRequest("no home folder is known here.", "set HOME.") from None
    entry = entry_for(host, whole_command(), our_variables(environ))
    return Advice(host, file, entry, write(host, file, entry) if writes else None)


def _system() -> str:
    return sys.platform if sys.platform in ("darwin", "win32") else LINUX
