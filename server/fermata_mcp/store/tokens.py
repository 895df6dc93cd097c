"""What a database keeps of bearer tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fermata_mcp.domain.access.principal import SCOPES
from fermata_mcp.domain.access.token import Token


class Tokens(Protocol):
    async def add_token(self, token: Token) -> bool:
        """Keep it; False where its name is in use."""
        ...

    async def token_of_hash(self, hash_: str) -> Token | None:
        """The token whose hash this is. Raises StoreUnavailable."""
        ...

    async def tokens(self) -> list[Token]:
        """Every token that is good, by its name."""
        ...

    async def revoke_token(self, name: str) -> bool:
        """Let nobody in by it any more; False where there is none. Its caps hold on for what was begun with it."""
        ...

    async def caps_of(self, principal: str) -> tuple[int | None, int | None]:
        """Milli-credits that a token's holder may spend in a day and in a month; None for what is said of everyone."""
        ...


def token_from(row: Sequence[Any]) -> Token:
    """A token from a row; scopes that this version does not know give nothing."""
    name, hash_, scopes, day, month, at = row
    held = set(scopes.split(","))
    return Token(name, hash_, tuple(scope for scope in SCOPES if scope in held), day, month, at)
