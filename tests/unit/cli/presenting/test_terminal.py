"""The terminal: what it can show, and the one bar of all long work."""

from __future__ import annotations

import pytest

from fermata_mcp.cli.presenting.terminal import Bar, Out, is_plain


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ({"LANG": "C"}, True), ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True), ({"LANG": "C.UTF-8"}, False),
        ({"LC_CTYPE": "en_GB.UTF-8", "LANG": "C"}, False), ({}, False),
    ],
)  # fmt: skip
def test_a_locale_without_letters(said: dict[str, str], plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert is_plain() == plain
    assert Out().options.ascii_only or not plain


def test_without_a_terminal_it_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar.busy("looking")
        bar.update(0.5, "half")
        bar.update(0.6, "too soon to be told")
        bar.update(1, "whole")
        bar.note("once")
        bar.note("once")
    assert capsys.readouterr().err.splitlines() == [" 50%  half", "100%  whole", "once"]
