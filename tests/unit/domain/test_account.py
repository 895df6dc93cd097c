"""Variables that are declared, and what is read of them."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.account import (
    AccountSpec,
    Variable,
    account_problems,
    host,
    read_account,
    unfilled_keys,
    upload_host,
)

DOOR = Variable("SHOP_DOOR", "which door", "front", ("front", "back"))
SHOP = AccountSpec(
    key=Variable("SHOP_API_KEY", "a key"),
    base_url=host("SHOP_BASE_URL", "https://shop.test"),
    upload_url=upload_host("SHOP_UPLOAD_URL", "https://files.shop.test"),
    more=(DOOR,),
)


@pytest.mark.parametrize("given", [{}, dict.fromkeys(("SHOP_API_KEY", "SHOP_BASE_URL", "SHOP_UPLOAD_URL"), "")])
def test_the_defaults(given: dict[str, str]) -> None:
    found = read_account(SHOP, given)
    assert (found.key, found.base_url, found.upload_url) == (None, "https://shop.test", "https://files.shop.test")
    assert (found.more, found.trusted) == ({"SHOP_DOOR": "front"}, ())
    assert list(account_problems(SHOP, given)) == []


def test_what_is_set_is_read_and_the_key_is_not_shown() -> None:
    given = {"SHOP_API_KEY": "k-1", "SHOP_BASE_URL": " http://10.0.0.1:8080/ ", "SHOP_DOOR": "back", "OTHER": "x"}
    found = read_account(SHOP, given)
    assert found.key is not None
    assert found.key.get_secret_value() == "k-1"
    assert "k-1" not in repr(found)
    assert (found.base_url, found.more) == ("http://10.0.0.1:8080", {"SHOP_DOOR": "back"})
    assert found.trusted == ("http://10.0.0.1:8080/",)


def test_everything_that_is_wrong_is_named_and_no_value_is() -> None:
    wrong = {"SHOP_BASE_URL": "hunter2", "SHOP_UPLOAD_URL": "https://x.test/?hunter2", "SHOP_DOOR": "hunter2"}
    problems = list(account_problems(SHOP, wrong))
    assert [problem.partition(" ")[0] for problem in problems] == list(wrong)
    assert "hunter2" not in " ".join(problems)


def test_variables_come_in_the_order_of_the_docs() -> None:
    names = [variable.name for variable in SHOP.variables()]
    assert names == ["SHOP_API_KEY", "SHOP_BASE_URL", "SHOP_UPLOAD_URL", "SHOP_DOOR"]


@pytest.mark.parametrize(
    "key", ["${SHOP_API_KEY}", "$SHOP_API_KEY", "${user_config.shop_api_key}", "{env:SHOP_API_KEY}"]
)
def test_a_key_that_no_host_filled_in_is_none(key: str) -> None:
    given = {"SHOP_API_KEY": key}
    assert read_account(SHOP, given).key is None
    assert unfilled_keys([SHOP], given) == ["SHOP_API_KEY"]


@pytest.mark.parametrize("key", ["k-1", "$", "a$b", "${x}y", "{k}"])
def test_a_key_is_taken_as_it_is(key: str) -> None:
    found = read_account(SHOP, {"SHOP_API_KEY": key}).key
    assert found is not None
    assert found.get_secret_value() == key
    assert unfilled_keys([SHOP], {"SHOP_API_KEY": key}) == []
