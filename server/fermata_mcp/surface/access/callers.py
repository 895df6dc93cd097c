"""Whose call is being carried out: the one way in which the surface comes to a service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from fermata_mcp.domain.access.principal import ONE_PERSON, Principal
from fermata_mcp.domain.moments import counted
from fermata_mcp.engine.service import Service
from fermata_mcp.logs import about
from fermata_mcp.surface.access.permissions import of_method, require
from fermata_mcp.surface.errors import protocol_errors

# Where a request's scope says who makes it; an http transport lets no request through without.
PRINCIPAL = "fermata.principal"
# And how they are told which scope they lack; nothing where nobody has to say who they are.
CHALLENGE = "fermata.challenge"
# Too much of one client, or of one principal; the code that busy servers use for it.
BUSY = -32000
# A call asks for its service several times, and most are of the same few people.
VIEWS_KEPT = 256
_WAITING = ("tools/call", "tasks/get", "resources/read")
_calling: ContextVar[Principal] = ContextVar("calling")
_request: ContextVar[Request | None] = ContextVar("request", default=None)


def calling() -> Principal:
    """Who makes the call that is being carried out. Raises LookupError outside of one."""
    return _calling.get()


class Challenge(Protocol):
    """How a caller is told of a scope that is missing."""

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody whom the caller's client can ask for a token that gives more."""
        ...

    def header(self, scope: str) -> str:
        """`WWW-Authenticate` (RFC 6750), for what needs `scope`."""
        ...


def challenge() -> Challenge | None:
    """That of the request which brought the call that is being carried out."""
    request = _request.get()
    return None if request is None else request.scope.get(CHALLENGE)


def principal_of(request: Request | None) -> Principal:
    """Who makes a request; on a pipe there is none, and one person."""
    return ONE_PERSON if request is None else request.scope[PRINCIPAL]


@contextmanager
def called_by(principal: Principal, request: Request | None) -> Generator[None]:
    """Whatever is done inside is done for `principal`, as `request` asked, if there is one."""
    begun, brought = _calling.set(principal), _request.set(request)
    try:
        yield
    finally:
        _calling.reset(begun)
        _request.reset(brought)


@dataclass(frozen=True)
class Callers:
    """Gives each call the service of the principal who makes it.

    As middleware of the protocol's server it is entered for every message, with the http request that brought this very
    one: the handlers of a session run in a task that another request may have begun.

    Args:
        anybody: A service of the engine, for whomever.
    """

    anybody: Service
    waiting: Counter[str] = field(default_factory=Counter[str])

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        principal = principal_of(ctx.request)
        with called_by(principal, ctx.request):
            with protocol_errors():
                require(principal, of_method(ctx.method))
            alone = principal == ONE_PERSON or ctx.method not in _WAITING
            with about(principal=principal.name), nullcontext() if alone else self._room_for(principal):
                return await call_next(ctx)

    @contextmanager
    def _room_for(self, principal: Principal) -> Generator[None]:
        most = self.anybody.settings.waiting_calls_each
        if self.waiting[principal.name] >= most:
            raise MCPError(
                code=BUSY,
                message=f"rate_limited: {counted(most, 'open call', 'is', 'are')} yours. Next: wait for an answer.",
            )
        self.waiting[principal.name] += 1
        try:
            yield
        finally:
            self.waiting[principal.name] -= 1
            if not self.waiting[principal.name]:
                del self.waiting[principal.name]

    @property
    def principal(self) -> Principal:
        """Who makes the call that is being carried out. Raises LookupError outside of one."""
        return calling()

    @property
    def service(self) -> Service:
        """That of the call that is being carried out. Raises LookupError outside of one."""
        return self._of(self.principal)

    @property
    def base_url(self) -> str | None:
        """Where the caller reaches this server; None on a pipe."""
        request = _request.get()
        return None if request is None else self.anybody.settings.public_url or str(request.base_url)

    def of(self, request: Request) -> Service:
        """That of a request which is no call of the protocol."""
        return self._of(principal_of(request))

    @cached_property
    def _of(self) -> Callable[[Principal], Service]:
        return lru_cache(VIEWS_KEPT)(self.anybody.of)
