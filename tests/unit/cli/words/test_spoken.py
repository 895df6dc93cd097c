"""Nothing that tools say to assistants reaches a person at a command line: over every sentence in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fermata_mcp
from fermata_mcp.cli.words.parameters import COMMANDS, FLAGS, WITHOUT_A_FLAG
from fermata_mcp.cli.words.spoken import own_words, spoken, spoken_view

HOUSE = Path(fermata_mcp.__file__).parent
ROOMS = ("domain", "engine", "media", "providers", "store", "rearrange", "surface/results", "surface/people")
FILES = ("config.py", "surface/errors.py", "surface/tools.py", "surface/resources.py")
OURS = [*COMMANDS, *WITHOUT_A_FLAG, *(name for name in FLAGS if "_" in name)]
NEVER = re.compile(rf"(?<![\w./-])(?:{'|'.join(OURS)})(?![\w/]|\.\w)|options\.\w|options \{{")


def sentences(file: Path) -> Iterator[str]:
    """What a file can say, with something in the place of what it fills in; docstrings and descriptions left out."""
    return (text for text in _texts(ast.parse(file.read_text())) if " " in text and NEVER.search(text))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant | ast.JoinedStr):  # the parts of the latter are read with it
        yield _text(node)
    elif not _is_silent(node):
        for part in ast.iter_child_nodes(node):
            yield from _texts(part)


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    return isinstance(node, ast.keyword) and node.arg == "description"


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(_text(part) if isinstance(part, ast.Constant) else "value" for part in node.values)


PLACES = [*(file for room in ROOMS for file in sorted((HOUSE / room).rglob("*.py"))), *(HOUSE / name for name in FILES)]
SAID = sorted({text for file in PLACES for text in sentences(file)})


def test_there_is_something_to_look_at() -> None:
    assert len(SAID) > 40
    assert any("get_task" in text for text in SAID)
    assert any("options." in text for text in SAID)


@pytest.mark.parametrize("text", SAID)
def test_no_sentence_keeps_a_word_of_the_tools(text: str) -> None:
    assert not NEVER.search(spoken(text)), spoken(text)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("use list_tasks to find the task.", "use fermata-mcp tasks to find the task."),
        ("`source` is empty.", "SOURCE is empty."),
        ("options.ending is one of keep, fade, loop.", "--option ending is one of keep, fade, loop."),
        ("options.ending fade may sound better", "--option ending=fade may sound better"),
        ('with options {"ending": "loop"}: that does it', "with --option ending=loop: that does it"),
        (
            'options {"repeat": "0:40-1:00", "times": 3, "avoid": [1.5, 2]}',
            "--option repeat=0:40-1:00 --option times=3 --option 'avoid=[1.5, 2]'",
        ),
        (
            "local cannot use lyrics, prompt, options.key.",
            "local cannot use --lyrics, --prompt, --option key.",
        ),
        ("leave title and style out", "leave --title and --style out"),
        ("ask the person, then pass max_credits 10", "ask the person, then pass --max-credits 10"),
        ("nothing new was started. Pass take: 2 for another.", "nothing new was started. Add --take 2 for another."),
        ('Call get_task with task_id "tsk_1" and wait_seconds 45.', "look: fermata-mcp task tsk_1."),
        (
            'Play it, or call extend_track with source "tsk_1" to go on',
            "Play it, or run: fermata-mcp extend tsk_1 to go on",
        ),
        ("choose another name in save_as.", "choose another name in --output."),
        ("or use provider local.", "or use --provider local."),
        # Words that only look like parameters.
        ("check the provider's API key", "check the provider's API key"),
        ("or choose another provider.", "or choose another provider."),
        ("the style of the music", "the style of the music"),
        ("set FERMATA_WAIT_SECONDS", "set FERMATA_WAIT_SECONDS"),
        ("there is no file /music/save_as.wav", "there is no file /music/save_as.wav"),
    ],
)
def test_as_a_person_would_type_it(said: str, told: str) -> None:
    assert spoken(said) == told


def test_what_is_the_persons_own_stays() -> None:
    assert (
        spoken("no file my save_as song; see save_as", ["my save_as song"]) == "no file my save_as song; see --output"
    )
    view = {
        "status": "succeeded", "summary": "Done: max_credits take 1, free.", "next": "get_task again",
        "source": {"ref": "a"}, "audio": {"file": "max_credits take 1", "url": None}, "clips": [],
        "warnings": ["raise max_steps for more"],
    }  # fmt: skip
    told = spoken_view(view)
    assert told["summary"] == view["summary"]
    assert (told["next"], told["warnings"]) == ("fermata-mcp task again", ["raise --max-steps for more"])
    assert own_words(view) == ["a", "max_credits take 1"]
