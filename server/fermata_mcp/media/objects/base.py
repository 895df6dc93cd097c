"""What is asked of a place for audio, whatever it is: whole files under keys that are never given twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fermata_mcp.domain.errors import StoreUnavailable


class ObjectsUnavailable(StoreUnavailable):
    """The place cannot be read or written now; it may be later."""

    def __init__(self, place: str, why: str, hint: str = "try again in a moment; `fermata-mcp doctor` looks at it."):
        super().__init__(f"the store for audio, {place}, cannot be used: {why}.", hint)


@dataclass(frozen=True)
class Stored:
    """One file there: its key, its bytes, and when it was put there (Unix seconds)."""

    key: str
    size: int
    at: float


class ObjectStore(Protocol):
    """Every method raises ObjectsUnavailable where the place does not do it, and is bounded in time."""

    place: str
    """What it is called, without any secret."""

    def path(self, key: str) -> Path | None:
        """Where the file itself can be opened on this machine; None where it has to be fetched first."""
        ...

    async def put(self, file: Path, key: str, kind: str) -> None:
        """Keep a copy of `file`, whole or not at all. `kind` is its media type."""
        ...

    async def fetch(self, key: str, target: Path) -> None:
        """Have a copy at `target`, whole or not at all.

        Raises:
            NotFound: There is none.
        """
        ...

    async def size(self, key: str) -> int | None:
        """Its bytes; None where there is none."""
        ...

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove them; those that are not there are no trouble."""
        ...

    async def list(self, prefix: str) -> list[Stored]:
        """What lies below a folder of keys, in their order."""
        ...

    async def link(self, key: str, seconds: float) -> str | None:
        """An address that gives the file, or a range of it, until it expires; None: we have to serve it."""
        ...

    async def put_link(self, key: str, seconds: float) -> str | None:
        """An address that takes the file until it expires; None: we have to take it."""
        ...
