"""What a call would cost, in words; and who has agreed to it."""

from __future__ import annotations

import io
import sys
from typing import Any, cast

import pytest

from fermata_mcp.cli.extending.price import Price, agree, in_words
from fermata_mcp.cli.show import Screen
from fermata_mcp.domain.errors import InvalidRequest, OverBudget

pytestmark = pytest.mark.anyio
TEN, RANGE, OTHER = Price("sunoapi", 10, None), Price("kie", 120, 20), Price("kie", 12, 12)
DEAR, LESS = Price("fal", 0.0488, None, "usd"), Price("fal", 0.5, 0.02, "usd")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to be asked."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())


async def agreed(*prices: Price, **args: Any) -> bool:
    given = {"max_credits": None, "max_usd": None, "yes": False} | args
    with Screen(as_json=False) as screen:
        return await agree(prices, given, cast(Any, None), screen)


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ([TEN], "10 credits at sunoapi"),
        ([RANGE], "about 20, up to 120 credits at kie"),
        ([TEN, TEN], "20 credits at sunoapi for 2 tracks"),
        ([TEN, OTHER, OTHER], "34 credits for 3 tracks: 10 credits at sunoapi, 24 credits at kie"),
        ([DEAR], "$0.0488 at fal"),
        ([LESS], "about $0.02, up to $0.50 at fal"),
        ([TEN, DEAR], "10 credits and $0.0488 for 2 tracks: 10 credits at sunoapi, $0.0488 at fal"),
    ],
)
def test_in_words(prices: list[Price], words: str) -> None:
    assert in_words(prices) == words


async def test_what_is_free_needs_no_word() -> None:
    assert await agreed(Price("local", 0, None))
    assert await agreed()


async def test_without_anybody_a_word_is_needed_before() -> None:
    with pytest.raises(InvalidRequest, match="nobody can be asked") as refused:
        await agreed(TEN, TEN)
    assert refused.value.hint == "add --yes, or --max-credits 20."
    assert await agreed(TEN, yes=True)
    assert await agreed(TEN, max_credits=10)


async def test_each_unit_has_its_own_cap() -> None:
    with pytest.raises(InvalidRequest) as refused:
        await agreed(TEN, DEAR)
    assert refused.value.hint == "add --yes, or --max-credits 10 --max-usd 0.0488."
    with pytest.raises(InvalidRequest, match="nobody can be asked"):
        await agreed(TEN, DEAR, max_credits=10)
    assert await agreed(TEN, DEAR, max_credits=10, max_usd=0.0488)
    with pytest.raises(OverBudget, match=r"up to \$0\.0976, more than --max-usd 0\.09"):
        await agreed(DEAR, DEAR, max_usd=0.09)


async def test_a_cap_is_for_all_together() -> None:
    assert await agreed(TEN, TEN, max_credits=20)
    with pytest.raises(OverBudget, match="up to 20 credits"):
        await agreed(TEN, TEN, max_credits=19, yes=True)
