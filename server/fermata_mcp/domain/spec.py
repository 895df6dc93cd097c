"""Everything a provider can and cannot do, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .account import AccountSpec
from .credits import FREE, Price, Quote, Unit
from .hooks import HookForm

SourceKind = Literal["file", "url", "task", "clip"]
SubmitPolicy = Literal["at_most_once", "repeatable"]
Action = Literal["extend", "upload", "concat"]
OptionForm = Literal["seconds", "times", "places", "passage"]
PointRange = Literal["any", "after_start", "inside"]
SentForm = Literal["wav float32", "wav16", "flac"]
# The least that a chain asks for at a time, where a provider lets one choose.
SHORTEST_ADD_SECONDS = 5.0


@dataclass(frozen=True)
class FieldSpec:
    """One of our request fields on the provider's wire. Lengths in characters.

    Attributes:
        wire: Its name there.
        max_length: The most that it takes; None where no limit is documented.
        note: What one should know of it.
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
class PointRule:
    """Where new music may begin.

    Attributes:
        needed: A point must be sent (in custom mode, where there is one), and lie before the end.
        within: `after_start` is above 0, `inside` before the end as well.
    """

    needed: bool = False
    within: PointRange = "any"


@dataclass(frozen=True)
class Lengths:
    """How long things may be, in seconds; every limit is inclusive.

    Attributes:
        any_result: Reaches any target length in one extension, also one below the track's.
        shortest_result: Of the finished track.
        shortest_source, longest_source: Of the track that is extended.
        longest_upload: The same for files and links alone; `upload_by_model` where a model takes less.
        longest_result: Of the finished track.
        shortest_add, longest_add: Least and most music that one extension can add.
        default_add: Music added where the caller names no length; None where one cannot choose.
        usual_add: What one extension adds as long as nothing was learned from finished ones.
    """

    any_result: bool = False
    shortest_result: float = 0
    shortest_source: float = 0
    longest_source: float = float("inf")
    longest_upload: float = float("inf")
    upload_by_model: Mapping[str, float] = field(default_factory=dict[str, float])
    longest_result: float = float("inf")
    shortest_add: float = 0
    longest_add: float = float("inf")
    default_add: float | None = None
    usual_add: float = 60


@dataclass(frozen=True)
class CustomMode:
    """What is different once anything is chosen; without it the provider goes on as the track was made.

    Attributes:
        fields: Our fields that switch it on.
        needs: Fields that must all be there then.
        options: Native options that switch it on as well.
        flag: The wire name by which `options` may switch it on or off.
        wordless: With `instrumental` it needs no `prompt`.
        option_needs: Native options that are refused without others, unless one of `fields` is given.
    """

    fields: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    flag: str | None = None
    wordless: bool = False
    option_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True)
class Window:
    """What is sent of a source where that is not all of it: the music just before the point, as a file made for it.

    The provider gives it back with new music behind it. Only what is new is taken from that.

    Attributes:
        context: The most of it, in seconds.
        rate: Hz.
        channels: 1 for mono; other numbers of channels are mixed, or repeated.
        form: How it is written.
        grid: Seconds of which its length is a whole number; 0 for any length.
        blend: Seconds before the point from which on what comes back may differ from what was sent, and may be taken.
        heard: Its tempo, key and metre are told as well, as far as they can be heard (`Work.music`).
    """

    context: float
    rate: int
    channels: int = 2
    form: SentForm = "wav float32"
    grid: float = 0.0
    blend: float = 0.0
    heard: bool = False

    @property
    def suffix(self) -> str:
        """The file name's ending."""
        return ".flac" if self.form == "flac" else ".wav"


@dataclass(frozen=True)
class ProviderSpec:
    """The facts of one provider.

    Attributes:
        name: What callers call it, and how its entry point is named; its first word begins every variable of it.
        title: What people call it.
        summary: What it does, in one sentence.
        sources: The source forms it takes (`task` means an earlier task's saved audio).
        fields: Our field name to its wire form; a field that is absent is unsupported.
        pace: When to look at running work.
        submit: `repeatable` work may be started again by itself; `at_most_once` never is.
        verified: What this adapter was held against, and when.
        account: The variables of its key and addresses; None where it needs none.
        price: Of one extension, and where that is stated; all prices of a provider have one unit.
        model_prices: Where a model has another price.
        other_prices: Prices of actions besides extending.
        refunds: Whether failed tasks are documented to be refunded by the provider itself.
        has_balance: Whether it tells how many credits are left.
        rate: How often it may be asked; None where no limit is documented.
        refusals: Documented refusals by HTTP status or by the code in the body.
        options: What `options` may carry, each name with its possible values; None passes anything through.
        option_forms: How the values of those options are written that have no list of values.
        models: Known model names with the longest track (seconds) each can make; any other name is passed through.
        default_model: The one that is sent, or meant, where none is asked for; None where models cannot be chosen.
        custom: Its custom mode; the default is that it has none.
        point: Where new music may begin.
        lengths: How long things may be.
        rivals: Pairs of our fields that cannot be given together, besides those that share a wire name.
        upload_fields: Fields that files and links take, and its own clips do not.
        clip_form: What its clip ids look like (a regular expression), to tell whose a clip may be.
        song_pages: Hosts of web pages that show its songs, with how the address of one holds the clip's id.
        extends_joined: Whether what it joined can be extended; else the last part of it is, in its own time.
        here: The work is done on this machine, so what it needs is fetched by us.
        honesty: What everybody who gets a result must be told about how it was made.
        honesty_shorter: The same, where the result is shorter than its source.
        notes: Whatever else one should know, a sentence each.
        site: Where people go who want an account or credits; None where nothing is sold.
        window: How much of a source it is sent; None for all of it.
        hook: How it is asked to post news of its work; None where it does not, or has to be asked elsewhere.
        answer_seconds: How long the answer to a submit may take, where it is the finished audio; None where it only
            says that the work was taken on.
        start: How its server is started, where people run one themselves.
    """

    name: str
    title: str
    summary: str
    sources: frozenset[SourceKind]
    fields: Mapping[str, FieldSpec]
    pace: Pace
    submit: SubmitPolicy
    verified: str
    account: AccountSpec | None = None
    price: Price = FREE
    model_prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    other_prices: Mapping[Action, Price] = field(default_factory=dict[Action, Price])
    refunds: bool = False
    has_balance: bool = False
    rate: Rate | None = None
    refusals: Mapping[int, Refusal] = field(default_factory=dict[int, Refusal])
    options: Mapping[str, tuple[str, ...]] | None = None
    option_forms: Mapping[str, OptionForm] = field(default_factory=dict[str, OptionForm])
    models: Mapping[str, float] = field(default_factory=dict[str, float])
    default_model: str | None = None
    custom: CustomMode = CustomMode()
    point: PointRule = PointRule()
    lengths: Lengths = Lengths()
    rivals: tuple[tuple[str, str], ...] = ()
    upload_fields: frozenset[str] = frozenset()
    clip_form: str = r".+"
    song_pages: Mapping[str, str] = field(default_factory=dict[str, str])
    extends_joined: bool = True
    here: bool = False
    honesty: str | None = None
    honesty_shorter: str | None = None
    notes: tuple[str, ...] = ()
    site: str | None = None
    window: Window | None = None
    hook: HookForm | None = None
    answer_seconds: float | None = None
    start: str | None = None

    def __post_init__(self) -> None:
        if len({price.unit for price in self._prices if price.costs}) > 1:
            raise ValueError(f"{self.name} has prices of two units")
        longest = self._longest_sent + self.lengths.longest_add
        if longest == float("inf") and any(price.per is not None for price in self._prices):
            raise ValueError(f"{self.name} has a price by length, so it needs longest_source and longest_add")

    @property
    def key_variable(self) -> str | None:
        """The variable that holds the key without which nothing works; None where it needs none."""
        return None if self.account is None or self.account.keyless or not self.account.key else self.set_by

    @property
    def set_by(self) -> str | None:
        """The variable that sets it up; None where it works by itself."""
        return self.account.set_by.name if self.account else None

    @property
    def lacking(self) -> str:
        """What it is without while that variable is not set: it has no …"""
        return "key" if self.key_variable else "server"

    @property
    def needed(self) -> str:
        """The same: it needs …"""
        return f"a {self.lacking}"

    @property
    def unit(self) -> Unit:
        """What it is paid in."""
        units: list[Unit] = [price.unit for price in self._prices if price.costs]
        return units[0] if units else self.price.unit

    @property
    def _prices(self) -> tuple[Price, ...]:
        return (self.price, *self.model_prices.values(), *self.other_prices.values())

    @property
    def _longest_sent(self) -> float:
        """The most of a source that a provider gets, in seconds."""
        longest = self.lengths.longest_source
        return longest if self.window is None else min(longest, self.window.context)

    def price_of(self, action: Action, model: str | None = None) -> Price:
        """What one submit of this action costs."""
        if action != "extend":
            return self.other_prices.get(action, FREE)
        return self.model_prices.get(model or self.default_model or "", self.price)

    def cost(
        self, action: Action, model: str | None = None, source: float | None = None, added: float | None = None
    ) -> Quote:
        """What one submit comes to; where a length (seconds) is not known, at the longest that there can be."""
        whole = self._longest_sent if source is None else min(source, self._longest_sent)
        more = self.lengths.longest_add if added is None else added
        return self.price_of(action, model).quote(whole, more)

    @property
    def aliases(self) -> dict[str, str]:
        """Older names on its wire to our field names; never sent by us, understood in `options`."""
        return {alias: name for name, known in self.fields.items() for alias in known.aliases}

    def asked_in_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `options` ask for under names of the provider's wire, by our names; the first of two that share one."""
        known = {self.fields[name].wire: name for name in reversed(list(self.fields))} | self.aliases
        return {known[name]: value for name, value in options.items() if name in known}
