"""What a call would cost, said before it is paid; and the word of the person who pays."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.client import Client

from fermata_mcp.cli.show import Screen
from fermata_mcp.domain.errors import InvalidRequest, OverBudget

Args = dict[str, Any]


@dataclass(frozen=True)
class Price:
    """The most that one track can cost, in credits of its provider; `expected` where it will be less."""

    provider: str
    most: float
    expected: float | None

    @classmethod
    def of(cls, view: dict[str, Any]) -> Price:
        """Of the TaskView of a dry run."""
        credits = view["credits"]
        return cls(view["provider"], credits["quoted"], credits["expected"])


async def agree(prices: Iterable[Price], args: Args, client: Client, screen: Screen) -> bool:
    """Whether the person agrees to these prices; at once where all is free, or was agreed to on the command line.

    Raises:
        OverBudget: They come to more than `--max-credits`.
        InvalidRequest: Nobody can be asked here.
    """
    prices = [price for price in prices if price.most]
    if not prices:
        return True
    cap = args["max_credits"]
    if cap is not None and len(prices) > 1 and (sum_of := sum(price.most for price in prices)) > cap:
        raise OverBudget(
            f"together they can cost up to {sum_of:g} credits, more than --max-credits {cap:g}; nothing was sent.",
            f"say --max-credits {sum_of:g} or more, or extend fewer tracks.",
        )
    said = f"Costs {in_words(prices)}"
    if args["yes"]:
        screen.note(f"{said}.")
        return True
    if not can_ask():
        if cap is None:
            raise InvalidRequest(
                f"this costs {in_words(prices)}, and nobody can be asked here; nothing was sent.",
                f"add --yes, or --max-credits {sum(price.most for price in prices):g}.",
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
        return f"{parts[0]} for {len(prices)} tracks"
    return f"{_amount(prices)} for {len(prices)} tracks: {', '.join(parts)}"


def _amount(prices: list[Price]) -> str:
    most = sum(price.most for price in prices)
    usual = sum(price.most if price.expected is None else price.expected for price in prices)
    return f"{most:g} credits" if usual == most else f"about {usual:g}, up to {most:g} credits"


async def _left(client: Client, prices: list[Price]) -> str:
    """What is left at the one provider, where it tells."""
    names = {price.provider for price in prices}
    if len(names) != 1:
        return ""
    told: Any = (await client.call_tool("get_credits", {"provider": names.pop()})).structured_content or {}
    balance = next((one["balance"] for one in told.get("providers", ())), None)
    return "" if balance is None else f" ({balance:g} left)"


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
