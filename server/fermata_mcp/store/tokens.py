"""What a database keeps of bearer tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fermata_mcp.domain.access.principal import SCOPES
from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.credits import Unit


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

    async def caps_of(self, principal: str, unit: Unit) -> tuple[int | None, int | None]:
        """What a token's holder may spend in a day and in a month, in parts; None for what is said of everyone."""
        ...


def token_from(row: Sequence[Any]) -> Token:
    """A token from a row; scopes that this version does not know give nothing."""
    name, hash_, scopes, day, month, at, day_usd, month_usd = row
    held = set(scopes.split(","))
    return Token(name, hash_, tuple(scope for scope in SCOPES if scope in held), day, month, at, day_usd, month_usd)


# In the order in which `token_from` takes them.
TOKEN_COLUMNS = ("name", "hash", "scopes", "day_cap", "month_cap", "created_at", "day_cap_usd", "month_cap_usd")
CAP_COLUMNS: dict[Unit, str] = {"credits": "day_cap, month_cap", "usd": "day_cap_usd, month_cap_usd"}


def token_row(token: Token) -> tuple[Any, ...]:
    """The columns of a new token."""
    return tuple(",".join(token.scopes) if name == "scopes" else getattr(token, name) for name in TOKEN_COLUMNS)
