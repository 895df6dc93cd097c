"""What became of a paid request whose answer was lost, where a provider's own posts name its work.

A post is a hint that anybody could have written who knows the attempt's address. Its id is taken for ours only once the
provider itself, asked with our key, shows that work; then money goes on as if the answer had come.
"""

from __future__ import annotations

import logging
from typing import Literal

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import ProviderError
from fermata_mcp.domain.task import Step
from fermata_mcp.engine.clock import Clock
from fermata_mcp.providers.base import ARRIVED, Provider
from fermata_mcp.store.base import AlreadyKnown, Store

from . import moves
from .recorder import Recorder

# Evidence that cannot be had now is waited for this long; then a person is asked.
PATIENCE_MS = 900_000
Learned = Literal["its id", "nothing", "not now"]
logger = logging.getLogger(__name__)


async def learn_by_news(step: Step, provider: Provider, store: Store, recorder: Recorder, clock: Clock) -> Learned:
    """Look for the work that posts about the newest attempt named; once it is there the step waits for it."""
    if step.attempt_id is None or provider.account_id != step.account_id or provider.spec.hook is None:
        return "nothing"
    answers = [
        await _tried(step, remote_id, provider, recorder, clock) for remote_id in await store.ids_told(step.attempt_id)
    ]
    if "its id" in answers:
        return "its id"
    return "not now" if "not now" in answers else "nothing"


def kept_of_answer(step: Step, settings: Settings) -> str | None:
    """What came of an answer that was to be audio before this process, or another one on this machine, was ended."""
    if step.attempt_id is None:
        return None
    found = sorted((settings.data_dir / ARRIVED).glob(f"{step.attempt_id}.*"))
    return f"{found[0].stat().st_size} bytes of the answer are kept in {found[0]}." if found else None


async def _tried(step: Step, remote_id: str, provider: Provider, recorder: Recorder, clock: Clock) -> Learned:
    try:
        snapshot = await provider.poll(remote_id, step.work)
    except ProviderError:
        return "not now" if clock.now() - (step.submitted_at or 0) < PATIENCE_MS else "nothing"
    if not snapshot.shows_work:
        return "nothing"
    now = clock.now()
    try:
        taken = await recorder.apply(step, moves.accepted(step, remote_id, now, now))
    except AlreadyKnown:
        return "nothing"  # the work of another task
    if taken:
        logger.info("task %s: a lost answer was learned from a post of %s", step.task_id, provider.spec.name)
    return "its id"
