"""The requests of `requests.toml`, and the places in them that are known only once they are asked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict

Keys = Literal["none", "one", "all"]
Verdict = Literal["done", "refusal", "dead end"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Call(_Closed):
    tool: str
    arguments: dict[str, Any]


class Asked(_Closed):
    """One request; `requests.toml` says what each field means. Seconds and credits."""

    said: str
    language: Literal["en", "de", "es", "fr", "ja"]
    keys: Keys = "none"
    before: tuple[Call, ...] = ()
    emulator: dict[str, Any] = {}
    calls: tuple[Call, ...]
    status: str
    seconds: float | None = None
    charged: float = 0
    says: tuple[str, ...] = ()
    text_says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    verdict: Verdict = "done"
    why: str = ""


def load_requests() -> tuple[Asked, ...]:
    """All of them, in the order of the file."""
    told = tomllib.loads(Path(__file__).with_name("requests.toml").read_text("utf-8"))
    return tuple(Asked.model_validate(one) for one in told["request"])


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """A value with `{folder}` and the like in its texts replaced."""
    if isinstance(value, str):
        for name, place in places.items():
            value = value.replace(f"{{{name}}}", place)
        return value
    if isinstance(value, dict):
        return {name: filled(one, places) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [filled(one, places) for one in cast("list[Any]", value)]
    return value
