"""The words of the command line: what is meant, or code 2 and why."""

from __future__ import annotations

import pytest

from fermata_mcp.cli.arguments import parse


def test_no_command_serves_a_host() -> None:
    told = parse([])
    assert (told.command, told.transport, told.host, told.port) == ("serve", "stdio", "127.0.0.1", 8321)


def test_an_extension_in_words() -> None:
    told = parse(
        ["extend", "a.wav", "--by", "4.5", "--from", "2", "--option", "ending=loop", "--option", "n=3", "--force"]
    )
    assert (told.source, told.by, told.to, told.start, told.force) == (["a.wav"], 4.5, None, 2.0, True)
    assert dict(told.options) == {"ending": "loop", "n": 3}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("extend a.wav --by x", "write seconds, m:ss or h:mm:ss"),
        ("extend a.wav --by -1", "not a length of time"),
        ("extend a.wav --by inf", "not a length of time"),
        ("extend a.wav --by 1 --to 2", "not allowed with"),
        ("extend a.wav --option ending", "not NAME=VALUE"),
        ("extend", "SOURCE"),
        ("serve --port 70000", "not a port"),
        ("resolve tsk_1 pay", "invalid choice"),
        ("task", "ID"),
        ("play", "ID"),
        ("dance", "invalid choice"),
        ("completion tcsh", "invalid choice"),
    ],
)
def test_a_wrong_call_is_code_2_and_says_why(call: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(call.split())
    assert left.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["tasks", "task x", "cancel x", "resolve x check", "credits", "providers", "doctor"]
)
def test_whatever_tells_something_can_tell_it_as_json(command: str) -> None:
    assert parse([*command.split(), "--json"]).json
