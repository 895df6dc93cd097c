"""Values, texts and damage to bytes that nobody sends in good faith; the same for the same dice."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, cast

# What Python cannot write as JSON: a text that stands for it, and what stands there instead.
_MARK = "\ue000"
_RAW = {
    f"{_MARK}nines": "9" * 5000,
    f"{_MARK}infinite": "-1e999",
    f"{_MARK}deep": "[" * 3000 + "]" * 3000,
    f"{_MARK}deeper": '{"a":' * 900 + "1" + "}" * 900,
    f"{_MARK}half": '"\\ud83d"',
}
TEXTS = (
    "", " ", "\t\n", "\0", "a\0b", "null", "NaN", "0", "-1", "1e5", "true", "[]", "{}", "a" * 999, "\u202egnp.wav",
    "\u200b" * 40, "\U000e0041\U000e0042", "e" + "\u0301" * 300, "\U0001f3b5", "\ufeff", "\u2028", "\ud800", "\udcff",
    "'; DROP TABLE task; --", "%s%n%x", "{0.__class__}", "../" * 40, "<img src=x>", "![a](https://a.example)",
    "\r\nset-cookie: a=b", "\x1b[2J", "\x85", "local", "sunoapi", "kie", "tsk_", "clip:", "auto", "m", "check",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -0.0, 1, -1, 2, 0.5, 99, 100, 101, 255, 2**31, -(2**31), 2**53 + 1, 2**63, -(2**63), 2**64, 10**30, 10**400,
    1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
NOTHING: tuple[Any, ...] = (None, "", [], {}, " ", [None], [""], {"": None}, False)


def wild(dice: Random, depth: int = 0) -> Any:
    """Any JSON value, and some that JSON does not know."""
    if dice.random() < 0.02:
        return _raw(dice, depth)
    kinds = (_nothing, _number, wild_text, _list, _object)
    return dice.choice(kinds if depth < 4 else kinds[:3])(dice, depth)


def _nothing(dice: Random, _: int) -> Any:
    return dice.choice(NOTHING)


def _number(dice: Random, _: int) -> Any:
    return dice.choice(NUMBERS) if dice.random() < 0.7 else dice.uniform(-1e6, 1e6)


def wild_text(dice: Random, _: int = 0) -> str:
    how = dice.random()
    if how < 0.7:
        return dice.choice(TEXTS)
    if how < 0.99:
        return "".join(chr(dice.choice((dice.randrange(0x20), dice.randrange(0x3000)))) for _ in range(8))
    return dice.choice(("x", "\u00e9", "\\", '"')) * dice.choice((1001, 20_001, 100_000, 300_000))


def _raw(dice: Random, _: int) -> str:
    return dice.choice(tuple(_RAW))


def _list(dice: Random, depth: int) -> Any:
    return [wild(dice, depth + 1) for _ in range(dice.choice((0, 1, 3, 120)[: 4 - min(depth, 2)]))]


def _object(dice: Random, depth: int) -> Any:
    return {wild_text(dice)[:50]: wild(dice, depth + 1) for _ in range(dice.choice((0, 1, 3)))}


def written(message: Any, dice: Random) -> bytes:
    """The message as JSON, in one of the ways to write it."""
    narrow = dice.random() < 0.5
    text = json.dumps(message, ensure_ascii=narrow, separators=dice.choice(((",", ":"), (", ", ": "))))
    if _MARK in text or "\\ue000" in text:
        for mark, raw in _RAW.items():
            text = text.replace(json.dumps(mark, ensure_ascii=narrow), raw)
    return text.encode(errors="surrogatepass")


# --- damage to bytes --------------------------------------------------------------------------------------------------


def damaged(data: bytes, dice: Random) -> bytes:
    """`data` with one to three kinds of damage."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        dice.choice(_DAMAGE)(found, dice)
    return bytes(found)


def _place(data: bytearray, dice: Random) -> int:
    """Anywhere, or where its envelope is."""
    near = min(len(data), 60) if dice.random() < 0.3 else len(data)
    return dice.randrange(near) if near else 0


def _flip(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at : at + 1] = bytes([dice.randrange(256)])


def _cut(data: bytearray, dice: Random) -> None:
    del data[_place(data, dice) :]


def _drop(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    del data[at : at + dice.choice((1, 1, 2, 20))]


def _double(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at:at] = data[at : at + dice.choice((1, 5, 60))]


def _twice(data: bytearray, _: Random) -> None:
    data += bytes(data)


def _insert(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at:at] = dice.choice((
        b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\r", b"\n", b"\r\n", b"\xff", b"\xc3", b"\x80",
        b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\\u", b"\\ud800", b"//", b"NaN", b"9" * 400,
    ))  # fmt: skip


def _mark(data: bytearray, _: Random) -> None:
    data[0:0] = b"\xef\xbb\xbf"


def _line_end(data: bytearray, _: Random) -> None:
    data += b"\r"


def _batch(data: bytearray, dice: Random) -> None:
    data[:] = b"[" + b",".join([bytes(data)] * dice.choice((1, 2, 5))) + b"]"


def _wide(data: bytearray, _: Random) -> None:
    """As another program writes text: two bytes a character."""
    data[:] = bytes(data).decode(errors="replace").encode("utf-16")


_DAMAGE = cast(
    tuple[Callable[[bytearray, Random], None], ...],
    (_flip, _flip, _flip, _cut, _cut, _drop, _double, _twice, _insert, _insert, _mark, _line_end, _batch, _wide),
)
