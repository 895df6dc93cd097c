"""What belongs to one principal does not exist for another: the same answer as for what nobody has."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from fermata_mcp.surface.access.permissions import TOOLS
from support.engines import PATIENCE
from support.music import silence
from support.task_client import KnowsTasks, ask
from support.team import ANNA, BERT, Team, team

pytestmark = pytest.mark.anyio
NOBODY = "tsk_" + "0" * 32
Answer = tuple[bool, str]


@dataclass
class Line:
    """Two people on one server: anna has a finished task, bert looks for it."""

    team: Team
    task: str
    track: Path


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Line]:
    track = silence(tmp_path / "song.wav")
    async with team(tmp_path, monkeypatch) as at, at.client(ANNA) as anna:
        made = await anna.call_tool(
            "extend_track",
            {"source": str(track), "provider": "local", "add_seconds": 2, "idempotency_key": "k", "wait_seconds": 60},
        )
        assert not made.is_error, made
        assert made.structured_content is not None
        assert made.structured_content["status"] == "succeeded", made
        yield Line(at, made.structured_content["task_id"], track)


def told(result: Any) -> Answer:
    return bool(result.is_error), " ".join(getattr(block, "text", "") for block in result.content)


async def asked(client: Client, tool: str, **arguments: Any) -> Answer:
    return told(await client.call_tool(tool, arguments))


async def as_for_nobody(client: Client, task: str, ask: Any) -> None:
    """The answer for another's id is that for nobody's, but for the id itself."""
    found = await ask(client, task)
    for id_ in (task, NOBODY):
        found = (found[0], found[1].replace(id_, "ID"))
    expected = await ask(client, NOBODY)
    expected = (expected[0], expected[1].replace(NOBODY, "ID"))
    assert found == expected


ABOUT_A_TASK: dict[str, dict[str, Any]] = {
    "get_task": {},
    "cancel_task": {},
    "resolve_task": {"action": "check"},
    "play_track": {},
}
SOURCES = {"extend_track": {"add_seconds": 2}, "chain_extend": {"target_seconds": 9}}
ALONE = {"get_credits", "list_tasks", "upload_track"}


async def test_every_tool_is_looked_at(line: Line) -> None:
    async with line.team.client(BERT) as bert:
        names = {tool.name for tool in (await bert.list_tools()).tools}
    assert names <= ABOUT_A_TASK.keys() | SOURCES.keys() | ALONE, (
        "say here how the new tool names what belongs to others"
    )
    assert names <= TOOLS.keys(), "say in the table which scope it needs"


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_no_tool_tells_of_anothers_task(line: Line, era: str) -> None:
    async with line.team.client(BERT, era) as bert:
        for tool, more in ABOUT_A_TASK.items():

            async def ask(client: Client, task: str, tool: str = tool, more: dict[str, Any] = more) -> Answer:
                return await asked(client, tool, task_id=task, **more)

            await as_for_nobody(bert, line.task, ask)
        for tool, more in SOURCES.items():
            for form in ("{}", "{}/0"):

                async def extend(
                    client: Client, task: str, tool: str = tool, more: dict[str, Any] = more, form: str = form
                ) -> Answer:
                    return await asked(client, tool, source=form.format(task), provider="local", **more)

                await as_for_nobody(bert, line.task, extend)
        assert line.task not in (await asked(bert, "list_tasks"))[1]
        assert "Spent: 0 " in (await asked(bert, "get_credits"))[1]


async def test_a_cursor_of_another_leads_to_nothing_of_theirs(line: Line) -> None:
    async with line.team.client(ANNA) as anna, line.team.client(BERT) as bert:
        await asked(anna, "extend_track", source=str(line.track), provider="local", add_seconds=3, wait_seconds=60)
        page = (await anna.call_tool("list_tasks", {"limit": 1})).structured_content
        assert page is not None
        told_to_bert = (await bert.call_tool("list_tasks", {"cursor": page["next_cursor"]})).structured_content
        assert told_to_bert == {"tasks": [], "next_cursor": None}


async def test_no_resource_and_no_completion_tells_of_it(line: Line) -> None:
    async def read(client: Client, uri: str) -> Answer:
        try:
            return False, str(await client.read_resource(uri))
        except MCPError as error:
            return True, f"{error.error.code} {error.error.message}"

    async with line.team.client(BERT) as bert:
        templates = [one.uri_template for one in (await bert.list_resource_templates()).resource_templates]
        assert templates
        for template in templates:
            for index in ("0", "source", "7", "x"):

                async def of(client: Client, task: str, template: str = template, index: str = index) -> Answer:
                    return await read(client, template.replace("{task_id}", task).replace("{index}", index))

                await as_for_nobody(bert, line.task, of)
        assert json.loads((await bert.read_resource("fermata://tasks")).contents[0].text)["tasks"] == []  # type: ignore[union-attr]
        for template in templates:
            ref = ResourceTemplateReference(uri=template)
            assert (await bert.complete(ref, {"name": "task_id", "value": "tsk_"})).completion.values == []
        for prompt in (await bert.list_prompts()).prompts:
            completed = await bert.complete(PromptReference(name=prompt.name), {"name": "source", "value": ""})
            assert completed.completion.values == []


async def test_no_method_of_the_tasks_extension_reaches_it(line: Line) -> None:
    async with line.team.client(BERT, extensions=[KnowsTasks()]) as bert:
        asked: dict[str, dict[str, Any]] = {"tasks/get": {}, "tasks/update": {"inputResponses": {}}, "tasks/cancel": {}}
        for method, more in asked.items():

            async def of(client: Client, task: str, method: str = method, more: dict[str, Any] = more) -> Answer:
                try:
                    return False, str(await ask(client, method, task, **more))
                except MCPError as error:
                    return True, f"{error.error.code} {error.error.message}"

            await as_for_nobody(bert, line.task, of)


async def test_no_page_of_the_player_shows_it(line: Line) -> None:
    async with line.team.http(BERT) as bert, line.team.http(ANNA) as anna, line.team.http(None) as nobody:
        for path in ("", "/task", "/audio/0", "/audio/source", "/file/0", "/file/source"):
            assert (await anna.get(f"/player/{line.task}{path}")).status_code == 200, path
            assert (await nobody.get(f"/player/{line.task}{path}")).status_code == 401, path
            theirs = await bert.get(f"/player/{line.task}{path}")
            none = await bert.get(f"/player/{NOBODY}{path}")
            assert theirs.status_code == none.status_code == 404
            assert theirs.text.replace(line.task, "ID") == none.text.replace(NOBODY, "ID")


async def test_keys_requests_and_names_are_each_principals_own(line: Line) -> None:
    async with line.team.client(BERT) as bert, line.team.client(ANNA) as anna:
        same = {"source": str(line.track), "provider": "local", "add_seconds": 2, "wait_seconds": 60}
        again = (await anna.call_tool("extend_track", same)).structured_content
        own = (await bert.call_tool("extend_track", same)).structured_content
        assert again is not None
        assert own is not None
        assert again["task_id"] == line.task
        assert own["task_id"] != line.task
        keyed = (
            await bert.call_tool("extend_track", same | {"add_seconds": 3, "idempotency_key": "k"})
        ).structured_content
        assert keyed is not None
        assert keyed["status"] == "succeeded", "the key was another's"
        named = same | {"save_as": "night.wav", "add_seconds": 1}
        files: set[str] = set()
        for client in (anna, bert):
            saved = await client.call_tool("extend_track", named)
            assert saved.structured_content is not None, saved
            files.add(saved.structured_content["audio"]["url"])
        assert len(files) == 2, "each has a night.wav of their own"


async def test_a_clip_that_another_made_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Any) -> None:
    async with team(tmp_path, monkeypatch) as at, at.client(ANNA) as anna, at.client(BERT) as bert:
        source = {"source": str(silence(tmp_path / "song.wav")), "provider": "paid", "wait_seconds": 60}
        made = (await anna.call_tool("extend_track", source)).structured_content
        assert made is not None
        clip = made["clips"][0]["provider_clip_id"]
        for known, unknown in ((clip, "0" * len(clip)),):
            theirs = await asked(bert, "extend_track", source=f"clip:{known}", provider="paid")
            none = await asked(bert, "extend_track", source=f"clip:{unknown}", provider="paid")
            assert theirs[1].replace(known, "ID") == none[1].replace(unknown, "ID")
            assert theirs[0]
            assert none[0]
        again = await asked(anna, "extend_track", source=f"clip:{clip}", provider="paid", dry_run=True)
        assert not again[0], again


@pytest.mark.filterwarnings("ignore:resources/subscribe")
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_announcements_reach_only_the_owner(line: Line, era: str) -> None:
    history = "fermata://tasks"
    heard: dict[str, list[str]] = {"anna": [], "bert": []}
    bert_has_news = anyio.Event()

    async def note(name: str, message: Any) -> None:
        uri = getattr(getattr(getattr(message, "root", message), "params", None), "uri", None)
        if uri is not None:
            heard[name].append(str(uri))
            if name == "bert":
                bert_has_news.set()

    async def listen(client: Client, name: str) -> None:
        async with client.listen(resource_subscriptions=[history, f"{history}/{line.task}"]) as events:
            started[name].set()
            async for event in events:
                heard[name].append(str(getattr(event, "uri", "")))
                if name == "bert":
                    bert_has_news.set()

    started = {"anna": anyio.Event(), "bert": anyio.Event()}

    def noting(name: str) -> Any:
        async def handler(message: Any) -> None:
            await note(name, message)

        return handler

    with anyio.fail_after(PATIENCE):
        async with (
            line.team.client(ANNA, era, message_handler=noting("anna")) as anna,
            line.team.client(BERT, era, message_handler=noting("bert")) as bert,
            anyio.create_task_group() as group,
        ):
            for client, name in ((anna, "anna"), (bert, "bert")):
                if era == "auto":
                    group.start_soon(listen, client, name)
                    await started[name].wait()
                else:
                    for uri in (history, f"{history}/{line.task}"):
                        await client.session.subscribe_resource(uri)  # pyright: ignore[reportDeprecated]
            for client, seconds in ((anna, 4), (bert, 5)):
                await client.call_tool(
                    "extend_track",
                    {"source": str(line.track), "provider": "local", "add_seconds": seconds, "wait_seconds": 60},
                )
            await bert_has_news.wait()  # told after anything that anna's task would have caused
            group.cancel_scope.cancel()
    assert history in heard["anna"]
    assert set(heard["bert"]) == {history}
    assert f"{history}/{line.task}" not in heard["bert"]


async def test_a_session_serves_only_who_opened_it(line: Line) -> None:
    """The ids of sessions are no keys: another's is like one that nobody has, over both http transports."""
    begin = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }  # fmt: skip
    ping = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    kinds = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    async with line.team.http(ANNA) as anna, line.team.http(BERT) as bert:
        session = (await anna.post("/mcp", json=begin, headers=kinds)).headers["mcp-session-id"]
        own = await anna.post("/mcp", json=ping, headers=kinds | {"mcp-session-id": session})
        theirs = await bert.post("/mcp", json=ping, headers=kinds | {"mcp-session-id": session})
        none = await bert.post("/mcp", json=ping, headers=kinds | {"mcp-session-id": "0" * 32})
        assert own.status_code == 200
        assert theirs.status_code == none.status_code == 404
        assert theirs.text == none.text
        assert (await bert.request("DELETE", "/mcp", headers={"mcp-session-id": session})).status_code == 404
        assert (await anna.post("/mcp", json=ping, headers=kinds | {"mcp-session-id": session})).status_code == 200
        async with anna.stream("GET", "/sse") as stream:
            place = await _place(stream)
            assert (await anna.post(place, json=begin, headers=kinds)).status_code == 202
            theirs = await bert.post(place, json=ping, headers=kinds)
            none = await bert.post("/messages/?session_id=" + "0" * 32, json=ping, headers=kinds)
            assert theirs.status_code == none.status_code == 404
            assert theirs.text == none.text


async def _place(stream: Any) -> str:
    async for said in stream.aiter_lines():
        if said.startswith("data:"):
            return said.removeprefix("data:").strip()
    raise AssertionError("the stream names no place")
