"""Who makes an http request: found out before anything else looks at it, and put into its scope."""

from __future__ import annotations

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fermata_mcp.domain.principal import ONE_PERSON
from fermata_mcp.surface.callers import PRINCIPAL


class Identified:
    """An app whose requests all say whose they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, PRINCIPAL: ONE_PERSON}, receive, send)


def identified(route: Route) -> Route:
    """The route, for callers who are known."""
    route.app = Identified(route.app)
    return route
