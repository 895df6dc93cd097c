"""Requests that are wrong as http, around messages that may be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from .messages import Said
from .wire import request

HEADERS: tuple[tuple[str, str], ...] = (
    ("accept", ""), ("accept", "*/*"), ("accept", "text/html"), ("accept", "application/json"), ("accept", ";q=,"),
    ("content-type", "text/plain"), ("content-type", ""), ("content-type", "application/json; charset=utf-7"),
    ("content-type", "multipart/form-data"), ("content-encoding", "gzip"), ("expect", "100-continue"),
    ("host", ""), ("host", "music.example"), ("host", "127.0.0.1:80:80"), ("host", "a" * 3000),
    ("origin", "null"), ("origin", "https://music.example"), ("origin", "http://127.0.0.1"), ("origin", "\xff"),
    ("mcp-session-id", ""), ("mcp-session-id", "0" * 32), ("mcp-session-id", "\xe9"), ("mcp-session-id", "a" * 9000),
    ("mcp-protocol-version", "1999-01-01"), ("mcp-protocol-version", ""), ("mcp-protocol-version", "2026-07-28"),
    ("mcp-protocol-version", "2025-06-18"), ("mcp-protocol-version", "\xff"), ("mcp-method", "ping"),
    ("mcp-method", "tools/call"), ("mcp-name", "=?base64?!!!?="), ("mcp-name", "=?base64?/w==?="),
    ("connection", "close"), ("connection", "upgrade"), ("upgrade", "h2c"), ("x", "y" * 40_000), ("last-event-id", "x"),
    ("authorization", "Bearer x"), ("forwarded", "for=1.1.1.1"), ("x-forwarded-host", "music.example"),
)  # fmt: skip
PATHS = (
    "/", "/mcp/", "/mcp?x=1", "/MCP", "//mcp", "/mcp/../healthz", "/%2e%2e/etc/passwd", "/healthz", "/messages/",
    "/messages/?session_id=0", "/messages/?session_id=%00", "/" + "a" * 5000, "/%ff", "*", "http://a.example/mcp",
)  # fmt: skip
METHODS = ("GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "POST", "PROPFIND")


@dataclass(frozen=True)
class Odd:
    """Bytes to send. `apart`: on a connection of their own, since the server may close it, or wait for the rest."""

    kind: str
    data: bytes
    apart: bool = True
    cut: bool = False
    head_only: bool = False


def odd(said: Said, headers: Mapping[str, str], dice: Random) -> Odd:
    (make,) = dice.choices((_wrong_head, _elsewhere, _half, _stream, _no_session, _chunked), (8, 3, 5, 1, 1, 2))
    return make(said, dict(headers), dice)


def _wrong_head(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    headers |= dict(dice.sample(HEADERS, dice.choice((1, 1, 2, 4))))
    if dice.random() < 0.2:
        del headers[dice.choice(tuple(headers))]
    return Odd("a wrong head", request(said.data, headers))


def _elsewhere(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    method = dice.choice(METHODS)
    path = dice.choice(PATHS) if method == "POST" or dice.random() < 0.5 else "/mcp"
    streams = method in ("GET", "HEAD")
    data = request(b"" if streams else said.data, headers, method=method, path=path)
    return Odd("another method or path", data, head_only=streams)


def _half(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    """A request that is cut, or longer or shorter than it says."""
    whole = request(said.data, headers)
    body, length = said.data, len(said.data)
    how = dice.randrange(6)
    if how == 0:
        whole = whole[: dice.randrange(1, len(whole) + 1)]
    elif how == 1:
        whole = request(body, headers | {"content-length": str(length + dice.choice((1, 1000, 10**12)))})
    elif how == 2:
        whole = request(body, headers | {"content-length": str(dice.choice((0, length // 2)))})
    elif how == 3:
        whole = request(body, headers | {"content-length": dice.choice(("-1", "x", "1, 2", "9" * 400, ""))})
    elif how == 4:
        ending = dice.choice((b'5\r\n{"a"', b"ffffffffffff\r\nabc", b"-1\r\n", b"zz\r\n\r\n", b"0\r\n", b"3\r\nab"))
        whole = request(ending, headers | {"transfer-encoding": "chunked"})
    else:
        whole = dice.choice(
            (b"\0" * 50, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"POST /mcp HTTP/9.9\r\n\r\n", b"\r\n")
        )
    return Odd("half a request", whole, cut=True)


def _chunked(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    at = dice.randrange(len(said.data) + 1)
    parts = [part for part in (said.data[:at], said.data[at:]) if part]
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return Odd("a body in chunks", request(body, headers | {"transfer-encoding": "chunked"}))


def _stream(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    """A stream that is opened and left."""
    path = dice.choice(("/mcp", "/sse"))
    return Odd("a stream that is left", request(b"", headers, method="GET", path=path), head_only=True)


def _no_session(said: Said, headers: dict[str, str], dice: Random) -> Odd:
    headers.pop("mcp-session-id", None)
    return Odd("no session", request(said.data, headers))
