"""The door for people: the page at `/`, and who has signed in there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from fermata_mcp.domain.access.principal import SCOPES
from fermata_mcp.domain.foreign.address import is_this_machine
from fermata_mcp.surface.access.callers import principal_of
from fermata_mcp.surface.home.page import HOME_PAGE
from fermata_mcp.surface.player.routes import Endpoint
from fermata_mcp.transports.guard import Bodies
from fermata_mcp.transports.refusals import Refused, refused

from .access import COOKIE, Access

SESSION_PATH = "/session"
# A working day; whoever closes the browser in between stays signed in.
SIGNED_IN_SECONDS = 12 * 3600
_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@dataclass(frozen=True)
class People:
    """What the routes work with.

    Args:
        guarded: Refuses requests for another host, or from another site.
        public_url: Where people reach this server, if that is known.
    """

    access: Access
    bodies: Bodies
    guarded: Callable[[Endpoint], Endpoint]
    public_url: str | None

    def open_routes(self) -> list[Route]:
        """The page, which tells nothing of anybody, and signing in and out."""
        return [
            Route("/", self.guarded(self._page), methods=["GET"]),
            Route(SESSION_PATH, self.guarded(self._sign_in), methods=["POST"]),
            Route(SESSION_PATH, self.guarded(self._sign_out), methods=["DELETE"]),
        ]

    def known_routes(self) -> list[Route]:
        """Who is signed in."""
        return [Route(SESSION_PATH, self.guarded(self._session), methods=["GET"])]

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(HOME_PAGE.text, headers=_PRIVATE | {"content-security-policy": HOME_PAGE.policy()})

    async def _session(self, request: Request) -> Response:
        who = principal_of(request)
        may = [scope for scope in SCOPES if who.may(scope)]
        told = {"name": who.name, "signed_in": not self.access.is_open, "scopes": may}
        return JSONResponse(told, headers=_PRIVATE)

    async def _sign_in(self, request: Request) -> Response:
        """Keeps the token where no script can read it, and no other site can have it sent."""
        try:
            token = _token_in(await self.bodies.read(request.headers, request.receive))
            _, who = await self.access.principal_of(Headers({"authorization": f"Bearer {token}"}), SESSION_PATH)
        except Refused as refusal:
            return refusal.response
        answer = JSONResponse({"name": who.name}, headers=_PRIVATE)
        answer.set_cookie(
            COOKIE, token, SIGNED_IN_SECONDS, httponly=True, samesite="strict", secure=self._over_tls(request)
        )
        return answer

    async def _sign_out(self, request: Request) -> Response:
        answer = JSONResponse({}, headers=_PRIVATE)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._over_tls(request))
        return answer

    def _over_tls(self, request: Request) -> bool:
        """Whether the browser came to the public address, in front of which a proxy speaks TLS."""
        return (self.public_url or "").startswith("https://") and not is_this_machine(request.url.hostname or "")


def _token_in(body: bytes | None) -> str:
    try:
        token = json.loads(body or b"")["token"]
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise refused(400, 'send {"token": "..."}')
    return token
