"""Bearer tokens: what one looks like, who may be named by one, and what is kept of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from fermata_mcp.domain.access.principal import ONE_PERSON, SCOPES, Scope
from fermata_mcp.domain.errors import InvalidRequest

PREFIX = "fmt_"
RANDOM_BYTES = 32
# What people make up for FERMATA_AUTH_TOKENS: below the first nobody is let in by it, below the second the log warns.
LEAST_CHARACTERS, LEAST_DIFFERENT, GOOD_CHARACTERS = 8, 5, 32
MOST_CHARACTERS = 4096
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
_WRITTEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True)
class Token:
    """A token that was given out, without itself.

    Attributes:
        hash: SHA-256 in hex. No slow hash: 256 random bits cannot be tried out, and each request has one to check.
        day_cap, month_cap: Milli-credits; None for what the settings say of everyone.
        day_cap_usd, month_cap_usd: The same for what is paid in dollars, in millionths.
        created_at: Unix milliseconds.
    """

    name: str
    hash: str
    scopes: tuple[Scope, ...]
    day_cap: int | None
    month_cap: int | None
    created_at: int
    day_cap_usd: int | None = None
    month_cap_usd: int | None = None


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def checked_name(name: str) -> str:
    """The name, if a principal may have it. Raises InvalidRequest."""
    if name == ONE_PERSON.name:
        raise InvalidRequest(f"{name!r} is what stdio and the command line act as.", "choose another name.")
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r:.80} cannot name a principal.",
            "use 1 to 63 of a-z, 0-9, dot, dash, underscore and @, beginning with a letter or digit.",
        )
    return name


def checked_scopes(written: str) -> tuple[Scope, ...]:
    """Scopes of a list with commas, in their usual order. Raises InvalidRequest."""
    wanted = {part.strip() for part in written.split(",") if part.strip()}
    if unknown := sorted(wanted - set(SCOPES)) or (not wanted and [written]):
        raise InvalidRequest(f"there is no scope {unknown[0]!r:.40}.", f"use {', '.join(SCOPES)}, with commas between.")
    return tuple(scope for scope in SCOPES if scope in wanted)


def weakness(token: str) -> str | None:
    """Why somebody may not be let in by a token that a person made up; None where nothing is wrong with it."""
    if not _WRITTEN.fullmatch(token):
        return "has characters that no bearer token may have"
    if not LEAST_CHARACTERS <= len(token) <= MOST_CHARACTERS:
        return f"must have {LEAST_CHARACTERS} characters or more"
    if len(set(token)) < LEAST_DIFFERENT:
        return f"must have {LEAST_DIFFERENT} different characters or more"
    return None


def named_tokens(written: str) -> dict[str, str]:
    """Tokens of `name:token,…` by the name. Raises ValueError with words that hold no token."""
    found: dict[str, str] = {}
    for number, part in enumerate((part.strip() for part in written.split(",") if part.strip()), 1):
        name, colon, token = part.partition(":")
        try:
            checked_name(name if colon else "")
        except InvalidRequest:
            raise ValueError(f"has no usable name before the colon of entry {number}") from None
        if problem := weakness(token):
            raise ValueError(f"has a token for {name} that {problem}")
        if name in found or token in found.values():
            raise ValueError(f"has {name} or its token twice")
        found[name] = token
    return found
