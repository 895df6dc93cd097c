"""The tasks extension over real rows: the same ids and facts as the tools, and every promise about money."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult

from fermata_mcp.app import running_app
from fermata_mcp.domain.errors import GenerationFailed
from fermata_mcp.providers.base import Accepted, Refused, Unclear
from support.engines import House, settings_in
from support.remote import Remote
from support.task_client import EXTENSION, OVER, KnowsTasks, ask, created, until

pytestmark = pytest.mark.anyio
METHODS: dict[str, dict[str, Any]] = {"tasks/get": {}, "tasks/update": {"inputResponses": {}}, "tasks/cancel": {}}
NO_SUCH = "tsk_" + 32 * "0"


async def nobody_there(context: Any, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="cancel")


@asynccontextmanager
async def talking(
    house: House, *, asks: bool = True, tasks: bool = True, mode: str = "auto", **settings: Any
) -> AsyncGenerator[Client]:
    chosen = settings_in(house.folder, **settings)
    async with (
        running_app(chosen, callers_are_local=True) as app,
        Client(
            app.server, mode=mode, extensions=[KnowsTasks()] if tasks else [],
            elicitation_callback=nobody_there if asks else None,
        ) as client,
    ):  # fmt: skip
        yield client


def call(house: House, **more: Any) -> dict[str, Any]:
    return {"source": str(house.track), "provider": "paid"} | more


async def test_a_call_is_answered_with_a_task_that_both_surfaces_know(house: House, remote: Remote) -> None:
    remote.finishes = False
    async with talking(house) as client:
        task = await created(client, "extend_track", call(house))
        seen = await client.call_tool("get_task", {"task_id": task["taskId"]})
        again = await ask(client, "tasks/get", task["taskId"])
    assert seen.structured_content
    assert (task["resultType"], task["status"], task["ttlMs"]) == ("task", "working", None)
    assert task["taskId"] == seen.structured_content["task_id"] == again["taskId"]
    assert {"result", "error", "inputRequests"}.isdisjoint(task)


async def test_its_result_is_what_the_tool_would_have_said(house: House, remote: Remote) -> None:
    async with talking(house) as client:
        task = await created(client, "chain_extend", call(house, target_seconds=34, provider="paid"))
        done = await until(client, task["taskId"], *OVER)
        told = await client.call_tool("get_task", {"task_id": task["taskId"]})
    assert done["status"] == "completed"
    assert done["resultType"] == "complete"
    assert done["result"]["structuredContent"] == told.structured_content
    assert [one["text"] for one in done["result"]["content"]] == [
        one.text for one in told.content if one.type == "text"
    ]


async def test_while_it_works_it_says_so_in_words(house: House, remote: Remote) -> None:
    remote.finishes = False
    async with talking(house) as client:
        task = await created(client, "extend_track", call(house))
        working = await until(client, task["taskId"], "working")
        while not working["statusMessage"].startswith("paid: half way"):
            working = await ask(client, "tasks/get", task["taskId"])
    assert " s of about " in working["statusMessage"]


@pytest.mark.parametrize(("tasks", "mode"), [(False, "auto"), (True, "legacy"), (False, "legacy")])
async def test_who_does_not_declare_it_gets_a_result(house: House, remote: Remote, tasks: bool, mode: str) -> None:
    async with talking(house, tasks=tasks, mode=mode) as client:
        result = await client.call_tool("extend_track", call(house, wait_seconds=60))
        assert result.structured_content
        assert result.structured_content["status"] == "succeeded"
        for method, params in METHODS.items():
            with pytest.raises(MCPError) as refused:
                await ask(client, method, result.structured_content["task_id"], **params)
            assert refused.value.error.code == (-32601 if mode == "legacy" else -32021)


async def test_the_server_says_that_it_knows_tasks(house: House, remote: Remote) -> None:
    async with talking(house) as client:
        extensions = client.server_capabilities.extensions
    assert extensions is not None
    assert EXTENSION in extensions


@pytest.mark.parametrize("arguments", [{"source": "/no/such.wav"}, {"dry_run": True}, {"nonsense": 1}])
async def test_what_begins_no_task_is_answered_at_once(house: House, remote: Remote, arguments: dict[str, Any]) -> None:
    async with talking(house) as client:
        result = await client.call_tool("extend_track", call(house) | arguments)
    assert "task" not in (result.structured_content or {})
    assert result.content
    assert remote.sent == 0


async def test_what_did_not_work_is_a_result_that_is_an_error(house: House, remote: Remote) -> None:
    remote.answers.append(Refused(GenerationFailed("they could not.")))
    async with talking(house) as client:
        task = await created(client, "extend_track", call(house))
        done = await until(client, task["taskId"], *OVER)
    assert (done["status"], done["result"]["isError"]) == ("completed", True)
    assert "generation_failed" in done["result"]["content"][0]["text"]
    assert "error" not in done


@pytest.mark.parametrize("method", METHODS)
async def test_an_id_that_nobody_knows_is_a_wrong_parameter(house: House, remote: Remote, method: str) -> None:
    async with talking(house) as client:
        with pytest.raises(MCPError, match="no task") as refused:
            await ask(client, method, NO_SUCH, **METHODS[method])
    assert refused.value.error.code == -32602


class TestCancelling:
    async def test_it_says_what_may_still_be_charged(self, house: House, remote: Remote) -> None:
        remote.finishes = False
        async with talking(house) as client:
            task = await created(client, "extend_track", call(house))
            await remote.until_submitted()
            assert await ask(client, "tasks/cancel", task["taskId"]) == {"resultType": "complete"}
            gone = await until(client, task["taskId"], "cancelled")
        assert "may be charged" in gone["statusMessage"]
        assert {"result", "error", "inputRequests"}.isdisjoint(gone)

    async def test_what_is_over_stays_as_it_is(self, house: House, remote: Remote) -> None:
        async with talking(house) as client:
            task = await created(client, "extend_track", call(house))
            before = await until(client, task["taskId"], *OVER)
            await ask(client, "tasks/cancel", task["taskId"])
            assert await ask(client, "tasks/get", task["taskId"]) == before


class TestAnUnknownOutcome:
    """The answer to the paid request was lost: only a person's word sends again, and it is asked for."""

    async def test_the_person_is_asked_and_the_word_counts(self, house: House, remote: Remote) -> None:
        remote.answers += [Unclear("the connection broke"), Accepted("second")]
        async with talking(house) as client:
            task = await created(client, "extend_track", call(house))
            asked = await until(client, task["taskId"], "input_required")
            (name,) = asked["inputRequests"]
            assert asked["inputRequests"][name]["method"] == "elicitation/create"
            assert "may have been charged" in asked["inputRequests"][name]["params"]["message"]
            assert remote.sent == 1
            answers = {name: {"action": "accept", "content": {"action": "resubmit"}}}
            assert await ask(client, "tasks/update", task["taskId"], inputResponses=answers) == {
                "resultType": "complete"
            }
            done = await until(client, task["taskId"], *OVER)
        assert (done["status"], done["result"]["isError"], remote.sent) == ("completed", False, 2)

    @pytest.mark.parametrize(
        "answer",
        [
            {"action": "decline"}, {"action": "cancel"}, {"action": "accept"}, {"action": "accept", "content": {}},
            {"action": "accept", "content": {"action": "pay"}}, {"nonsense": 1}, 5, None,
        ],
    )  # fmt: skip
    async def test_who_says_nothing_has_decided_nothing(self, house: House, remote: Remote, answer: Any) -> None:
        remote.answers.append(Unclear("the connection broke"))
        async with talking(house) as client:
            task = await created(client, "extend_track", call(house))
            asked = await until(client, task["taskId"], "input_required")
            await ask(
                client, "tasks/update", task["taskId"], inputResponses={next(iter(asked["inputRequests"])): answer}
            )
            after = await ask(client, "tasks/get", task["taskId"])
        assert (after["status"], remote.sent) == ("input_required", 1)

    async def test_giving_up_ends_it(self, house: House, remote: Remote) -> None:
        remote.answers.append(Unclear("the connection broke"))
        async with talking(house) as client:
            task = await created(client, "extend_track", call(house))
            asked = await until(client, task["taskId"], "input_required")
            answers = {name: {"action": "accept", "content": {"action": "give_up"}} for name in asked["inputRequests"]}
            await ask(client, "tasks/update", task["taskId"], inputResponses=answers)
            done = await until(client, task["taskId"], *OVER)
        assert done["result"]["isError"]
        assert remote.sent == 1

    async def test_who_cannot_ask_is_told_what_to_do(self, house: House, remote: Remote) -> None:
        remote.answers.append(Unclear("the connection broke"))
        async with talking(house, asks=False) as client:
            task = await created(client, "extend_track", call(house))
            done = await until(client, task["taskId"], *OVER)
        assert "resolve_task" in done["result"]["content"][0]["text"]
        assert "inputRequests" not in done


async def test_the_next_start_knows_it_by_the_same_id(house: House, remote: Remote) -> None:
    remote.finishes = False
    async with talking(house) as client:
        task = await created(client, "extend_track", call(house))
        await remote.until_submitted()
    remote.finishes = True
    async with talking(house) as client:
        done = await until(client, task["taskId"], *OVER)
    assert (done["status"], done["result"]["isError"], remote.sent) == ("completed", False, 1)
