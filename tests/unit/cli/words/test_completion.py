"""What the Tab key offers: asked of the shells themselves, where they are here."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from fermata_mcp.cli.arguments import make_parser
from fermata_mcp.cli.hosts.known import HOSTS
from fermata_mcp.cli.words.completion import commands_of, completion

ASK = """. {script}
ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fermata_mcp; echo "${{COMPREPLY[@]}}"; }}
COMP_WORDBREAKS='=:'
ask {words}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program that is asked for ids is one that knows two."""
    program = tmp_path / "fermata-mcp"
    program.write_text('#!/bin/sh\n[ "$*" = "completion ids" ] && printf "tsk_aaaaaa\\ntsk_bbbbbb\\n"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def offered(folder: Path, words: str) -> list[str]:
    script = folder / "completion.bash"
    script.write_text(completion("bash", make_parser()))
    asked = ASK.format(script=script, words=words)
    return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fermata-mcp pl", ["play"]),
        ("fermata-mcp task ''", ["tsk_aaaaaa", "tsk_bbbbbb"]),
        ("fermata-mcp play tsk_b", ["tsk_bbbbbb"]),
        ("fermata-mcp cancel tsk_aaaaaa ''", ["tsk_aaaaaa", "tsk_bbbbbb"]),
        ("fermata-mcp task tsk_aaaaaa ''", []),
        ("fermata-mcp extend a.wav --option p", ["part=intro", "part=middle", "part=outro"]),
        ("fermata-mcp extend a.wav --option ending = l", ["loop"]),  # as readline breaks it
        ("fermata-mcp extend a.wav --option part =", ["intro", "middle", "outro"]),
        ("fermata-mcp tasks --status f", ["failed"]),
        ("fermata-mcp providers lo", ["local"]),
        ("fermata-mcp purge --o", ["--older-than"]),
        ("fermata-mcp resolve tsk_aaaaaa g", ["give_up"]),
        ("fermata-mcp extend --pro", ["--provider", "--prompt"]),
        ("fermata-mcp extend a.wav --provider l", ["local"]),
        ("fermata-mcp extend a.wav --by ''", []),
        ("fermata-mcp completion ''", ["bash", "zsh", "fish", "man"]),
        ("fermata-mcp doctor --host ''", [host.name for host in HOSTS]),
        ("fermata-mcp serve --host ''", []),
        ("fermata-mcp frobnicate ''", []),
    ],
)
def test_in_bash(words: str, expected: list[str], here: Path) -> None:
    assert offered(here, words) == expected


def test_every_command_and_option_is_offered(here: Path) -> None:
    parser = cast(Any, make_parser())
    subparsers = next(action for action in parser._actions if action.nargs == argparse.PARSER)
    assert [command.name for command in commands_of(make_parser())] == list(subparsers.choices)
    assert offered(here, "fermata-mcp ''") == list(subparsers.choices)
    for shell in ("bash", "zsh", "fish"):
        script = completion(shell, make_parser())
        assert all(
            option.name.lstrip("-") in script for command in commands_of(make_parser()) for option in command.options
        )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    script = tmp_path / "script"
    script.write_text(completion(shell, make_parser()))
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_in_fish(here: Path) -> None:
    script = here / "completion.fish"
    script.write_text(completion("fish", make_parser()))
    asked = f"source {script}; complete -C 'fermata-mcp play '"
    done = subprocess.run(
        ["fish", "-c", asked], capture_output=True, text=True, check=True, env=os.environ | {"HOME": str(here)}
    )
    assert done.stdout.split() == ["tsk_aaaaaa", "tsk_bbbbbb"]
