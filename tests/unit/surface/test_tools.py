"""Arguments as clients really send them: misspelt, ill-typed, packed as text, or far too large."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from mcp import Client
from mcp.types import CallToolResult

from fermata_mcp.app import running_app
from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.surface.access.callers import called_by
from support.engines import House, settings_in, text_of

pytestmark = pytest.mark.anyio
BIG = "x" * 300_000


async def answered(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    return await client.call_tool(tool, arguments)


async def refused(house: House, tool: str, **arguments: Any) -> str:
    """The text of a call that must be refused."""
    async with house.server() as client:
        result = await answered(client, tool, **arguments)
    assert result.is_error, text_of(result)
    assert ". Next: " in text_of(result)
    return text_of(result)


class TestUnknownParameters:
    @pytest.mark.parametrize(
        ("tool", "wrong", "meant"),
        [
            ("extend_track", "add_second", "add_seconds"),
            ("extend_track", "continueAt", "continue_at"),
            ("chain_extend", "target", "target_seconds"),
            ("get_task", "waitSeconds", "wait_seconds"),
            ("list_tasks", "limits", "limit"),
        ],
    )
    async def test_the_near_match_is_named(self, house: House, tool: str, wrong: str, meant: str) -> None:
        text = await refused(house, tool, **{wrong: 1})
        assert text.startswith("invalid_request: ")
        assert f"unknown parameter `{wrong}` (did you mean `{meant}`?)" in text

    @pytest.mark.parametrize(
        ("tool", "wrong", "words"),
        [
            ("extend_track", "target_seconds", "a total length is asked for with chain_extend"),
            ("chain_extend", "add_seconds", "target_seconds"),
            ("extend_track", "output", "did you mean `save_as`?"),
            ("extend_track", "ending", "options.ending"),
            ("extend_track", "repeat", "options.repeat"),
            ("chain_extend", "avoid", "options.avoid"),
            ("chain_extend", "duration", "did you mean `target_seconds`?"),
            ("extend_track", "duration", "did you mean `add_seconds`?"),
        ],
    )
    async def test_names_of_other_tools_are_understood(self, house: House, tool: str, wrong: str, words: str) -> None:
        assert words in await refused(house, tool, **{wrong: 60})

    async def test_without_a_near_match_the_known_ones_are_listed(self, house: House) -> None:
        text = await refused(house, "get_task", task_id="tsk_1", zzzzzz=1)
        assert "known are task_id, wait_seconds" in text

    async def test_all_that_is_wrong_is_told_at_once(self, house: House) -> None:
        text = await refused(house, "extend_track", titel="a", style_weight=7, add_seconds="long", dry_run="maybe")
        for part in ("`source` is missing", "did you mean `title`", "`style_weight`", "`add_seconds`", "`dry_run`"):
            assert part in text

    async def test_a_tool_without_parameters_of_its_own_refuses_them_too(self, house: House) -> None:
        assert "unknown parameter `providers`" in await refused(house, "get_credits", providers="local")


class TestValues:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("source", 5),
            ("source", None),
            ("source", ["/a.wav"]),
            ("add_seconds", "long"),
            ("add_seconds", [30]),
            ("add_seconds", 0),
            ("add_seconds", -30),
            ("continue_at", {"s": 1}),
            ("take", 1.5),
            ("vocal_gender", "female"),
            ("options", "not json"),
            ("options", "[1, 2]"),
            ("options", 7),
            ("stitch", "always"),
            ("idempotency_key", "k" * 201),
        ],
    )
    async def test_a_wrong_value_is_an_invalid_request_that_names_its_parameter(
        self, house: House, name: str, value: Any
    ) -> None:
        text = await refused(house, "extend_track", **({"source": str(house.track)} | {name: value}))
        assert text.startswith("invalid_request: ")
        assert f"`{name}`" in text

    @pytest.mark.parametrize("name", ["add_seconds", "continue_at", "wait_seconds", "weirdness", "max_credits"])
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    async def test_what_is_no_number_is_refused_before_it_reaches_the_work(
        self, house: House, name: str, value: float
    ) -> None:
        """Given to the server itself, because a client would write `null`; other clients write `1e999`."""
        async with running_app(settings_in(house.folder), callers_are_local=True) as app:
            with called_by(ONE_PERSON, None):
                result = await app.server.call_tool("extend_track", {"source": str(house.track), name: value})
        assert isinstance(result, CallToolResult)
        assert text_of(result).startswith("invalid_request: ")
        assert f"`{name}`" in text_of(result)

    async def test_the_value_itself_is_not_repeated(self, house: House) -> None:
        text = await refused(house, "extend_track", source=str(house.track), vocal_gender="my-secret-words")
        assert "my-secret-words" not in text

    @pytest.mark.parametrize("index", [0, 2])
    async def test_the_place_in_a_list_is_told(self, house: House, index: int) -> None:
        prompts: list[Any] = ["a", "b", "c"]
        prompts[index] = 5
        text = await refused(house, "chain_extend", source=str(house.track), target_seconds=60, prompts=prompts)
        assert f"`prompts.{index}`" in text

    async def test_numbers_as_text_are_understood(self, house: House) -> None:
        async with house.server() as client:
            result = await answered(client, "extend_track", source=str(house.track), add_seconds="12.5", dry_run="true")
        assert not result.is_error, text_of(result)


class TestPackedArguments:
    async def test_objects_and_lists_may_come_as_json_text(self, house: House) -> None:
        """Both texts are unpacked: the provider, not the type, is what refuses them."""
        text = await refused(
            house, "chain_extend", source=str(house.track), target_seconds=60,
            options=json.dumps({"seed": 1}), prompts=json.dumps(["a", "b"]),
        )  # fmt: skip
        assert text.startswith("unsupported_field: ")
        assert "options.seed" in text
        assert "prompts" in text

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 30_000], ids=["list", "object"])
    async def test_bottomless_json_is_the_callers_mistake(self, house: House, text: str) -> None:
        answer = await refused(house, "extend_track", source=str(house.track), options=text)
        assert answer.startswith("invalid_request: ")

    @pytest.mark.parametrize(
        "text", ['{"a": NaN}', '{"a": -1e999}', '{"\\ud800": 1}', '{"a":' + "[" * 900 + "]" * 900 + "}"]
    )
    async def test_what_could_not_be_read_again_is_the_callers_mistake(self, house: House, text: str) -> None:
        answer = await refused(house, "extend_track", source=str(house.track), options=text)
        assert answer.startswith("invalid_request: `options`: ")


class TestSize:
    @pytest.mark.parametrize(
        ("tool", "arguments"),
        [
            ("extend_track", {"prompt": BIG}),
            ("extend_track", {"options": {"x": BIG}}),
            ("extend_track", {"options": {BIG: 1}}),
            ("extend_track", {"lyrics": "ф" * 150_000}),
            ("get_task", {"task_id": BIG}),
            ("list_tasks", {"cursor": BIG}),
            ("get_credits", {BIG: 1}),
        ],
        ids=["prompt", "options", "option name", "bytes not characters", "task_id", "cursor", "parameter name"],
    )
    async def test_more_than_256_kb_is_too_large_with_the_limit_named(
        self, house: House, tool: str, arguments: dict[str, Any]
    ) -> None:
        text = await refused(house, tool, **({"source": str(house.track)} if "extend" in tool else {}), **arguments)
        assert text.startswith("too_large: ")
        assert "262144" in text
        assert len(text) < 300

    async def test_long_but_allowed_arguments_are_judged_by_their_own_limits(self, house: House) -> None:
        text = await refused(house, "extend_track", source=str(house.track), title="x" * 5000)
        assert "`title`" in text
        assert len(text) < 300

    async def test_a_long_unknown_name_is_cut(self, house: House) -> None:
        assert len(await refused(house, "get_task", **{"y" * 10_000: 1})) < 400


class TestWhatIsAskedFor:
    @pytest.mark.parametrize(
        ("tool", "arguments", "code"),
        [
            ("get_task", {"task_id": "tsk_" + "0" * 32}, "not_found"),
            ("get_task", {"task_id": "nonsense"}, "not_found"),
            ("cancel_task", {"task_id": "nonsense"}, "not_found"),
            ("resolve_task", {"task_id": "nonsense", "action": "check"}, "not_found"),
            ("resolve_task", {"task_id": "nonsense", "action": "pray"}, "invalid_request"),
            ("play_track", {"task_id": "nonsense"}, "not_found"),
            ("list_tasks", {"status": "sleeping"}, "invalid_request"),
            ("list_tasks", {"cursor": "elsewhere"}, "invalid_request"),
            ("list_tasks", {"limit": 101}, "invalid_request"),
            ("get_credits", {"provider": "nobody"}, "invalid_request"),
            ("extend_track", {"source": "/no/such/file.wav"}, "invalid_request"),
            ("extend_track", {"source": "/tmp"}, "invalid_request"),
            ("extend_track", {"source": "{track}", "provider": "nobody"}, "invalid_request"),
            ("extend_track", {"source": "{track}", "continue_at": 99}, "invalid_request"),
            ("extend_track", {"source": "{track}", "lyrics": "la"}, "unsupported_field"),
            ("extend_track", {"source": "tsk_" + "0" * 32}, "unknown_track"),
            ("extend_track", {"source": "{track}", "add_seconds": 1e9}, "too_large"),
        ],
    )
    async def test_codes(self, house: House, tool: str, arguments: dict[str, Any], code: str) -> None:
        filled = {k: str(house.track) if v == "{track}" else v for k, v in arguments.items()}
        assert (await refused(house, tool, **filled)).startswith(f"{code}: ")

    async def test_a_list_of_nothing_is_no_error(self, house: House) -> None:
        async with house.server() as client:
            for status in (None, "queued", "unknown"):
                result = await answered(client, "list_tasks", status=status)
                assert not result.is_error
                assert result.structured_content == {"tasks": [], "next_cursor": None}


@pytest.mark.parametrize("written", ["two minutes", "2:5", "90s"])
async def test_what_is_no_time_is_told_how_times_are_written(house: House, written: str) -> None:
    text = await refused(house, "extend_track", source=str(house.track), add_seconds=written)
    assert "`add_seconds`: is not a time: write seconds as a number, or 2:05" in text


async def test_a_task_may_be_named_by_one_of_its_clips(house: House) -> None:
    async with house.server() as client:
        made = await answered(client, "extend_track", source=str(house.track), add_seconds=2, wait_seconds=60)
        assert made.structured_content is not None
        task_id = made.structured_content["task_id"]
        followed = await answered(client, "get_task", task_id=f"{task_id}/0")
        assert followed.structured_content is not None
        assert followed.structured_content["task_id"] == task_id
        assert f"{task_id}/0 (1 of 1)" in text_of(await answered(client, "play_track", task_id=f"{task_id}/0"))
        assert "index from 0 to 0" in text_of(await answered(client, "play_track", task_id=f"{task_id}/3"))


async def test_a_result_says_which_options_were_carried_out(house: House) -> None:
    async with house.server() as client:
        made = await answered(
            client, "extend_track", source=str(house.track), options={"ending": "fade"}, wait_seconds=60
        )
    assert "As asked: ending fade." in text_of(made)
    assert made.structured_content is not None
    assert "As asked: ending fade." in made.structured_content["honesty"]


@pytest.mark.parametrize(
    "tool", ["extend_track", "chain_extend", "get_task", "list_tasks", "resolve_task", "play_track"]
)
async def test_names_that_hosts_add_are_ignored_with_a_word(house: House, tool: str) -> None:
    added = {
        "toolCallId": "call_1",
        "sessionId": "s",
        "chatInput": "longer, please",
        "_meta": {"a": 1},
        "action": "check",
    }
    asked = {"source": str(house.track), "dry_run": True, "target_seconds": 9, "task_id": "tsk_1"}
    async with house.server() as client:
        known = {one.name: set(one.input_schema["properties"]) for one in (await client.list_tools()).tools}[tool]
        given = {name: value for name, value in (asked | added).items() if name in known | added.keys()}
        result = await client.call_tool(tool, given)
        refused = await client.call_tool(tool, given | {"surprise": 1})
    text: Any = result.content[0]
    assert "unknown parameter" not in text.text
    if result.structured_content and "warnings" in result.structured_content:
        assert (
            "Ignored, since hosts add it by themselves: _meta, action, chatInput, sessionId, toolCallId." in text.text
        )
        warnings = cast("list[str]", result.structured_content["warnings"])
        assert any("Ignored" in warning for warning in warnings)
    assert "unknown parameter `surprise`" in cast(Any, refused.content[0]).text
