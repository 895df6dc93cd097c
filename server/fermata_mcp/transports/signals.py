"""When a serving process should leave."""

from __future__ import annotations

import os
import signal
import sys

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

PARENT_LOOK_SECONDS = 0.5
LEAVE = () if sys.platform == "win32" else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


async def told_to_leave(*, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
    """Return once a signal asks this process to end; started as soon as signals are heard."""
    if sys.platform == "win32":
        task_status.started()
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(*LEAVE) as received:
        task_status.started()
        async for _ in received:
            _hear_no_more()
            break
    _hear_no_more(for_good=True)


def _hear_no_more(*, for_good: bool = False) -> None:
    """A second signal must not cut short the leaving that the first one began.

    Closing the receiver brings the default handlers back, so signals are held up until they are ignored for good.
    """
    if not for_good:
        signal.pthread_sigmask(signal.SIG_BLOCK, LEAVE)
        return
    for number in LEAVE:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVE)


async def parent_is_gone() -> None:
    """Return once the process that started this one is no longer its parent.

    A host that dies may leave the pipe open in some other child, and then the end of input never comes.
    """
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110  (nothing else tells)
        await anyio.sleep(PARENT_LOOK_SECONDS)
