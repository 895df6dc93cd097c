"""What a call would cost, said before it is paid; and the word of the person who pays."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.client import Client

from fermata_mcp.cli.show import Screen
from fermata_mcp.domain.credits import UNITS, Quote, Unit, amount_of, bare, parts_of
from fermata_mcp.domain.errors import InvalidRequest, OverBudget
from fermata_mcp.domain.moments import counted

Args = dict[str, Any]


@dataclass(frozen=True)
class Price:
    """The most that one track can cost, in credits of its provider or dollars; `expected` where it will be less."""

    provider: str
    most: float
    expected: float | None
    unit: Unit = "credits"

    @classmethod
    def of(cls, view: dict[str, Any]) -> Price:
        """Of the TaskView of a dry run."""
        credits = view["credits"]
        return cls(view["provider"], credits["quoted"], credits["expected"], credits["unit"])


async def agree(prices: Iterable[Price], args: Args, client: Client, screen: Screen) -> bool:
    """Whether the person agrees to these prices; at once where all is free, or was agreed to on the command line.

    Raises:
        OverBudget: They come to more than `--max-credits` or `--max-usd`.
        InvalidRequest: Nobody can be asked here.
    """
    prices = [price for price in prices if price.most]
    if not prices:
        return True
    sums = {unit: total for unit in UNITS if (total := _total([one for one in prices if one.unit == unit], unit)).high}
    for unit, total in sums.items():
        cap = args[f"max_{unit}"]
        if cap is not None and len(prices) > 1 and total.most > cap:
            raise OverBudget(
                f"together they can cost up to {total.words}, more than --max-{unit} {cap:g}; nothing was sent.",
                f"say --max-{unit} {total.number} or more, or extend fewer tracks.",
            )
    said = f"Costs {in_words(prices)}"
    if args["yes"]:
        screen.note(f"{said}.")
        return True
    if not can_ask():
        uncapped = [f"--max-{unit} {total.number}" for unit, total in sums.items() if args[f"max_{unit}"] is None]
        if uncapped:
            raise InvalidRequest(
                f"this costs {in_words(prices)}, and nobody can be asked here; nothing was sent.",
                f"add --yes, or {' '.join(uncapped)}.",
            )
        return True
    return await ask(f"{said}{await _left(client, prices)}. Go on?", screen)


def in_words(prices: list[Price]) -> str:
    """`10 credits at kie`, or for several tracks their sum first."""
    by_provider: dict[str, list[Price]] = {}
    for price in prices:
        by_provider.setdefault(price.provider, []).append(price)
    parts = [f"{_amount(some)} at {name}" for name, some in by_provider.items()]
    if len(prices) == 1:
        return parts[0]
    if len(parts) == 1:
        return f"{parts[0]} for {counted(len(prices), 'track')}"
    return f"{_amount(prices)} for {counted(len(prices), 'track')}: {', '.join(parts)}"


def _amount(prices: list[Price]) -> str:
    """Credits and dollars apart, each with what is usual where that is less."""
    paid_in: list[Unit] = [unit for unit in UNITS if any(price.unit == unit for price in prices)]
    return " and ".join(_amount_in(unit, [price for price in prices if price.unit == unit]) for unit in paid_in)


def _amount_in(unit: Unit, prices: list[Price]) -> str:
    most = _total(prices, unit)
    usual = amount_of(sum(parts_of(one.most if one.expected is None else one.expected, unit) for one in prices), unit)
    if usual == most.most:
        return most.words
    return f"about {bare(usual, unit)}, up to {most.words}"


def _total(prices: list[Price], unit: Unit) -> Quote:
    """In whole parts, so that the sum is exact."""
    most = sum(parts_of(price.most, unit) for price in prices)
    return Quote(most, most, unit=unit)


async def _left(client: Client, prices: list[Price]) -> str:
    """What is left at the one provider, where it tells."""
    names = {price.provider for price in prices}
    if len(names) != 1:
        return ""
    told: Any = (await client.call_tool("get_credits", {"provider": names.pop()})).structured_content or {}
    one = next(iter(told.get("providers", ())), None)
    if one is None or one["balance"] is None:
        return ""
    return f" ({bare(one['balance'], one['unit'])} left)"


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str, screen: Screen) -> bool:
    """A person's yes or no, no by default."""
    screen.bar.pause()
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = await _line()
    return answer.strip().lower() in ("y", "yes")


async def _line() -> str:
    """A line that is typed, without a thread: one that waits for a key would outlive Ctrl-C."""
    if sys.platform != "win32":
        await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline()
