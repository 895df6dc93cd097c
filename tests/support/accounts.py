"""Settings with accounts, for tests that give a provider's variables as if they were fields."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.account import read_account
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.providers.base import ProviderContext, Spawn, context_for
from fermata_mcp.providers.registry import BUILT_IN, declared_accounts, variable_prefix

# How every variable of ours begins.
OURS = ("FERMATA_", *sorted({variable_prefix(name) for name in BUILT_IN}))


def settings_with(**fields: Any) -> Settings:
    """Settings with these fields; the name of a provider's variable, in small letters, sets it for its account."""
    declared = declared_accounts()
    theirs = {variable.name for account in declared for variable in account.variables()}
    given = {name.upper(): str(value) for name, value in fields.items() if name.upper() in theirs}
    own = {name: value for name, value in fields.items() if name.upper() not in theirs}
    return Settings(**own).with_accounts({account: read_account(account, given) for account in declared})


def context_of(spec: ProviderSpec, *, patience: float | None = None, **fields: Any) -> ProviderContext:
    """What a provider with these facts gets of a program that does nothing, with these settings.

    Args:
        patience: Total deadline of a submit, where it is longer than a process with a store would allow.
    """
    made = context_in(spec, lambda _: None, lambda _: None, **fields)
    return made if patience is None else replace(made, submit_timeout_seconds=patience)


def context_in(spec: ProviderSpec, spawn: Spawn, changed: Callable[[str], None], **fields: Any) -> ProviderContext:
    """The same in a program that carries out what it is asked."""
    return context_for(spec.account, settings_with(**fields), spawn, changed, anyio.Semaphore(os.cpu_count() or 1))
