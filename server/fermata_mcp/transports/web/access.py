"""Who may come in: whom a request's bearer token names, and whether that is still so while it is being answered."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
from mcp.types import INVALID_REQUEST
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import ONE_PERSON, SCOPES, Principal
from fermata_mcp.domain.access.token import MOST_CHARACTERS, hash_of
from fermata_mcp.domain.errors import FermataError, ProviderUnavailable, StoreUnavailable, UnexpectedResponse
from fermata_mcp.engine.callers.token_book import TokenBook
from fermata_mcp.transports.messages import refusal
from fermata_mcp.transports.refusals import Refused

from .issuer import Issuer
from .oauth import SCOPE_PREFIX, Granted, NotGood, OAuth, is_granted, scope_names

# Streams stay open for hours; whoever is let in no more is cut off within this.
LOOK_AGAIN_SECONDS = 2.0
GRANT_SECONDS = 2.5
MOST_REMEMBERED = 4096
# Where a browser keeps the token of whoever signed in on the page; scripts cannot read it.
COOKIE = "fermata_token"
WELL_KNOWN = "/.well-known/oauth-protected-resource"
logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Visit:
    """A request that is being answered."""

    token: str
    principal: Principal
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


@dataclass(frozen=True)
class StepUp:
    """See `Challenge`."""

    principal: Principal
    made: Callable[[str, str], dict[str, str]]

    @property
    def can_ask(self) -> bool:
        return is_granted(self.principal)

    def header(self, scope: str) -> str:
        """Names also what the token gives already, so that nothing is lost by asking anew."""
        wanted = [SCOPE_PREFIX + one for one in SCOPES if one == scope or one in self.principal.scopes]
        said = f"this needs the scope {scope}, which the token does not give"
        return self.made(said, " ".join(wanted))["www-authenticate"]


class Access:
    """Lets in whom a token of the book or of the issuer names. Without `book` there is one person, and no token."""

    def __init__(self, settings: Settings, book: TokenBook | None) -> None:
        self._book = book
        self._oauth = OAuth(settings, Issuer(settings)) if settings.oauth_issuer else None
        self._public_url = settings.public_url
        self._granted: OrderedDict[str, tuple[float, Granted]] = OrderedDict()
        self._visits: set[_Visit] = set()

    @property
    def is_open(self) -> bool:
        """Whether nobody has to say who they are."""
        return self._book is None

    async def principal_of(self, headers: Headers, path: str) -> tuple[str, Principal]:
        """The token of a request, and whom it names.

        Raises:
            Refused: Nobody, or it cannot be found out now.
        """
        if self._book is None:
            return "", ONE_PERSON
        token = _bearer(headers) if "authorization" in headers else _cookie(headers)
        if token is None:
            said = (
                "say who you are: send the header `Authorization: Bearer <token>`. Next: ask the operator for a token"
            )
            raise _refused(401, said, self._challenge(path))
        try:
            return token, await self._named(token)
        except NotGood as error:
            said = f"the token {error}"
            raise _refused(401, said, self._challenge(path, "invalid_token", said)) from None
        except (StoreUnavailable, ProviderUnavailable, UnexpectedResponse) as error:
            logger.warning("a token cannot be checked: %s", error.message)
            said = "tokens cannot be checked just now. Next: try again soon"
            raise _refused(503, said, {"retry-after": "5"}) from None

    async def _named(self, token: str) -> Principal:
        assert self._book is not None
        principal = await self._book.principal_of(token)
        if principal is not None:
            return principal
        if self._oauth is None:
            raise NotGood("is unknown here, or was revoked")
        hash_, now = hash_of(token), time.monotonic()
        until, granted = self._granted.get(hash_, (0.0, None))
        if granted is None or until < now or granted.until < time.time():
            granted = await self._oauth.granted(token)
            self._granted[hash_] = now + GRANT_SECONDS, granted
            self._granted.move_to_end(hash_)
            if len(self._granted) > MOST_REMEMBERED:
                self._granted.popitem(last=False)
        return granted.principal

    def challenge(self, path: str, principal: Principal) -> StepUp | None:
        """How they are told of a scope that their token does not give; None where there are no tokens."""
        return None if self.is_open else StepUp(principal, partial(self._challenge, path, "insufficient_scope"))

    def _challenge(self, path: str, error: str = "", said: str = "", scope: str = "") -> dict[str, str]:
        parts = [f'error="{error}", error_description="{said}"'] if error else []
        if self._oauth is not None:
            wanted = scope or " ".join(scope_names()[:-1])  # nobody needs to be the operator
            parts.append(f'resource_metadata="{self._public_url}{WELL_KNOWN}{path if path in DOORS else ""}"')
            parts.append(f'scope="{wanted}"')
        return {"www-authenticate": "Bearer " + ", ".join(parts or ['realm="fermata"'])}

    @contextmanager
    def visit(self, token: str, principal: Principal) -> Generator[anyio.CancelScope]:
        """A request is being answered inside; it ends when its token is good no more."""
        visit = _Visit(token, principal)
        if self._book is not None:
            self._visits.add(visit)
        try:
            with visit.scope as scope:
                yield scope
        finally:
            self._visits.discard(visit)

    async def watch(self) -> None:
        """Look again and again whether those who are inside may still be."""
        while not self.is_open:
            await anyio.sleep(LOOK_AGAIN_SECONDS)
            inside = {(visit.token, visit.principal) for visit in self._visits}
            gone = {(token, principal) for token, principal in inside if not await self._still(token, principal)}
            for visit in [visit for visit in self._visits if (visit.token, visit.principal) in gone]:
                visit.scope.cancel()

    async def _still(self, token: str, principal: Principal) -> bool:
        try:
            return await self._named(token) == principal
        except NotGood:
            return False
        except FermataError:
            return True  # nobody knows now; it is looked at again


# What a client may be given as the address of this server.
DOORS = ("/mcp", "/sse")


def _refused(status: int, words: str, headers: dict[str, str]) -> Refused:
    return Refused(status, refusal(INVALID_REQUEST, words), headers=headers)


def _cookie(headers: Headers) -> str | None:
    token = cookie_parser("; ".join(headers.getlist("cookie"))).get(COOKIE, "")
    return token if 0 < len(token) <= MOST_CHARACTERS else None


def _bearer(headers: Headers) -> str | None:
    given = headers.getlist("authorization")
    kind, _, token = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
    token = token.strip()
    return token if kind.lower() == "bearer" and 0 < len(token) <= MOST_CHARACTERS else None
