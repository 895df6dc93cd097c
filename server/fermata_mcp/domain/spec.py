"""Everything a provider can and cannot do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .credits import FREE, Price

SourceKind = Literal["file", "url", "task", "clip"]
SubmitPolicy = Literal["at_most_once", "repeatable"]


@dataclass(frozen=True)
class FieldSpec:
    """One of our request fields on the provider's wire."""

    wire: str
    max_length: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Pace:
    """When to look at a running task, in seconds after it was accepted."""

    first: float
    interval: float
    give_up: float


@dataclass(frozen=True)
class ProviderSpec:
    """The facts of one provider.

    Attributes:
        sources: The source forms it takes (`task` means an earlier task's saved audio).
        fields: Our field name to its wire form; a field that is absent is unsupported.
        options: Wire names that `options` may carry; None passes any name through.
        submit: `repeatable` work may be started again by itself; `at_most_once` never is.
        default_add_seconds: Music added where the caller names no length; None where one cannot choose.
        any_length: Reaches any target length in one extension.
        shortest_source_seconds, longest_source_seconds, longest_result_seconds: Limits, inclusive.
        verified: What this adapter was held against, and when.
    """

    name: str
    title: str
    summary: str
    sources: frozenset[SourceKind]
    fields: Mapping[str, FieldSpec]
    pace: Pace
    submit: SubmitPolicy
    verified: str
    key_variable: str | None = None
    price: Price = FREE
    options: frozenset[str] | None = None
    models: tuple[str, ...] = ()
    any_length: bool = False
    default_add_seconds: float | None = None
    shortest_source_seconds: float = 0
    longest_source_seconds: float = float("inf")
    longest_result_seconds: float = float("inf")
    has_balance: bool = False
    notes: tuple[str, ...] = field(default=())
