"""What every client here is told, and the steps of those that are called without a model."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TASK = re.compile(r"tsk_[0-9a-f]{32}")
PROMPT = "Make my track longer, please."


@dataclass(frozen=True)
class Job:
    """`command` starts the server, `model` is the address of the scripted model, `arguments` are extend_track's."""

    command: Sequence[str]
    env: Mapping[str, str]
    model: str
    arguments: Mapping[str, Any]
    options: Sequence[str]


def job() -> Job:
    return Job(**json.loads(sys.argv[1]))


async def drive(
    call: Callable[[str, Mapping[str, Any]], Awaitable[object]], read: Callable[[str], Awaitable[object]]
) -> None:
    """Extend, follow, list, read the task and its audio, and see that the connection lives."""
    made = shown(await call("extend_track", job().arguments))
    found = TASK.search(made)
    assert found, made
    task_id = found.group()
    while '"status":"running"' in shown(await call("get_task", {"task_id": task_id, "wait_seconds": 20})):
        pass
    await call("list_tasks", {})
    await read_both(task_id, read)
    await call("get_task", {"task_id": task_id})


async def read_both(told: object, read: Callable[[str], Awaitable[object]]) -> None:
    """Read the task that is named in what a client was told, and its audio."""
    found = TASK.search(str(told))
    assert found, told
    await read(f"fermata://tasks/{found.group()}")
    await read(f"fermata://tasks/{found.group()}/audio/0")


def shown(result: object) -> str:
    """A result as the client hands it over, in JSON without spaces where it is one of pydantic's."""
    dump: Any = getattr(result, "model_dump_json", None)
    return dump() if dump else str(result)
