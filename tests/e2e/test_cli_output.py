"""`--output`: a copy where the person wants it, whole or not at all, in no other file's place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Home, fermata, seconds_of, write_beat


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write_beat(tmp_path / "song.wav")
    return Home(tmp_path)


def song(home: Home) -> Path:
    return home.root / "song.wav"


def hidden(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.startswith(".")]


def a_file(place: Path) -> None:
    place.write_bytes(b"mine")


def a_link_to_a_file(place: Path) -> None:
    a_file(place.with_name("other.wav"))
    place.symlink_to("other.wav")


def a_link_to_nothing(place: Path) -> None:
    place.symlink_to("nothing.wav")


@pytest.mark.parametrize("taken", [a_file, a_link_to_a_file, a_link_to_nothing])
def test_another_file_is_not_replaced(taken: Callable[[Path], None], home: Home) -> None:
    """It is refused before any work is done; `--force` replaces that name, and nothing behind it."""
    place = home.root / "longer.wav"
    taken(place)
    before = sorted((file.name, file.lstat().st_mtime_ns) for file in home.root.glob("*.wav"))
    refused = fermata(home, "extend", song(home), "--by", "4", "--output", place)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert sorted((file.name, file.lstat().st_mtime_ns) for file in home.root.glob("*.wav")) == before
    assert not home.data.exists()
    assert fermata(home, "extend", song(home), "--by", "4", "--output", place, "--force").returncode == 0
    assert abs(seconds_of(place) - 10) <= 0.05
    assert not place.is_symlink()
    assert hidden(home.root) == []


def test_the_source_is_not_replaced_by_force_either(home: Home) -> None:
    before = song(home).read_bytes()
    assert fermata(home, "extend", song(home), "--by", "4", "--output", song(home), "--force").returncode == 2
    assert song(home).read_bytes() == before


def test_a_folder(home: Home) -> None:
    """Under the result's own name, there alone."""
    folder = home.root / "kept"
    folder.mkdir()
    done = fermata(home, "extend", song(home), "--by", "4", "--output", folder, "--json")
    made = Path(json.loads(done.stdout)["audio"]["file"])
    assert done.returncode == 0
    assert list(folder.iterdir()) == [made]
    assert not home.music.exists()


def test_what_was_made_before_is_copied(home: Home) -> None:
    """A call that repeats an earlier one has its result; what another file has as its name is not taken."""
    made = Path(json.loads(fermata(home, "extend", song(home), "--by", "4", "--json").stdout)["audio"]["file"])
    folder = home.root / "kept"
    folder.mkdir()
    (folder / made.name).write_bytes(b"mine")
    done = fermata(home, "extend", song(home), "--by", "4", "--output", folder, "--json")
    assert json.loads(done.stdout)["saved_as"] == str(folder / f"{made.stem} 2.wav")
    assert (folder / made.name).read_bytes() == b"mine"
    assert sorted(file.name for file in folder.iterdir()) == sorted([made.name, f"{made.stem} 2.wav"])
    assert (folder / f"{made.stem} 2.wav").read_bytes() == made.read_bytes()


def test_a_neighbour_of_the_same_name_is_no_obstacle(home: Home) -> None:
    """The kind is another, so the name is free."""
    (home.root / "longer.mp3").write_bytes(b"mine")
    place = home.root / "longer.wav"
    assert fermata(home, "extend", song(home), "--by", "4", "--output", place).returncode == 0
    assert abs(seconds_of(place) - 10) <= 0.05
    assert (home.root / "longer.mp3").read_bytes() == b"mine"


def test_the_ending_is_that_of_what_is_in_it(home: Home) -> None:
    """A result that was made before is not called what it is not."""
    assert fermata(home, "extend", song(home), "--by", "4").returncode == 0
    done = fermata(home, "extend", song(home), "--by", "4", "--output", home.root / "longer.flac")
    made = [file for file in home.root.iterdir() if file.stem == "longer"]
    assert all(seconds_of(file) for file in made), "what is there can be read as what its name says"
    assert done.returncode == (0 if made else 2)


def test_the_mode_is_the_persons_own(home: Home) -> None:
    place = home.root / "longer.wav"
    before = os.umask(0o077)
    try:
        assert fermata(home, "extend", song(home), "--by", "4", "--output", place).returncode == 0
    finally:
        os.umask(before)
    assert place.stat().st_mode & 0o777 == 0o600
