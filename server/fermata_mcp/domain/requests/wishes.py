"""Wishes in free text that a provider without a composer can fulfil by an option: told with the exact call.

The words are those of requests in the languages that most people write in; a word that is missed costs a hint, and
nothing is ever done because of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fermata_mcp.domain.spec import ProviderSpec


@dataclass(frozen=True)
class Wish:
    """An option's value, and what people say who want it."""

    option: str
    value: str
    said: re.Pattern[str]


def _wish(option: str, value: str, *words: str) -> Wish:
    return Wish(option, value, re.compile("|".join(words), re.IGNORECASE))


WISHES = (
    _wish(
        "ending", "loop", r"\bloop", r"seamless", r"nahtlos", r"endlos", r"schleife", r"\bbucle", r"\bboucle",
        r"em loop", r"sin fin", r"ループ", r"循环", r"зациклен", r"цикл",
    ),
    _wish(
        "ending", "fade", r"\bfad(e|es|ing)\b", r"fade.?out",
        r"ausblend", r"\bblend\w*\b.*\baus\b", r"ausklingen", r"ausfad", r"fondu",
        r"desvan", r"atenua", r"sfum", r"dissolv", r"フェード", r"淡出", r"затух",
    ),
    _wish(
        "part", "intro", r"\bintro", r"einleitung", r"anfang", r"vorspiel", r"\bbeginning\b", r"\bstart\b", r"début",
        r"principio", r"\binício", r"\binizio", r"イントロ", r"前奏", r"вступлен",
    ),
    _wish(
        "part", "middle", r"\bmiddle\b", r"\bmitte\b",
        r"mittelteil", r"milieu", r"\bmedio\b", r"\bmitad\b", r"\bmeio\b",
    ),
    _wish("part", "outro", r"\boutro", r"\bcoda\b", r"schlussteil", r"abspann", r"アウトロ", r"尾奏"),
)  # fmt: skip


PASSAGE = re.compile(
    r"(?P<start>\d[\d:.]*)\s*(?:s|sec\w*|seconds)?\s*(?:[-\u2013\u2014]|to|until|bis|à|a|から)\s*(?P<stop>\d[\d:.]*\d|\d)",
    re.IGNORECASE,
)
# Understood, and of no option: what comes nearest is told.
REPEAT = re.compile(r"\brepeat|wiederhol|\brepet|\brepit|r[ée]p[éèê]t|ripet|繰り返|くり返|重复|повтор", re.IGNORECASE)


def wished(text: str, spec: ProviderSpec) -> dict[str, Any]:
    """The options of this provider that a text asks for, at most one value each; empty where it asks for none."""
    known: Mapping[str, tuple[str, ...]] = spec.options or {}
    found: dict[str, Any] = {}
    for wish in WISHES:
        if wish.value in known.get(wish.option, ()) and wish.said.search(text):
            found.setdefault(wish.option, wish.value)
    # A loop has no ending of its own to be reached by a part.
    return {"ending": "loop"} if found.get("ending") == "loop" else found


def wish_hint(text: str, spec: ProviderSpec) -> str | None:
    """The call that does what the text asks for; None where no option of this provider does."""
    options = wished(text, spec)
    if not options:
        return _nearest(text, spec)
    return f"call again without prompt and with options {json.dumps(options)}: that does what the prompt asks for"


def _nearest(text: str, spec: ProviderSpec) -> str | None:
    known = spec.options or {}
    if "repeat" in known and REPEAT.search(text):
        named = PASSAGE.search(text)
        passage = f"{named['start']}-{named['stop']}" if named else "0:40-1:00"
        which = "" if named else ", with the passage that is meant"
        call = json.dumps({"repeat": passage})
        return f"call again without prompt and add_seconds, and with options {call}{which}: it is then heard twice"
    if "part" not in known or not REPEAT.search(text):
        return None
    parts = ", ".join(known["part"])
    return (
        f"{spec.name} cannot repeat a passage that one names; call again without prompt and with options "
        f'{{"part": "middle"}} to lengthen a third of the track by repeating within it ({parts})'
    )


def free_wish(text: str | None, spec: ProviderSpec) -> str | None:
    """The call to a provider that costs nothing, where one of its options does what a text asks for."""
    options = wished(text or "", spec)
    if not options or spec.price.costs:
        return None
    return (
        f"call again without prompt, with provider {spec.name} and options {json.dumps(options)}: "
        "that does exactly what the prompt asks for, free"
    )


def ending_wish(text: str | None, spec: ProviderSpec) -> str | None:
    """A warning where an ending is asked for in words that a composer may not heed."""
    asked = next((wish.value for wish in WISHES if wish.option == "ending" and wish.said.search(text or "")), None)
    if asked is None or asked in (spec.options or {}).get("ending", ()):
        return None
    words = {"loop": "a seamless loop", "fade": "a fade-out"}[asked]
    return (
        f"{spec.name} hears of {words} only as words, and may not make one; provider local does it exactly, free, with "
        f'options {{"ending": "{asked}"}}.'
    )
