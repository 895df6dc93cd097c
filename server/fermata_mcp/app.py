"""The composition root: settings in, a running server out. The only file that knows every part."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import anyio
from mcp.server.mcpserver import MCPServer

from fermata_mcp.domain.moments import counted
from fermata_mcp.engine.callers.token_book import TokenBook

from . import __version__
from .config import Settings, load_settings, unknown_variables
from .domain.account import unfilled_keys
from .domain.errors import StoreUnavailable
from .engine.clock import Clock
from .engine.lifespan import running_engine
from .engine.service import Service
from .logs import logging_to_stderr
from .media.processors import renders_at_once
from .providers.registry import declared_accounts
from .spans import exported
from .store.keyring import Keyring
from .store.opening import open_store
from .surface.people.sealing import Seal
from .surface.server import make_server
from .transports.front.front import Handed
from .transports.serving import Serving

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class App:
    """One running Fermata."""

    settings: Settings
    service: Service
    server: MCPServer[Any]
    now: Callable[[], int]


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process, with the accounts of every provider for which anything is set.

    Raises:
        InvalidSettings: Names every wrong variable, never its value.
    """
    return load_settings(declared_accounts(os.environ), **overrides)


@asynccontextmanager
async def running_app(
    settings: Settings, *, callers_are_local: bool, only: set[str] | None = None
) -> AsyncGenerator[App]:
    """Engine first, then the server over it; on leaving, unfinished work is handed over.

    Args:
        callers_are_local: Over stdio the caller is the user, who may name any file. Over http it may be anyone.
        only: The tasks to carry out; those that are asked about here are added. None means every task that is due.
    """
    roots = settings.input_roots
    if roots is None and not callers_are_local:
        roots = ()
    store = open_store(settings)
    clock = Clock().shared_by(store)
    with logging_to_stderr(settings.log_level, settings.log_format), exported(os.environ):
        _name_unknown_settings(settings)
        async with (
            running_engine(settings, store, input_roots=roots, only=only) as service,
            anyio.create_task_group() as telling,
        ):
            seal = None if callers_are_local else Seal()
            if seal is not None:
                telling.start_soon(seal.learn, Keyring(store, settings).key)
            stateless = settings.keeps_no_sessions and not callers_are_local
            server = make_server(
                service, clock.now, telling.start_soon, seal=seal, stateless=stateless, over_http=not callers_are_local
            )
            yield App(settings, service, server, clock.now)
            telling.cancel_scope.cancel()


def _name_unknown_settings(settings: Settings) -> None:
    unknown = unknown_variables(os.environ, settings.declared)
    if unknown:
        logger.warning("%s", unknown)
    for what in settings.short_secrets():
        logger.warning("%s is short enough to be guessed; use one of `openssl rand -hex 32`", what)
    for name in unfilled_keys(settings.declared, os.environ):
        logger.warning("%s holds only a reference that the host did not fill in; it counts as unset", name)


def serve_stdio(settings: Settings, handed: Handed | None = None) -> NoReturn:
    """Serve the host that started this process, until it leaves; go on with what was `handed` over, if anything."""
    from .transports.stdio import run_stdio

    run_stdio(lambda: _serving(settings, callers_are_local=True), handed)


def serve_http(settings: Settings, host: str, port: int) -> NoReturn:
    """Serve `/mcp`, `/sse` and `/healthz` until a signal comes."""
    from .transports.http import run_http

    run_http(lambda: _serving(settings, callers_are_local=False), host, port)


def work(settings: Settings) -> None:
    """Carry out what other processes on the same store are asked for, until a signal comes; serves no client."""
    anyio.run(_work, settings)


async def _work(settings: Settings) -> None:
    from .transports.signals import told_to_leave

    with logging_to_stderr(settings.log_level, settings.log_format), exported(os.environ):
        _name_unknown_settings(settings)
        async with running_engine(settings, open_store(settings), input_roots=()):
            all_is_loaded()
            renders = counted(renders_at_once(settings.renders_at_once), "render")
            print(f"Fermata {__version__}: working, {renders} at once", file=sys.stderr, flush=True)  # noqa: T201
            await told_to_leave()


@asynccontextmanager
async def _serving(settings: Settings, *, callers_are_local: bool) -> AsyncGenerator[Serving]:
    async with running_app(settings, callers_are_local=callers_are_local) as app:
        all_is_loaded()
        yield Serving(
            app.server,
            app.service.changes.drain,
            app.service,
            app.now,
            not callers_are_local and settings.keeps_no_sessions,
            not callers_are_local and await _is_locked(app.service.tokens),
        )


async def _is_locked(tokens: TokenBook) -> bool:
    """Whether callers must say who they are. A store that cannot be read names nobody, and lets nobody see anything."""
    with suppress(StoreUnavailable):
        for name in await tokens.doubles():
            logger.warning(
                "%s is named by FERMATA_AUTH_TOKENS and by a token of the store: only the former counts", name
            )
        return await tokens.in_use()
    return tokens.named_in_settings


def all_is_loaded() -> None:
    """What has been loaded by now stays: searching it for garbage would stop every answer for a tenth of a second."""
    gc.freeze()
    gc.enable()
