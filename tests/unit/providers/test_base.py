"""What a provider is given of the program."""

from __future__ import annotations

from pathlib import Path

import anyio

from fermata_mcp.config import INERT_CALLBACK
from fermata_mcp.providers.base import context_for
from support.accounts import context_of, settings_with
from support.rows import PAID


def test_a_callback_address_is_told_only_where_the_operator_set_one() -> None:
    assert context_of(PAID).callback_url is None
    assert context_of(PAID, callback_url=INERT_CALLBACK).callback_url is None
    assert context_of(PAID, callback_url="https://hooks.test/x").callback_url == "https://hooks.test/x"


def test_what_needs_no_account_gets_an_empty_one(tmp_path: Path) -> None:
    settings = settings_with(kie_api_key="k", data_dir=tmp_path, submit_timeout_seconds=3)
    context = context_for(None, settings, lambda _: None, lambda _: None, anyio.Semaphore(1))
    assert (context.account.key, context.account.base_url, context.account.trusted) == (None, "", ())
    assert (context.data_dir, context.submit_timeout_seconds) == (tmp_path, 3)
