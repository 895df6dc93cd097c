"""Who makes an http request: found out before anything else looks at it, and put into its scope."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fermata_mcp.config import Settings
from fermata_mcp.surface.access.callers import CHALLENGE, PRINCIPAL
from fermata_mcp.surface.access.permissions import of_route
from fermata_mcp.transports.refusals import Refused, check_scope, too_many

from .access import DOORS, WELL_KNOWN, Access
from .limits import Rate
from .oauth import scope_names

PUBLIC = {"access-control-allow-origin": "*", "cache-control": "max-age=300"}


class Identified:
    """An app whose requests all say whose they are; others are answered here."""

    def __init__(self, app: ASGIApp, access: Access, rate: Rate) -> None:
        self._app = app
        self._access = access
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        try:
            token, principal = await self._access.principal_of(Headers(scope=scope), scope["path"])
            challenge = self._access.challenge(scope["path"], principal)
            known = {**scope, PRINCIPAL: principal, CHALLENGE: challenge}
            check_scope(known, of_route(scope["method"], scope["path"]), always=True)
            wait = 0 if self._access.is_open else self._rate.take(principal.name)
            if wait:
                raise too_many("too many requests in a minute", wait)
        except Refused as refusal:
            await refusal.response(scope, receive, send)
            return
        with self._access.visit(token, principal) as visit:
            await self._app(known, receive, answer)
        if visit.cancelled_caught:
            await answer.end()


class _Answer:
    """What is sent; it can be ended in order, wherever it was."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = self._over = False

    async def __call__(self, part: Message) -> None:
        self._begun = True
        self._over = part["type"] == "http.response.body" and not part.get("more_body", False)
        await self._send(part)

    async def end(self) -> None:
        if not self._begun:
            await self._send({"type": "http.response.start", "status": 401, "headers": [(b"connection", b"close")]})
        if not self._over:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def identified(route: Route, access: Access, rate: Rate) -> Route:
    """The route, for callers who are known."""
    route.app = Identified(route.app, access, rate)
    return route


def metadata_routes(settings: Settings) -> list[Route]:
    """Where clients learn which authorization server to ask for a token (RFC 9728); none without an issuer."""
    if settings.oauth_issuer is None or settings.public_url is None:
        return []
    told = {
        "authorization_servers": [settings.oauth_issuer],
        "scopes_supported": scope_names(),
        "bearer_methods_supported": ["header"],
        "resource_name": "Fermata",
    }

    def route(door: str) -> Route:
        async def metadata(request: Request) -> Response:
            return JSONResponse({"resource": f"{settings.public_url}{door}"} | told, headers=PUBLIC)

        return Route(WELL_KNOWN + door, metadata, methods=["GET"])

    return [route(door) for door in ("", *DOORS)]
