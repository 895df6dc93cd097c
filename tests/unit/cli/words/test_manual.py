"""The manual page, read by the programs that show it, where they are here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fermata_mcp.cli.arguments import make_parser
from fermata_mcp.cli.words.completion import commands_of
from fermata_mcp.cli.words.manual import manual

PAGE = manual(make_parser())


def test_every_command_and_option_is_in_it() -> None:
    for command in commands_of(make_parser()):
        assert f".SS {command.name}" in PAGE
        for option in command.options:
            assert option.name.replace("-", r"\-") in PAGE


def test_values_and_exit_codes_are_in_it() -> None:
    assert all(word in PAGE for word in ("keep|fade|loop", "intro|middle|outro", "130"))


def test_no_line_is_taken_for_a_command_of_the_format() -> None:
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".B"}
    assert {line.split()[0] for line in PAGE.splitlines() if line.startswith((".", "'"))} <= known


@pytest.mark.skipif(shutil.which("groff") is None and shutil.which("mandoc") is None, reason="nothing reads man pages")
def test_it_is_read_without_a_complaint(tmp_path: Path) -> None:
    page = tmp_path / "fermata-mcp.1"
    page.write_text(PAGE)
    reader = (
        ["mandoc", "-T", "lint", "-W", "error"] if shutil.which("mandoc") else ["groff", "-man", "-ww", "-Tutf8", "-z"]
    )
    done = subprocess.run([*reader, str(page)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("lexgrog") is None, reason="lexgrog is not here")
def test_it_is_found_by_its_name(tmp_path: Path) -> None:
    page = tmp_path / "fermata-mcp.1"
    page.write_text(PAGE)
    done = subprocess.run(["lexgrog", str(page)], capture_output=True, text=True, check=True)
    assert "fermata-mcp - make music tracks longer" in done.stdout
