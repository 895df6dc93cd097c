"""The terminal: what it can show, and the one bar of all long work."""

from __future__ import annotations

import pytest

from fermata_mcp.cli.presenting.terminal import Bar, Out, is_plain, time_left


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


def test_without_a_terminal_it_is_one_line_when_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar.begin("1 of 2")
        bar.busy("looking")
        bar.update(0.5, "half")
        bar.update(1, "whole")
        bar.remark("for those who watch")
        bar.done("made")
        bar.note("once")
        bar.note("once")
    assert capsys.readouterr().err.splitlines() == ["100%  made", "once"]


def test_quiet_says_nothing_but_notes(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar(quiet=True) as bar:
        bar.update(1, "whole")
        bar.done("made")
    assert capsys.readouterr().err == ""


def test_a_wide_and_a_narrow_terminal_see_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the name of what is done is: percent and time stay in sight, on one line."""
    for width in (60, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        bar = Bar()
        bar.begin("2 of 5 · a song with a very long name that nobody would write by hand.mp3:")
        bar.update(0.25, "looking for places that sound alike")
        bar.err.width = width
        with bar.err.capture() as shown:
            bar.err.print(bar.picture())
        [line] = shown.get().splitlines()
        assert len(line) <= width
        assert "25%" in line
        assert "2 of 5" in line


def test_the_time_left_is_told_once_it_can_be_known() -> None:
    assert time_left(1.0, 0.5) == "0:01"
    assert time_left(30.0, 0.01) == "0:30"
    assert time_left(30.0, 0.25) == "1:30 left"
    assert time_left(30.0, 1.0) == "0:30"
