"""`fermata-mcp token`: who may call a server over http."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from fermata_mcp.app import open_store, read_settings
from fermata_mcp.cli.exit_codes import DONE
from fermata_mcp.cli.presenting.terminal import Out
from fermata_mcp.cli.streams import json_text
from fermata_mcp.config import Settings
from fermata_mcp.domain.access.token import (
    PREFIX,
    RANDOM_BYTES,
    Token,
    checked_name,
    checked_scopes,
    hash_of,
    named_tokens,
)
from fermata_mcp.domain.credits import UNITS, Unit, amount_of, bare, parts_of
from fermata_mcp.domain.errors import InvalidRequest, NotFound
from fermata_mcp.store.base import Store

Args = dict[str, Any]
_PERIODS = ("day", "month")


async def tokens(args: Args) -> int:
    """Add, list or revoke. Raises FermataError."""
    settings = read_settings()
    store = open_store(settings)
    await store.open()
    try:
        match args["action"]:
            case "add":
                return await _add(store, settings, args)
            case "revoke":
                return await _revoke(store, settings, args)
            case _:
                return await _list(store, settings, args)
    finally:
        await store.close()


async def _add(store: Store, settings: Settings, args: Args) -> int:
    name, scopes = checked_name(args["name"]), checked_scopes(args["scopes"])
    if name in _of_settings(settings):
        raise InvalidRequest(
            f"{name} is named by FERMATA_AUTH_TOKENS already.", "choose another name, or remove it there."
        )
    plain = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    credits, dollars = _caps(args, "credits"), _caps(args, "usd")
    token = Token(name, hash_of(plain), scopes, *credits, int(time.time() * 1000), *dollars)
    if not await store.add_token(token):
        raise InvalidRequest(f"{name} has a token.", f"revoke it first (fermata-mcp token revoke {name}).")
    earlier = bool((await store.page(principal=name, status=None, provider=None, limit=1, cursor=None)).tasks)
    if args["json"]:
        _print(json_text(_facts(token) | {"token": plain, "has_tasks": earlier}))
        return DONE
    _print(plain)
    _say(f"This is the token of {name} ({', '.join(scopes)}); it is not shown again. A server that began without any")
    _say("token asks for one once it is started anew; others know it at once.")
    if earlier:
        _say(f"There are tasks of {name}: whoever has this token sees them.")
    return DONE


async def _list(store: Store, settings: Settings, args: Args) -> int:
    facts = [_facts(token) for token in await store.tokens()]
    named = _of_settings(settings)
    if args["json"]:
        _print(json_text({"tokens": facts, "in_settings": named}))
        return DONE
    for one in facts:
        caps = "".join(f", {cap}" for cap in _caps_in_words(one))
        _print(f"{one['name']}  {','.join(one['scopes'])}{caps}  since {one['created_at']}")
    for name in named:
        _print(f"{name}  read,extend,spend  (FERMATA_AUTH_TOKENS)")
    if not facts and not named:
        _say("Nobody has a token. Next: fermata-mcp token add NAME")
    return DONE


async def _revoke(store: Store, settings: Settings, args: Args) -> int:
    name = args["name"]
    if not await store.revoke_token(name):
        elsewhere = name in _of_settings(settings)
        hint = "remove it from FERMATA_AUTH_TOKENS." if elsewhere else "see who has one with `fermata-mcp token list`."
        raise NotFound(f"{name!r:.80} has no token here.", hint)
    if args["json"]:
        _print(json_text({"name": name, "revoked": True}))
    else:
        _print(f"The token of {name} is good no more, everywhere within 5 seconds. Their tasks stay, and go on.")
    return DONE


def _of_settings(settings: Settings) -> list[str]:
    return [*named_tokens(settings.auth_tokens.get_secret_value())] if settings.auth_tokens else []


def _facts(token: Token) -> Args:
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "max_credits_per_day": _amount(token.day_cap, "credits"),
        "max_credits_per_month": _amount(token.month_cap, "credits"),
        "max_usd_per_day": _amount(token.day_cap_usd, "usd"),
        "max_usd_per_month": _amount(token.month_cap_usd, "usd"),
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(token.created_at / 1000)),
    }


def _caps(args: Args, unit: Unit) -> tuple[int | None, int | None]:
    """Of a day and of a month, in parts."""
    day, month = args[f"max_{unit}_per_day"], args[f"max_{unit}_per_month"]
    return None if day is None else parts_of(day, unit), None if month is None else parts_of(month, unit)


def _amount(parts: int | None, unit: Unit) -> float | None:
    return None if parts is None else amount_of(parts, unit)


def _caps_in_words(facts: Args) -> Iterator[str]:
    for unit in UNITS:
        for period in _PERIODS:
            most = facts[f"max_{unit}_per_{period}"]
            if most is not None:
                yield f"{bare(most, unit)} a {period}"


def _print(line: str) -> None:
    Out().print(Text(line, overflow="ignore", no_wrap=True))


def _say(line: str) -> None:
    print(line, file=sys.stderr)
