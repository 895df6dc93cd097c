"""Which clips and works of a provider somebody may mean by what `options` hold, at whatever depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fermata_mcp.domain.errors import InvalidRequest

MOST = 2000
# Of what an id is, and that it is one: `continue_clip_id`, `taskId`, `origin_task_id`, `audioIds`.
_NAME = re.compile(
    r"(clip|task|song|track|audio|music|work|job|generation|origin|source|parent)([_-]?\w*[_-])?(uu)?ids?$", re.I
)
# An id within something longer: of a task in `<task>/1`, of a clip in a link.
_PIECE = re.compile(r"(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{8,}")


@dataclass(frozen=True)
class Named:
    """A value that may name a clip or a work.

    Attributes:
        ids: What it may be an id of: itself, or what stands in it.
        certain: It stands where providers expect an id of a clip or a work, and nothing else.
    """

    value: str
    ids: frozenset[str]
    certain: bool


def named_ids(options: Mapping[str, Any]) -> list[Named]:
    """Whatever may name a clip or a work, in JSON. Raises InvalidRequest where there is more than can be looked for."""
    found = [
        Named(value, frozenset((value, *value.split("/"), *_PIECE.findall(value))) - {""}, certain)
        for value, certain in _values(options, certain=False)
    ]
    if sum(len(one.ids) for one in found) > MOST:
        raise InvalidRequest("options hold more than can be looked through.", "leave out what is not needed.")
    return found


def _values(given: Any, *, certain: bool) -> Iterator[tuple[str, bool]]:
    match given:
        case dict():
            for name, value in cast("dict[str, Any]", given).items():
                yield name, False
                yield from _values(value, certain=certain or _NAME.search(name) is not None)
        case list():
            for value in cast("list[Any]", given):
                yield from _values(value, certain=certain)
        case str() | int() if given is not True and given is not False and (text := str(given).strip()):
            yield text, certain
        case _:
            return
