"""Who a bearer token names: those of the settings, and those that were given out."""

from __future__ import annotations

from collections import OrderedDict
from hmac import compare_digest

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import Principal, Scope
from fermata_mcp.domain.access.token import Token, hash_of, named_tokens
from fermata_mcp.engine.clock import Clock
from fermata_mcp.store.base import Store

# How long a token that was revoked elsewhere may still be taken for good.
REMEMBERED_SECONDS = 2.0
MOST_REMEMBERED = 4096
# Who set the variables runs the server, and acts as its operator on the machine itself.
SCOPES_OF_SETTINGS: frozenset[Scope] = frozenset(("read", "extend", "spend"))


class TokenBook:
    """Looks tokens up by their hash: what the time of a look-up tells, it tells of the hash."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._issuer = settings.oauth_issuer
        written = settings.auth_tokens.get_secret_value() if settings.auth_tokens else ""
        self._settled = {name: hash_of(token) for name, token in named_tokens(written).items()}
        self._seen: OrderedDict[str, tuple[float, Token | None]] = OrderedDict()

    @property
    def named_in_settings(self) -> bool:
        """Whether the settings alone say who may come in."""
        return bool(self._settled or self._issuer)

    async def in_use(self) -> bool:
        """Whether anybody is named by a token, here or at an issuer: then nobody comes in without one."""
        return self.named_in_settings or bool(await self._store.tokens())

    async def doubles(self) -> list[str]:
        """Names that the settings give as well as `token add`: those of the settings count. Raises StoreUnavailable."""
        return [token.name for token in await self._store.tokens() if token.name in self._settled]

    async def principal_of(self, token: str) -> Principal | None:
        """Whom it names, if anybody. Raises StoreUnavailable."""
        hash_ = hash_of(token)
        named: Principal | None = None
        for name, settled in self._settled.items():  # all of them, so that the time tells nothing
            if compare_digest(settled, hash_):
                named = Principal(name, SCOPES_OF_SETTINGS)
        if named is not None:
            return named
        given = await self._given_out(hash_)
        if given is None or not compare_digest(given.hash, hash_) or given.name in self._settled:
            return None
        return Principal(given.name, frozenset(given.scopes))

    async def _given_out(self, hash_: str) -> Token | None:
        now = self._clock.monotonic()
        until, token = self._seen.get(hash_, (0.0, None))
        if until > now:
            return token
        token = await self._store.token_of_hash(hash_)
        self._seen[hash_] = now + REMEMBERED_SECONDS, token
        self._seen.move_to_end(hash_)
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return token
