"""Text from outside: what cannot be seen goes, what a host would fetch or draw by itself is shown as plain words."""

from __future__ import annotations

import re
import unicodedata

# Longer than any real text, because invisible characters do not count; far shorter than what would cost time.
_LOOKED_AT = 16
# Ten marks over one letter are Vietnamese, Hebrew or Tibetan at their fullest; a hundred are a joke on the reader.
_MARKS_IN_A_ROW = 10
_BREAKS = {"Cc", "Zl", "Zp"}
_UNSEEN = {"Cf", "Cs", "Co", "Cn"}
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters, marks and symbols by their category, yet nothing is drawn for them.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Signs of Arabic and Kaithi numbers are drawn, although their category says format.
_DRAWN_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u0890\u0891\u08e2\U000110bd\U000110cd")
_NON_JOINER, _JOINER = "\u200c", "\u200d"
# Where joiners spell words: Arabic to N'Ko, the scripts of India to Sinhala, Myanmar, Khmer and Mongolian.
_JOINING = (
    (0x0600, 0x08FF),
    (0x0900, 0x0DFF),
    (0x1000, 0x109F),
    (0x1780, 0x18AF),
    (0xA840, 0xAADF),
    (0x11000, 0x1144F),
)
_IDEOGRAPHS = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_SPACES = re.compile(r"\s+")
_ASCII_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A blank in these places is all that ends an image, a link, a reference or a tag, and a person reads on.
_MARKUP = re.compile(r"!(?=\[)|\](?=[(\[:])|<(?=[A-Za-z/!?])")


def clean_text(text: str, limit: int = 200) -> str:
    """Foreign `text` as at most `limit` characters on one line, without anything invisible, and no working Markdown."""
    return _MARKUP.sub(lambda found: f"{found.group()} ", visible(text, limit))[:limit].rstrip()


def visible(text: str, limit: int = 200) -> str:
    """`text` on one line, cut to `limit` characters, all of which are drawn.

    Control characters and direction marks become blanks. Zero-width and tag characters, private and unassigned ones
    are left out. What spelling needs stays: joiners inside words of the scripts that use them and between emoji, one
    variation selector after a character that takes it.
    """
    if text.isascii():
        return _SPACES.sub(" ", _ASCII_CONTROL.sub(" ", text)).strip()[:limit]
    kept: list[str] = []
    looked_at = text[: limit * _LOOKED_AT + 1000]
    for place, char in enumerate(looked_at):
        kept.append(_seen(char, kept, looked_at[place + 1 : place + 2]))
    return _SPACES.sub(" ", "".join(kept)).strip()[:limit].rstrip(_NON_JOINER + _JOINER)


def _seen(char: str, before: list[str], after: str) -> str:
    """`char`, a blank, or nothing."""
    if char.isascii():
        return " " if ord(char) < 0x20 or char == "\x7f" else char
    category = unicodedata.category(char)
    if category in _BREAKS or char in _DIRECTION:
        return " "
    if category in _UNSEEN:
        return char if char in _DRAWN_FORMAT or _joins(char, before, after) else ""
    if char in _BLANK:
        return ""
    if category in ("Mn", "Me"):
        return char if _may_mark(char, before) else ""
    return char


def _joins(char: str, before: list[str], after: str) -> bool:
    """Whether a joiner is part of how a word or an emoji is written."""
    if char not in (_NON_JOINER, _JOINER) or not before or not before[-1] or not after:
        return False
    left = before[-1]
    if _in(left, _JOINING):
        return _in(after, _JOINING)
    return char == _JOINER and _emoji(left) and _emoji(after)


def _emoji(char: str) -> bool:
    return char == "\ufe0f" or unicodedata.category(char) == "So" or 0x1F3FB <= ord(char) <= 0x1F3FF


def _may_mark(char: str, before: list[str]) -> bool:
    if not before or not before[-1]:
        return False
    if _is_selector(char):
        return _takes_selector(before[-1], char)
    row = before[-_MARKS_IN_A_ROW:]
    return len(row) < _MARKS_IN_A_ROW or not all(one and unicodedata.category(one) in ("Mn", "Me") for one in row)


def _is_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180f"


def _takes_selector(base: str, selector: str) -> bool:
    if selector in "\u180b\u180c\u180d\u180f":
        return "\u1820" <= base <= "\u18aa"
    if selector in "\ufe0e\ufe0f":
        return base in "#*0123456789\u00a9\u00ae" or unicodedata.category(base) in ("So", "Sm", "Po")
    return _in(base, _IDEOGRAPHS)


def _in(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)
