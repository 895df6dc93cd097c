"""Sessions of the handshake era over http: how many, and which ids each has in use."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from mcp.types import JSONRPCRequest

from .refusals import refused, too_many

# A session costs up to 100 KB. Above this the one that was unused longest is ended.
MAX_SESSIONS = 2048
ID_SECONDS = 1.0
# Where a principal has as many as it may, one that was not used for so long makes room for another.
IDLE_SECONDS = 900.0


@dataclass
class Sessions:
    """Sessions of the handshake era by when they were used last, whose they are, and what each has open."""

    used: dict[str, float] = field(default_factory=dict[str, float])
    owners: dict[str, str] = field(default_factory=dict[str, str])
    open: Counter[str] = field(default_factory=Counter[str])

    def begin(self, session: str, owner: str) -> None:
        self.owners[session] = owner
        self.use(session)

    def is_of(self, session: str, owner: str) -> bool:
        """Whether it is this principal's, or nobody's."""
        return self.owners.get(session, owner) == owner

    def spare_of(self, owner: str, most: int) -> str | None:
        """One to end for another of this principal's, where it has `most`; None where there is room.

        Raises:
            Refused: All are in use, or were a little while ago.
        """
        own = [session for session in self.used if self.owners.get(session) == owner]
        if len(own) < most:
            return None
        idle = [session for session in own if not self.open[session]]
        if not idle or time.monotonic() - self.used[idle[0]] < IDLE_SECONDS:
            raise too_many(f"{most} of your sessions are open; end one (DELETE)", 60)
        return idle[0]

    def use(self, session: str) -> None:
        self.used.pop(session, None)
        self.used[session] = time.monotonic()

    def spare(self) -> str | None:
        """The one that was unused longest of whoever has most, if room is needed."""
        if len(self.used) < MAX_SESSIONS:
            return None
        idle = [session for session in self.used if not self.open[session]]
        each = Counter(self.owners.get(session) for session in self.used)
        return max(idle, key=lambda session: each[self.owners.get(session)], default=None)

    def forget(self, session: str) -> None:
        self.used.pop(session, None)
        self.owners.pop(session, None)
        del self.open[session]


class Open:
    """A session is in use inside."""

    def __init__(self, sessions: Sessions, session: str | None) -> None:
        self._sessions = sessions
        self._session = session if session in sessions.used else None

    def __enter__(self) -> None:
        if self._session is not None:
            self._sessions.open[self._session] += 1
            self._sessions.use(self._session)

    def __exit__(self, *_: object) -> None:
        if self._session is not None and self._session in self._sessions.used:
            self._sessions.open[self._session] -= 1
            self._sessions.use(self._session)


class Ids:
    """Within a session an id is asked with once at a time: the answer could not be told from that to the other.

    An answer is on the wire a little before its request is over, so a client that uses its id again is waited for.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, str], anyio.Event] = {}

    @asynccontextmanager
    async def use(self, session: str | None, request: JSONRPCRequest | None) -> AsyncGenerator[None]:
        if session is None or request is None:
            yield
            return
        key = (session, str(request.id))
        with anyio.move_on_after(ID_SECONDS):
            while key in self._asked:
                await self._asked[key].wait()
        if key in self._asked:
            raise refused(
                400, f"a request with the id {key[1]:.100} is not answered yet; use another", request=request.id
            )
        over = self._asked[key] = anyio.Event()
        try:
            yield
        finally:
            del self._asked[key]
            over.set()
