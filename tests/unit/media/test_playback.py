"""The system's player: which is found, which fits, and what is said without one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fermata_mcp.domain.errors import NotFound, NotSupported
from fermata_mcp.media.playback import PLAYERS, Player, player_for, players, start


def only(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/bin/{name}" if name in names else None


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (tmp_path / "song.wav").touch()
    return tmp_path / "song.wav"


@pytest.mark.parametrize(
    ("ending", "system", "here", "found"),
    [
        (".wav", "linux", ["aplay", "paplay"], "paplay"), (".wav", "linux", ["aplay"], "aplay"),
        (".m4a", "linux", ["paplay", "aplay", "mpv"], "mpv"), (".wav", "freebsd", ["ffplay"], "ffplay"),
        (".mp3", "darwin", ["afplay", "open"], "afplay"), (".ogg", "darwin", ["afplay", "open"], "open"),
        (".flac", "win32", ["explorer"], "explorer"),
    ],
)  # fmt: skip
def test_the_first_that_can_play_it(ending: str, system: str, here: list[str], found: str, song: Path) -> None:
    file = song.rename(song.with_suffix(ending))
    assert player_for(file, system, only(*here)).name == found


def test_what_opens_a_window_is_no_player_for_a_file_that_goes_away(song: Path) -> None:
    with pytest.raises(NotSupported):
        player_for(song, "linux", only("xdg-open"), stays=True)


@pytest.mark.parametrize("system", PLAYERS)
def test_without_one_it_says_what_was_looked_for_and_where_the_file_is(system: str, song: Path) -> None:
    with pytest.raises(NotSupported) as refused:
        player_for(song, system, only())
    assert str(song) in str(refused.value)
    assert all(player.name in str(refused.value) for player in players(system))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no longer there"):
        player_for(tmp_path / "song.wav", "linux", only("paplay"))


@pytest.mark.skipif(os.name == "nt", reason="the player is a script")
def test_it_is_started_with_the_whole_path_and_without_our_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that begins with - is no option of the player's."""
    script = tmp_path / "player"
    script.write_text('#!/bin/sh\nprintf "%s|" "$@" "$KIE_API_KEY" > "$0.said"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("KIE_API_KEY", "s3cret")
    monkeypatch.chdir(tmp_path)
    assert start(Player((str(script), "-q", "{file}")), Path("-x song.wav")).wait(60) == 0
    assert (tmp_path / "player.said").read_text() == f"-q|{tmp_path / '-x song.wav'}||"
