"""Each parameter of the tools that start work has its word on the command line, and each flag is one."""

from __future__ import annotations

from typing import Any, cast

from fermata_mcp.cli.arguments import STATUSES, make_parser
from fermata_mcp.cli.extending.tracks import ASKED
from fermata_mcp.cli.words.completion import commands_of
from fermata_mcp.cli.words.parameters import COMMANDS, FLAGS, LOCAL_VALUES, WITHOUT_A_FLAG
from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest
from fermata_mcp.domain.task import TASK_STATUSES
from fermata_mcp.providers.local.provider import SPEC
from fermata_mcp.surface.tools import Toolbox, make_tools

HANDED_ON_OTHERWISE = {
    "source", "add_seconds", "target_seconds", "options", "save_as", "max_credits", "max_usd", "dry_run",
}  # fmt: skip


def test_every_parameter_has_a_word() -> None:
    known = {*ExtendRequest.model_fields, *ChainRequest.model_fields}
    assert known == FLAGS.keys() | WITHOUT_A_FLAG
    assert ASKED.keys() | HANDED_ON_OTHERWISE == FLAGS.keys()


def test_every_word_can_be_said() -> None:
    [extend] = [command for command in commands_of(make_parser()) if command.name == "extend"]
    assert {option.name for option in extend.options} >= {flag for flag in FLAGS.values() if flag.startswith("--")}


def test_every_tool_is_a_command() -> None:
    assert {tool.name for tool in make_tools(Toolbox(cast(Any, None), lambda: 0))} == COMMANDS.keys()


def test_values_that_are_offered_are_known() -> None:
    known = dict(SPEC.options or {})
    assert {name: tuple(values) for name, values in known.items() if name in LOCAL_VALUES} == LOCAL_VALUES
    assert tuple(TASK_STATUSES) == STATUSES
