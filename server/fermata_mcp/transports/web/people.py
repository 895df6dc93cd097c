"""The door for people: the page at `/`, and who has signed in there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from fermata_mcp.domain.principal import ONE_PERSON, SCOPES
from fermata_mcp.surface.callers import principal_of
from fermata_mcp.surface.home.page import HOME_PAGE
from fermata_mcp.surface.player.routes import Endpoint

SESSION_PATH = "/session"
_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@dataclass(frozen=True)
class People:
    """What the routes work with.

    Args:
        reaches: Origins beside this server that uploads go to.
    """

    reaches: Sequence[str] = ()

    def page(self, guarded: Callable[[Endpoint], Endpoint]) -> list[Route]:
        """The page itself, which tells nothing of anybody; `guarded` refuses requests for another host."""
        return [Route("/", guarded(self._page), methods=["GET"])]

    def session(self, guarded: Callable[[Endpoint], Endpoint]) -> list[Route]:
        """What only those reach who are known."""
        return [Route(SESSION_PATH, guarded(self._session), methods=["GET"])]

    async def _page(self, _: Request) -> Response:
        policy = HOME_PAGE.policy(reaches=self.reaches)
        return HTMLResponse(HOME_PAGE.text, headers=_PRIVATE | {"content-security-policy": policy})

    async def _session(self, request: Request) -> Response:
        who = principal_of(request)
        may = [scope for scope in SCOPES if who.may(scope)]
        return JSONResponse({"name": who.name, "signed_in": who != ONE_PERSON, "scopes": may}, headers=_PRIVATE)
