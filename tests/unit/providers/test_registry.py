"""Names, the accounts behind them, and what is loaded for whom."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from fermata_mcp.app import read_settings
from fermata_mcp.config import InvalidSettings
from fermata_mcp.domain.account import AccountSpec, Variable, host
from fermata_mcp.domain.errors import ConfigurationError, InvalidRequest
from fermata_mcp.providers.base import ProviderContext
from fermata_mcp.providers.registry import BUILT_IN, Registry, declared_accounts, variable_prefix
from support.accounts import settings_with
from support.remote import Remote, ScriptedProvider
from support.rows import PAID

SHOP = AccountSpec(Variable("SHOP_API_KEY", "a key"), host("SHOP_BASE_URL", "https://shop.test"))
LOADED = """
import os, sys
from fermata_mcp.providers.registry import BUILT_IN, declared_accounts
found = declared_accounts(os.environ)
print([one.key.name for one in found], sorted(name for name in BUILT_IN if BUILT_IN[name] in sys.modules))
"""


@dataclass(frozen=True)
class Entry:
    """An entry point of another package."""

    name: str
    loaded: Any

    def load(self) -> Any:
        return self.loaded


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Entry points besides the built-in ones; a test adds to them."""
    found: list[Entry] = []
    real: Any = metadata.entry_points

    def entry_points(**chosen: Any) -> Iterable[Any]:
        return found if chosen.get("group") == "fermata_mcp.providers" else real(**chosen)

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    return found


def module(account: AccountSpec | None = SHOP, **more: Any) -> Any:
    """What a module of another package holds, with the contexts that it was made with."""
    spec = replace(PAID, name="shop", account=account)
    made: list[ProviderContext] = []

    def make(context: ProviderContext) -> ScriptedProvider:
        made.append(context)
        return ScriptedProvider(Remote(), spec)

    return SimpleNamespace(SPEC=spec, make=make, made=made, **more)


def registry(**fields: Any) -> Registry:
    return Registry(settings_with(**fields), lambda _: None, lambda _: None)


def test_built_in_ones_come_first_in_their_order(added: list[Entry]) -> None:
    added += [Entry("shop", module()), Entry("local", module())]
    assert registry().names() == [*BUILT_IN, "shop"]


def test_a_name_that_nobody_has_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match="there is no provider 'nowhere'") as refused:
        registry().get("nowhere")
    assert all(name in refused.value.hint for name in BUILT_IN)


def test_a_provider_is_made_once_with_its_own_account(added: list[Entry]) -> None:
    shop = module()
    added.append(Entry("shop", shop))
    found = registry(shop_api_key="k-1", shop_base_url="https://gateway.test/", kie_api_key="k-2")
    assert found.get("shop") is found.get("shop")
    context: ProviderContext = shop.made[0]
    assert context.account.key is not None
    assert (context.account.key.get_secret_value(), context.account.base_url) == ("k-1", "https://gateway.test")
    assert "k-1" not in repr(context)
    assert context.account.more == {}


def test_an_entry_may_be_a_bare_function(added: list[Entry]) -> None:
    bare = module(None)
    added.append(Entry("shop", bare.make))
    assert registry().get("shop").spec.name == "shop"
    assert bare.made[0].account.key is None


def test_the_order_of_candidates() -> None:
    keyed = registry(apiin_api_key="k", kie_api_key="k")
    assert (keyed.candidates(), keyed.default()) == (["kie", "apiin", "local"], "kie")
    assert registry(default_provider="apiin", apiin_api_key="k", kie_api_key="k").candidates() == [
        "apiin",
        "kie",
        "local",
    ]
    assert (registry().candidates(), registry().default()) == (["local"], "local")


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "local"])
def test_the_variables_of_a_provider_begin_with_its_name(name: str) -> None:
    spec = registry().spec(name)
    assert spec.account is not None
    assert all(variable.name.startswith(variable_prefix(name)) for variable in spec.account.variables())


@pytest.mark.parametrize(
    ("environ", "keys", "loaded"),
    [
        ({}, [], []),
        ({"SUNOAPI_KEY": "near"}, ["SUNOAPI_API_KEY"], ["sunoapi"]),
        ({"musicapi_api_key": "k"}, ["MUSICAPI_API_KEY"], ["musicapi-producer", "musicapi-sonic"]),
    ],
)
def test_only_those_are_loaded_for_which_anything_is_set(
    environ: dict[str, str], keys: list[str], loaded: list[str]
) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{keys} {loaded}"


def test_others_declare_their_variables_in_the_same_way(added: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    added.append(Entry("shop", module()))
    assert SHOP in declared_accounts()
    monkeypatch.setenv("SHOP_API_KEY", "k-1")
    settings = read_settings()
    assert settings.declared == (SHOP,)
    assert settings.account(SHOP).base_url == "https://shop.test"
    monkeypatch.setenv("SHOP_BASE_URL", "shop.test")
    with pytest.raises(InvalidSettings, match="SHOP_BASE_URL must begin with http"):
        read_settings()


def test_a_variable_that_would_never_be_found_is_refused(added: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    added.append(Entry("shop", module(replace(SHOP, key=Variable("STORE_API_KEY", "a key")))))
    monkeypatch.setenv("SHOP_BASE_URL", "https://gateway.test")
    with pytest.raises(ConfigurationError, match="provider shop declares STORE_API_KEY"):
        read_settings()
    with pytest.raises(ConfigurationError, match="SHOP_"):
        registry().get("shop")


def test_installed_packages_are_read_once(added: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the time of a hundred answers, in which nobody else is answered."""
    added.append(Entry("shop", module()))
    reads = 0
    found: Any = metadata.entry_points

    def counted(**chosen: Any) -> Any:
        nonlocal reads
        reads += 1
        return found(**chosen)

    made = registry()
    monkeypatch.setattr(metadata, "entry_points", counted)
    for _ in range(3):
        assert made.names() == [*BUILT_IN, "shop"]
        assert made.get("shop").spec.name == "shop"
        assert "local" in made.candidates()
        assert made.default()
        with pytest.raises(InvalidRequest, match="no provider 'other'"):
            made.get("other")
    assert reads == 1
