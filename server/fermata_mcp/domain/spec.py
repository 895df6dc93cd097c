"""Everything a provider can and cannot do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .credits import FREE, Price

SourceKind = Literal["file", "url", "task", "clip"]
SubmitPolicy = Literal["at_most_once", "repeatable"]
Action = Literal["extend", "upload", "concat"]
PointRange = Literal["any", "after_start", "inside"]
# The least that a chain asks for at a time, where a provider lets one choose.
SHORTEST_ADD_SECONDS = 5.0


@dataclass(frozen=True)
class FieldSpec:
    """One of our request fields on the provider's wire. Lengths in characters.

    Attributes:
        by_model: Where some models take less than `max_length`.
        default: What the provider does where nothing is sent, if it is documented.
        aliases: Older names on the wire that `options` may use for it.
    """

    wire: str
    max_length: int | None = None
    note: str = ""
    by_model: Mapping[str, int] = field(default_factory=dict[str, int])
    default: Any = None
    aliases: tuple[str, ...] = ()

    def longest(self, model: str | None) -> int | None:
        """The most characters that `model` takes."""
        return self.by_model.get(model or "", self.max_length)


@dataclass(frozen=True)
class Pace:
    """When to look at a running task, in seconds after it was accepted.

    `first` is what to assume while nothing was learned from finished tasks; `slow_after` is when most are done.
    """

    first: float
    interval: float
    give_up: float
    slow_after: float = 180
    slow_interval: float = 25


@dataclass(frozen=True)
class Refusal:
    """A documented answer that says no: nothing was charged.

    Attributes:
        code: One of our error codes.
        later: The same request may be sent again after a while.
        hint: What to do instead, where the code's own hint does not say it.
    """

    code: str
    later: bool = False
    hint: str | None = None


@dataclass(frozen=True)
class Rate:
    """At most `requests` in `seconds`, for one account."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class ProviderSpec:
    """The facts of one provider.

    Attributes:
        sources: The source forms it takes (`task` means an earlier task's saved audio).
        fields: Our field name to its wire form; a field that is absent is unsupported.
        options: What `options` may carry, each name with its possible values; None passes anything through.
        submit: `repeatable` work may be started again by itself; `at_most_once` never is.
        other_prices: Prices of actions besides extending. `price` is that of one extension.
        models: Known model names with the longest track (seconds) each can make; any other name is passed through.
        custom_needs: Fields that must all be there once any of `custom_fields` is; without them it inherits.
        custom_options: Native options that switch custom mode as well.
        custom_flag: The wire name by which `options` may switch custom mode on or off.
        upload_fields: Fields that files and links take, and its own clips do not.
        wordless: With `instrumental`, custom mode needs no `prompt`.
        rivals: Pairs of our fields that cannot be given together, besides those that share a wire name.
        option_needs: Native options that are refused without others, unless a custom field is given.
        needs_point: A point to continue at must be sent in custom mode, and lie before the end.
        point: Where the point must lie: `after_start` is above 0, `inside` before the end as well.
        refusals: Documented refusals by HTTP status or by the code in the body.
        usual_add_seconds: What one extension adds as long as nothing was learned from finished ones.
        default_add_seconds: Music added where the caller names no length; None where one cannot choose.
        shortest_add_seconds, longest_add_seconds: Least and most music one extension can add.
        any_length: Reaches any target length in one extension.
        shortest_source_seconds, longest_source_seconds, longest_result_seconds: Limits, inclusive.
        longest_upload_seconds: The same for files and links alone; `upload_by_model` where a model takes less.
        clip_form: What its clip ids look like (a regular expression), to tell whose a clip may be.
        here: The work is done on this machine, so what it needs is fetched by us.
        honesty: What everybody who gets a result must be told about how it was made.
        refunds: Whether failed tasks are documented to be refunded by the provider itself.
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
    other_prices: Mapping[Action, Price] = field(default_factory=dict[Action, Price])
    options: Mapping[str, tuple[str, ...]] | None = None
    models: Mapping[str, float] = field(default_factory=dict[str, float])
    default_model: str | None = None
    custom_fields: frozenset[str] = frozenset()
    custom_needs: tuple[str, ...] = ()
    custom_options: frozenset[str] = frozenset()
    custom_flag: str | None = None
    upload_fields: frozenset[str] = frozenset()
    wordless: bool = False
    rivals: tuple[tuple[str, str], ...] = ()
    option_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    needs_point: bool = False
    point: PointRange = "any"
    refusals: Mapping[int, Refusal] = field(default_factory=dict[int, Refusal])
    rate: Rate | None = None
    refunds: bool = False
    any_length: bool = False
    usual_add_seconds: float = 60
    default_add_seconds: float | None = None
    shortest_add_seconds: float = 0
    longest_add_seconds: float = float("inf")
    shortest_source_seconds: float = 0
    longest_source_seconds: float = float("inf")
    longest_upload_seconds: float = float("inf")
    upload_by_model: Mapping[str, float] = field(default_factory=dict[str, float])
    longest_result_seconds: float = float("inf")
    clip_form: str = r".+"
    here: bool = False
    has_balance: bool = False
    honesty: str | None = None
    notes: tuple[str, ...] = field(default=())

    def price_of(self, action: Action) -> Price:
        """What one submit of this action costs."""
        return self.price if action == "extend" else self.other_prices.get(action, FREE)

    @property
    def aliases(self) -> dict[str, str]:
        """Older names on its wire to our field names; never sent by us, understood in `options`."""
        return {alias: name for name, known in self.fields.items() for alias in known.aliases}

    def asked_in_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `options` ask for under names of the provider's wire, by our names; the first of two that share one."""
        known = {self.fields[name].wire: name for name in reversed(list(self.fields))} | self.aliases
        return {known[name]: value for name, value in options.items() if name in known}
