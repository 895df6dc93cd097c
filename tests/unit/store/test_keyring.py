from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.keys import derived_key
from fermata_mcp.store.keyring import Keyring
from fermata_mcp.store.sqlite.store import SqliteStore
from support.stores import connections

pytestmark = pytest.mark.anyio


def settings(folder: Path, key: str | None = None) -> Settings:
    return Settings(data_dir=folder, output_dir=folder, state_key=None if key is None else SecretStr(key))  # pyright: ignore[reportCallIssue]


async def test_programs_on_one_store_derive_the_same_keys(tmp_path: Path) -> None:
    async with connections(lambda: SqliteStore(tmp_path / "fermata.db"), 2) as (one, other):
        told = await Keyring(one, settings(tmp_path)).key("links")
        assert told == await Keyring(other, settings(tmp_path)).key("links")
        assert told != await Keyring(one, settings(tmp_path)).key("hooks")


async def test_the_operators_key_wins(tmp_path: Path) -> None:
    async with connections(lambda: SqliteStore(tmp_path / "fermata.db"), 1) as (store,):
        told = await Keyring(store, settings(tmp_path, "k" * 40)).key("links")
    assert told == derived_key(b"k" * 40, "links")
