"""What callers ask for, in our words. The field descriptions are the ones every client sees."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

# How a request is carried out; not part of what is asked for, so not of its identity.
MANNER = frozenset({"idempotency_key", "max_credits", "max_usd", "dry_run", "wait_seconds", "save_as"})
# What hosts show of `options`; the provider's own facts say what it takes (a test compares them).
LOCAL_OPTIONS: dict[str, Any] = {
    "ending": {"type": "string", "enum": ["keep", "fade", "loop", "intro_loop"]},
    "fade_seconds": {},
    "part": {"type": "string", "enum": ["intro", "middle", "outro"]},
    "avoid": {"type": "array", "description": "Seconds of bad joins"},
    "repeat": {"type": "string", "description": "0:40-1:00"},
    "times": {},
}
# These say how long the result is, so a call that says it otherwise has no use for them.
OF_ONE_EXTENSION = frozenset({"repeat", "times"})
_CLOCK = re.compile(r"(?:(?P<hours>\d+):(?=[0-5]\d:))?(?P<minutes>\d+):(?P<seconds>[0-5]\d(?:[.,]\d+)?)", re.ASCII)


def seconds_of(written: Any) -> Any:
    """Seconds of a time as people write one: `2:05`, `1:02:03.5`; what is no text is left as it is."""
    if not isinstance(written, str):
        return written
    match = _CLOCK.fullmatch(written.strip())
    if match is None:
        return _number_in(written)
    hours, minutes, seconds = match["hours"] or 0, match["minutes"], match["seconds"].replace(",", ".")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _number_in(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise PydanticCustomError("no_time", "is not a time: write seconds as a number, or 2:05") from None


Moment = Annotated[FiniteFloat, BeforeValidator(seconds_of), Field(ge=0)]
Weight = Annotated[FiniteFloat, Field(ge=0, le=1)]
ShortText = Annotated[str, Field(max_length=1000)]
LongText = Annotated[str, Field(max_length=20000)]

# A record is read to 200 levels, and wraps them in a few of its own.
DEEPEST_OPTIONS = 100


def says_nothing(value: Any) -> bool:
    """Whether a value is one of the many ways to say nothing: null, blank text, an empty list or object."""
    if isinstance(value, str):
        return not any(c.isprintable() and not c.isspace() for c in value)
    if isinstance(value, list):
        return all(map(says_nothing, cast("list[Any]", value)))
    return value is None or value == {}


class Arguments(BaseModel):
    """What a caller gives. For an optional parameter, every way of saying nothing is the same as not giving it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        said = cast("dict[str, Any]", given)
        options = said.get("options")
        if isinstance(options, dict):
            said = said | {"options": _saying(cast("dict[str, Any]", options))}
        required = {name for name, known in cls.model_fields.items() if known.is_required()}
        unknown = said.keys() - cls.model_fields.keys()
        return _saying(said) | {name: said[name] for name in said.keys() & (required | unknown)}


def _saying(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if not says_nothing(value)}


def _unless_false(value: bool | None) -> bool | None:
    """Assistants fill flags with false; it asks for nothing that leaving it out does not ask for."""
    return value or None


def _kept_as_it_is(options: dict[str, Any]) -> dict[str, Any]:
    """Options of any shape, as long as they can be recorded, sent and read again."""
    _check_json(options, 0)
    return options


def _check_json(value: Any, depth: int) -> None:
    if depth > DEEPEST_OPTIONS:
        raise PydanticCustomError("too_deep", "is nested too deeply")
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("no_number", "holds a number that is none (NaN or infinity)")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise PydanticCustomError("no_text", "holds text that is no Unicode")
    if isinstance(value, dict):
        for pair in cast("dict[str, Any]", value).items():
            _check_json(list(pair), depth)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            _check_json(item, depth + 1)


Options = Annotated[dict[str, Any], AfterValidator(_kept_as_it_is)] | None


class _Asked(Arguments):
    """The fields both kinds of request share."""

    source: str = Field(description="Path, https:// link, upl_..., tsk_... (tsk_.../1: 2nd clip) or clip:<id>")
    provider: str | None = Field(None, description="Default: the first with a key that fits, else local")
    continue_at: Moment | None = Field(None, description="Second to go on from. Default: the end")
    prompt: LongText | None = Field(None, description="How it should go on (local: options)")
    lyrics: LongText | None = Field(None, description="Words to sing")
    style: ShortText | None = Field(None, description="Genre, mood, instruments")
    exclude_style: ShortText | None = Field(None, description="Styles to avoid")
    title: ShortText | None = Field(None, description="Of the result")
    model: ShortText | None = Field(None, description="Provider's model")
    instrumental: Annotated[bool | None, AfterValidator(_unless_false)] = Field(None, description="No vocals")
    vocal_gender: Literal["m", "f"] | None = Field(None, description="Voice")
    style_weight: Weight | None = Field(None, description="0-1")
    weirdness: Weight | None = Field(None, description="0-1")
    audio_weight: Weight | None = Field(None, description="0-1: how close to the source")
    persona_id: ShortText | None = Field(None, description="Persona or voice id")
    options: Options = Field(
        None,
        description="local: as listed; others: wire fields, verbatim",
        json_schema_extra={"properties": LOCAL_OPTIONS},
    )
    save_as: ShortText | None = Field(None, description="File or folder for the result")
    max_credits: Annotated[FiniteFloat, Field(ge=0)] | None = Field(None, description="Refuse if it could cost more")
    max_usd: Annotated[FiniteFloat, Field(ge=0)] | None = Field(None, description="The same, for prices in dollars")
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The SAME key when trying again"
    )
    take: Annotated[int, Field(ge=1, le=99)] = Field(1, description="2: another take")
    stitch: Literal["auto", "never"] = Field("auto", description="Join to the source")
    dry_run: bool = Field(False, description="Quote only; sends nothing")
    wait_seconds: Annotated[FiniteFloat, Field(ge=0, le=3600)] | None = Field(None, description="Longest wait")

    def identity(self) -> dict[str, Any]:
        """The fields that make two requests the same request."""
        return self.model_dump(exclude=set(MANNER), exclude_none=True)


class ExtendRequest(_Asked):
    """One extension."""

    add_seconds: Annotated[FiniteFloat, BeforeValidator(seconds_of), Field(gt=0)] | None = Field(
        None, description="New music from continue_at, where one can choose"
    )


class ChainRequest(_Asked):
    """Extensions of extensions until the whole track reaches a length."""

    options: Options = Field(
        None,
        description="local: as listed; others: wire fields, verbatim",
        json_schema_extra={
            "properties": {name: told for name, told in LOCAL_OPTIONS.items() if name not in OF_ONE_EXTENSION}
        },
    )
    target_seconds: Annotated[FiniteFloat, BeforeValidator(seconds_of), Field(gt=0)] = Field(
        description="Length of the whole result"
    )
    max_steps: Annotated[int, Field(ge=1, le=100)] = Field(12, description="Most extensions")
    prompts: Annotated[list[LongText], Field(max_length=100)] | None = Field(None, description="One per extension")
    variation: Annotated[int, Field(ge=0, le=9)] = Field(0, description="Clip of each step to carry on")


Request = ExtendRequest | ChainRequest


def request_hash(kind: str, provider: str, account: str, source: str, asked: Mapping[str, Any]) -> str:
    """A hex SHA-256 that is equal for equal requests to the same account about the same source."""
    canonical = json.dumps([kind, provider, account, source, asked], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
