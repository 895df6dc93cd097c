"""What every client can do, whichever transport and protocol era it came by. Each takes a client and a folder."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.session import IncomingMessage
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    ResourceUpdatedNotification,
    TextResourceContents,
)
from mcp.types import PromptReference as Prompt
from mcp.types import ResourceTemplateReference as Template

from support.processes import (
    PATIENCE,
    Message,
    Served,
    held_call,
    seconds_of,
    text,
    view,
    within,
    write_beat,
    write_music,
)

Journey = Callable[[Client, Path], Awaitable[None]]
TOOLS = {
    "extend_track", "chain_extend", "get_task", "get_credits", "list_tasks", "cancel_task", "resolve_task",
    "play_track",
}  # fmt: skip
TASK_FIELDS = {
    "task_id", "kind", "provider", "provider_reason", "status", "summary", "progress", "source", "audio", "clips",
    "steps", "credits", "honesty", "error", "warnings", "next", "created_at", "updated_at", "finished_at",
}  # fmt: skip
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
}
HISTORY = "fermata://tasks"
LENGTH_TOLERANCE = 0.05


async def lists_what_there_is(client: Client, folder: Path) -> None:
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} - {"upload_track"} == TOOLS  # over http, a file can be brought
    assert all(tool.title and tool.annotations and tool.output_schema for tool in tools)
    resources = {resource.uri for resource in (await client.list_resources()).resources}
    assert {HISTORY, "fermata://providers"} <= resources
    templates = {template.uri_template for template in (await client.list_resource_templates()).resource_templates}
    assert {f"{HISTORY}/{{task_id}}", f"{HISTORY}/{{task_id}}/audio/{{index}}"} <= templates
    for prompt in (await client.list_prompts()).prompts:
        asked = await client.get_prompt(prompt.name, {"source": "song.mp3", "provider": "local"})
        assert "song.mp3" in str(asked.messages)


async def lengthens_with_progress(client: Client, folder: Path) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    source = write_beat(folder / "song.wav")
    asked = {"source": str(source), "add_seconds": 4}
    result = await client.call_tool("extend_track", asked, progress_callback=hear)
    _check_progress(told)
    task = view(result)
    assert set(task) == TASK_FIELDS
    assert (task["status"], task["kind"], task["provider"]) == ("succeeded", "extend", "local")
    assert abs(seconds_of(Path(task["audio"]["file"])) - 10) <= LENGTH_TOLERANCE
    assert task["summary"]
    assert task["honesty"] in text(result)
    assert task["audio"]["file"] in text(result)


def _check_progress(told: list[tuple[float, float | None, str | None]]) -> None:
    values = [value for value, _, _ in told]
    assert len(values) >= 2
    assert values == sorted(set(values)), "progress only rises"
    assert all(message and total is not None and value <= total for value, total, message in told)


async def reads_the_audio_of_each_format(client: Client, folder: Path) -> None:
    for suffix, kind in MEDIA_TYPES.items():
        source = write_music(folder / f"song{suffix}")
        result = await client.call_tool("extend_track", {"source": str(source), "add_seconds": 4})
        task_id = view(result)["task_id"]
        blob = (await client.read_resource(f"fermata://tasks/{task_id}/audio/0")).contents[0]
        assert isinstance(blob, BlobResourceContents)
        data = base64.b64decode(blob.blob)
        assert blob.mime_type == kind
        assert not blob.meta
        assert abs(seconds_of(data) - 10) <= LENGTH_TOLERANCE


async def chains_to_a_target(client: Client, folder: Path) -> None:
    source = write_beat(folder / "song.wav")
    result = await client.call_tool("chain_extend", {"source": str(source), "target_seconds": 25})
    task = view(result)
    assert (task["kind"], task["status"]) == ("chain", "succeeded")
    assert task["steps"]
    assert abs(seconds_of(Path(task["audio"]["file"])) - 25) <= LENGTH_TOLERANCE


async def quotes_without_starting(client: Client, folder: Path) -> None:
    before = await _history(client)
    source = write_beat(folder / "song.wav")
    result = await client.call_tool("extend_track", {"source": str(source), "add_seconds": 4, "dry_run": True})
    task = view(result)
    assert not result.is_error
    assert (task["task_id"], task["status"], task["audio"]) == (None, "queued", None)
    assert any("nothing was sent" in warning for warning in task["warnings"])
    assert await _history(client) == before


async def hands_back_a_running_task(client: Client, folder: Path) -> None:
    async with _running(client, folder, wait_seconds=0) as started:
        waited = await client.call_tool("extend_track", held_call(folder, wait_seconds=0.5))
        for result in (started, waited):
            task = view(result)
            assert not result.is_error
            assert task["status"] in ("queued", "running")
            assert "get_task" in task["next"]
            assert task["task_id"] in task["next"]
        assert view(waited)["task_id"] == view(started)["task_id"]


async def follows_to_the_end(client: Client, folder: Path) -> None:
    source = write_beat(folder / "song.wav")
    started = view(await client.call_tool("extend_track", {"source": str(source), "add_seconds": 4, "wait_seconds": 0}))
    task = view(await client.call_tool("get_task", {"task_id": started["task_id"], "wait_seconds": PATIENCE}))
    assert (task["task_id"], task["status"]) == (started["task_id"], "succeeded")
    played = await client.call_tool("play_track", {"task_id": task["task_id"]})
    assert task["audio"]["file"] in text(played)
    again = view(await client.call_tool("extend_track", {"source": task["task_id"], "add_seconds": 3}))
    assert abs(again["audio"]["duration_seconds"] - 13) <= LENGTH_TOLERANCE


async def repeats_return_the_same_task(client: Client, folder: Path) -> None:
    first = view(await extend(client, folder, 4))
    again = view(await extend(client, folder, 4))
    assert again["task_id"] == first["task_id"]
    assert again["warnings"]
    other = view(await extend(client, folder, 4, take=2))
    assert other["task_id"] != first["task_id"]
    assert other["audio"]["file"] != first["audio"]["file"]


async def keys_hold_one_request(client: Client, folder: Path) -> None:
    key = f"key-{folder.name}-{folder.parent.name}"
    first = view(await extend(client, folder, 4, idempotency_key=key))
    assert view(await extend(client, folder, 4, idempotency_key=key))["task_id"] == first["task_id"]
    reused = await extend(client, folder, 5, idempotency_key=key)
    check_refusal(reused, "invalid_request", "idempotency_key")


async def cancels_a_running_task(client: Client, folder: Path) -> None:
    async with _running(client, folder, wait_seconds=0.5) as result:
        task_id = view(result)["task_id"]
        cancelled = await client.call_tool("cancel_task", {"task_id": task_id})
        assert not cancelled.is_error
        ended = view(await client.call_tool("get_task", {"task_id": task_id, "wait_seconds": PATIENCE}))
        assert (ended["status"], ended["audio"], ended["clips"]) == ("cancelled", None, [])


async def refuses_in_words(client: Client, folder: Path) -> None:
    finished = view(await extend(client, folder, 2))["task_id"]
    resolved = await client.call_tool("resolve_task", {"task_id": finished, "action": "resubmit"})
    check_refusal(resolved, "invalid_request", "succeeded")
    check_refusal(await client.call_tool("get_task", {"task_id": "tsk_nothing"}), "not_found", "tsk_nothing")
    check_refusal(await extend(client, folder, 2, add_secs=3), "invalid_request", "add_seconds")


async def pages_through_the_history(client: Client, folder: Path) -> None:
    made = [view(await extend(client, folder, 2, take=take, wait_seconds=0))["task_id"] for take in (1, 2, 3)]
    seen: list[str] = []
    page: Message = {"next_cursor": None}
    for _ in range(100):
        arguments = {"limit": 2} | ({"cursor": page["next_cursor"]} if page["next_cursor"] else {})
        page = view(await client.call_tool("list_tasks", arguments))
        assert len(page["tasks"]) <= 2
        seen += [task["task_id"] for task in page["tasks"]]
        if page["next_cursor"] is None:
            break
    assert len(seen) == len(set(seen))
    assert [task_id for task_id in seen if task_id in made] == made[::-1]
    failed = view(await client.call_tool("list_tasks", {"status": "failed", "limit": 100}))
    assert not set(made) & {task["task_id"] for task in failed["tasks"]}


async def finds_tasks_again(client: Client, folder: Path) -> None:
    task = view(await extend(client, folder, 2))
    assert task["task_id"] in await _history(client)
    shown = json.loads(await _read(client, f"{HISTORY}/{task['task_id']}"))
    assert set(shown) == TASK_FIELDS
    assert shown["audio"] | {"url": None} == task["audio"] | {"url": None}, "links are renewed"
    template = Template(type="ref/resource", uri=f"{HISTORY}/{{task_id}}")
    completed = await client.complete(template, {"name": "task_id", "value": task["task_id"][:12]})
    assert task["task_id"] in completed.completion.values


async def tells_of_providers(client: Client, folder: Path) -> None:
    credits = view(await client.call_tool("get_credits", {}))
    local = next(one for one in credits["providers"] if one["provider"] == "local")
    assert (local["configured"], local["balance"]) == (True, None)
    assert local["note"]
    facts = json.loads(await _read(client, "fermata://providers"))
    assert "local" in [one["name"] for one in facts["providers"]]
    prompt = Prompt(type="ref/prompt", name=(await client.list_prompts()).prompts[0].name)
    completed = await client.complete(prompt, {"name": "provider", "value": "lo"})
    assert completed.completion.values == ["local"]


SHORT: tuple[Journey, ...] = (lists_what_there_is, lengthens_with_progress, cancels_a_running_task)
ALL: tuple[Journey, ...] = (
    lists_what_there_is, tells_of_providers, lengthens_with_progress, reads_the_audio_of_each_format,
    chains_to_a_target, quotes_without_starting, hands_back_a_running_task, follows_to_the_end,
    repeats_return_the_same_task, keys_hold_one_request, cancels_a_running_task, refuses_in_words,
    pages_through_the_history, finds_tasks_again,
)  # fmt: skip


async def travel(journey: Journey, client: Client, folder: Path) -> None:
    """Make a journey, within bounds."""
    with anyio.fail_after(2 * PATIENCE):
        await journey(client, folder)


def name_of(journey: Journey) -> str:
    return getattr(journey, "__name__", "journey")


async def extend(client: Client, folder: Path, add_seconds: float, **more: Any) -> CallToolResult:
    """One extension of the folder's own track."""
    source = folder / "song.wav"
    if not source.exists():
        write_beat(source)
    return await client.call_tool("extend_track", {"source": str(source), "add_seconds": add_seconds, **more})


async def call_until_stopped(
    client: Client, arguments: Message, served: Served, number: signal.Signals
) -> CallToolResult:
    """The answer to an extension whose server is told to leave at the first progress, and does so in time."""
    told = anyio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.set()

    async def stop() -> None:
        await told.wait()
        with within(3, "leaving"):
            assert await anyio.to_thread.run_sync(served.signal_and_wait, number, PATIENCE) == 0

    results: list[CallToolResult] = []
    async with anyio.create_task_group() as group:
        group.start_soon(stop)
        results.append(await client.call_tool("extend_track", arguments, progress_callback=hear))
    return results[0]


def check_refusal(result: CallToolResult, code: str, *words: str) -> None:
    """`code: what happened. Next: what to do.`, with these words in it."""
    said = text(result)
    assert result.is_error, said
    assert said.startswith(f"{code}: "), said
    assert " Next: " in said
    assert all(word in said for word in words), said


@asynccontextmanager
async def _running(client: Client, folder: Path, **more: Any) -> AsyncGenerator[CallToolResult]:
    """A task that runs for long, and does not run on afterwards."""
    result = await client.call_tool("extend_track", held_call(folder, **more))
    try:
        yield result
    finally:
        await client.call_tool("cancel_task", {"task_id": view(result)["task_id"]})


async def _history(client: Client) -> list[str]:
    return [task["task_id"] for task in json.loads(await _read(client, HISTORY))["tasks"]]


async def _read(client: Client, uri: str) -> str:
    contents = (await client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "application/json"
    return contents.text


# --- hearing of changes -----------------------------------------------------------------------------------------------


class Ear:
    """A client's message handler that waits for the history to change."""

    def __init__(self) -> None:
        self.heard = anyio.Event()

    async def __call__(self, message: IncomingMessage) -> None:
        if isinstance(message, ResourceUpdatedNotification) and message.params.uri == HISTORY:
            self.heard.set()


async def hears_of_changes_by_subscription(client: Client, ear: Ear, folder: Path) -> None:
    """The older way; `ear` is the client's message handler."""
    await client.session.subscribe_resource(HISTORY)  # pyright: ignore[reportDeprecated]
    await extend(client, folder, 2)
    await ear.heard.wait()


async def hears_of_changes_by_listening(client: Client, folder: Path) -> None:
    """The newer way."""
    async with client.listen(resource_subscriptions=[HISTORY]) as events:
        await extend(client, folder, 2)
        async for event in events:
            assert getattr(event, "uri", None) == HISTORY
            return
