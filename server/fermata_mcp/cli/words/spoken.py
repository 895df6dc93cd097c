"""What tools say, in the words of the command line: `--by` for `add_seconds`, `fermata-mcp task` for `get_task`.

Tools speak to assistants, which know parameters. Whatever a server says to a person at a terminal goes through here.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from fermata_mcp.providers.registry import BUILT_IN

from .parameters import COMMANDS, FLAGS

# Nothing that is a part of a longer word, a path or an address.
_BEFORE, _AFTER = r"(?<![\w./\\\-])", r"(?![\w/\\\-]|\.\w)"
_PLAIN = "|".join(name for name in FLAGS if "_" not in name and name not in ("source", "options"))
_LONG = "|".join(name for name in FLAGS if "_" in name)
_FLAG = r"--[a-z][a-z-]*(?: \w+(?:=\w*)?)?"
_LISTED = rf"(?:{_PLAIN}|{_FLAG})"
_MORE = rf"(?:(?:, | and | or ){_LISTED})*"
_VERBS = r"cannot use|[Ll]eave|[Tt]akes|[Nn]eeds|without|missing|[Gg]ive|[Ss]ay|raise|[Aa]dd|[Ss]horten|[Pp]ass"
_AND_WAIT = r"(?: and wait_seconds \S+?(?=\.?(?:\s|$)))?"
_VALUE = r"keep|fade|loop|intro|middle|outro"

Replacement = str | Callable[[re.Match[str]], str]


def spoken(text: str, as_it_is: Iterable[str] = ()) -> str:
    """`text` of a tool as a person at a command line can follow it.

    Args:
        as_it_is: What in it is the person's own, such as paths and titles, and stays so.
    """
    own = sorted({one for one in as_it_is if _spoken(one) != one}, key=len, reverse=True)
    if not own:
        return _spoken(text)
    parts = re.split(f"({'|'.join(map(re.escape, own))})", text)
    return "".join(part if number % 2 else _spoken(part) for number, part in enumerate(parts))


def spoken_view(view: dict[str, Any], as_it_is: Iterable[str] = ()) -> dict[str, Any]:
    """What a tool returned, the sentences in it spoken; names and values of its fields are as they were."""
    own = [*as_it_is, *own_words(view)]
    return {key: _of_field(key, value, own) for key, value in view.items()}


def own_words(view: Mapping[str, Any]) -> list[str]:
    """Paths, titles, links and ids that a result holds."""
    own: list[Any] = []
    for part in (view.get("source"), view.get("audio"), *(view.get("clips") or ())):
        if isinstance(part, dict):
            own += [
                cast("dict[str, Any]", part).get(key) for key in ("ref", "file", "url", "title", "provider_clip_id")
            ]
    return [one for one in own if isinstance(one, str)]


_SENTENCES = frozenset({"summary", "honesty", "warnings", "next", "error", "message", "hint"})


def _of_field(key: str, value: Any, own: list[str]) -> Any:
    if key not in _SENTENCES:
        return value
    match value:
        case str():
            return spoken(value, own)
        case list():
            return [spoken(str(one), own) for one in cast("list[Any]", value)]
        case dict():
            return {name: _of_field(name, one, own) for name, one in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _spoken(text: str) -> str:
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _options(match: re.Match[str]) -> str:
    """`options {"ending": "loop"}` as it is typed."""
    try:
        given = cast("dict[str, Any]", ast.literal_eval(match[1]) if "'" in match[1] else json.loads(match[1]))
    except (ValueError, SyntaxError):
        return f"--option {match[1]}"
    return " ".join(f"--option {shlex.quote(f'{name}={_value(value)}')}" for name, value in given.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _names(match: re.Match[str]) -> str:
    """A list of parameters after a verb, each by its flag."""
    return re.sub(rf"(?<![\w-])({_PLAIN})(?![\w=-])", lambda name: FLAGS[name[1]], match[0])


def _flag(match: re.Match[str]) -> str:
    return FLAGS[match[1]]


def _command(match: re.Match[str]) -> str:
    return COMMANDS[match[1]]


_TOOL = "|".join(COMMANDS)
_RULES: tuple[tuple[re.Pattern[str], Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Whole calls.
        (r'[Cc]all extend_track with source "([^"]+)"', r"run: fermata-mcp extend \1"),
        (rf'[Cc]all get_task with task_id "([^"]+)"{_AND_WAIT}', r"look: fermata-mcp task \1"),
        (r'[Cc]all resolve_task with task_id "([^"]+)"', r"run: fermata-mcp resolve \1"),
        (r"[Cc]all again without dry_run to start", "Start it with the same command without --dry-run"),
        (r"[Cc]all extend_track with a source", "run: fermata-mcp extend song.mp3 --by 30"),
        (r"get_task with a task_id, or list_tasks with cursor \S+ for older ones", "fermata-mcp tasks --all"),
        (r"get_task with a task_id", "fermata-mcp task ID"),
        (r", and get_task tries again", ", and `fermata-mcp task` tries again"),
        (r"[Pp]ass take: (\d+)", r"Add --take \1"),
        (r"let the operator|have the operator", "have the one who set it up"),
        # Options of a provider.
        (r"options (\{[^{}]*\})", _options),
        (rf"{_BEFORE}options\.(\w+) ({_VALUE}){_AFTER}", r"--option \1=\2"),
        (rf"{_BEFORE}options\.(\w+)", r"--option \1"),
        (r"; options: (?=\w+ \(|any|none)", "; --option: "),
        # Tools and parameters.
        (rf"`?{_BEFORE}({_TOOL}){_AFTER}`?", _command),
        (rf"`?{_BEFORE}({_LONG}){_AFTER}`?", _flag),
        (rf"`({_PLAIN}|source|options)`", _flag),
        (r" (?:and|with) wait_seconds \d+", ""),
        (r"`?\bwait_seconds\b`?", "a shorter wait"),
        (r"`?\bcursor`|`cursor`", "the page"),
        (rf"(?<![-\w])stitch (auto|never){_AFTER}", r"--stitch \1"),
        (rf"(?:{_VERBS}) {_LISTED}{_MORE}{_AFTER}", _names),
        (rf"(?<![-\w])provider ({'|'.join(BUILT_IN)}){_AFTER}", r"--provider \1"),
    )
)  # fmt: skip
