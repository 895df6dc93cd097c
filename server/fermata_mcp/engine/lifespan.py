"""The engine's life: one per process, started before any transport and ended after the last."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.engine.upkeep.housekeeping import Housekeeping
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.engine.watching.observed import Observed
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.network.tls import tls
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store
from fermata_mcp.store.keyring import Keyring

from .audio.opening import library_of
from .clock import Clock
from .hooks import HookAddresses, Hooks
from .operating import Operating
from .progress import Changes
from .runner import HEAD_START_SECONDS, Runner
from .service import Service
from .shared import Engine

HAND_OVER_SECONDS = 1.0
LAST_ANSWERS_SECONDS = 0.7
CLOSE_SECONDS = 0.5
logger = logging.getLogger(__name__)


@asynccontextmanager
async def running_engine(
    settings: Settings,
    store: Store,
    *,
    input_roots: tuple[Path, ...] | None,
    clock: Clock | None = None,
    only: set[str] | None = None,
) -> AsyncGenerator[Service]:
    """One person's service; everybody's tasks are being carried out for as long as the context lasts.

    Args:
        only: The tasks to carry out; those that are asked about here are added. None means every task that is due.
    """
    clock = (clock or Clock()).shared_by(store)
    home = f"{os.getpid()}-{secrets.token_hex(4)}"
    changes = Changes(store)
    group = anyio.create_task_group()
    meter, addresses = Meter(clock.monotonic), HookAddresses(Keyring(store, settings), settings)
    registry = Registry(
        settings, lambda work: group.start_soon(work), lambda remote_id: runner.remote_changed(remote_id), addresses,
        lambda provider: Observed(provider, meter),
    )  # fmt: skip
    decoder = Decoder(settings.data_dir)
    library = library_of(settings, store, clock)
    runner = Runner(store, registry, changes, settings, clock, home, decoder, library, only, meter)
    hooks = Hooks(store, registry, runner, addresses, clock, meter)
    operating = Operating(store, registry, changes, settings, clock, meter, hooks)
    if settings.audio_is_shared:
        operating.also_check("objects", library.check)
    changes.when_work_comes(runner.wake)
    try:
        async with group:
            group.start_soon(runner.run)
            group.start_soon(changes.watch_other_processes)
            group.start_soon(_warm_up, registry)
            if only is None:
                group.start_soon(Housekeeping(store, settings, clock, library).run)
            if settings.hears_hooks:
                group.start_soon(hooks.run)
            try:
                engine = Engine(
                    store, registry, runner, changes, settings, clock, home, decoder, input_roots, operating, library
                )
                group.start_soon(engine.upkeep.run)
                yield Service(engine)
            finally:
                changes.drain()
                with anyio.CancelScope(shield=True):
                    await runner.drain_submits(LAST_ANSWERS_SECONDS)
                group.cancel_scope.cancel()
    finally:
        await _hand_over(store, home, clock, runner)
        for close in (decoder.aclose, registry.aclose):
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await close()


async def _warm_up(registry: Registry) -> None:
    """Do beside everything else, soon, what the first paid call would otherwise wait for."""

    def load() -> None:
        if any(registry.spec(name).set_by for name in registry.configured()):
            tls()

    await anyio.sleep(HEAD_START_SECONDS)
    try:
        await anyio.to_thread.run_sync(load)
    except Exception:  # whatever is wrong with a provider is told to whoever uses it
        logger.debug("warming up failed", exc_info=True)


async def _hand_over(store: Store, home: str, clock: Clock, runner: Runner) -> None:
    """Leave unfinished work to the next process at once, instead of after the grace time."""
    with anyio.move_on_after(HAND_OVER_SECONDS, shield=True):
        try:
            await store.release(home, now=clock.now(), interrupted=tuple(runner.interrupted))
        except FermataError as error:
            logger.warning("unfinished work will be taken over later: %s", error.message)
        await store.close()
