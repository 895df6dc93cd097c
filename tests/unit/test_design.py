"""What `docs/design.md` says of the house is so: words are in the code, trips lead down, rooms are small."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

from support.places import REPOSITORY

PAGE = (REPOSITORY / "docs" / "design.md").read_text()
HOUSE = REPOSITORY / "server" / "fermata_mcp"
# From the top; rooms in one row stand beside each other.
FLOORS = [
    {"cli"}, {"app.py"}, {"transports"}, {"surface"}, {"engine"}, {"providers", "store"}, {"rearrange"}, {"media"},
    {"config.py", "logs.py"}, {"domain"},
]  # fmt: skip
MOST_FILES = 12


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


WORDS = re.findall(r"^\| ([^|]+) \| [^|]+ \| `([\w.]+)` \|$", section("Words"), re.MULTILINE)
TRIPS = re.findall(r"^\d\. (.+?)(?=\n\d\. |\n\n|\Z)", section("Three trips"), re.MULTILINE | re.DOTALL)


def floor(file: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if file.split("/")[0] in rooms)


@pytest.mark.parametrize(("word", "place"), WORDS, ids=[word for word, _ in WORDS])
def test_a_word_is_in_the_code(word: str, place: str) -> None:
    module, _, name = place.rpartition(".")
    assert hasattr(import_module(f"fermata_mcp.{module}"), name)


def test_no_word_is_explained_twice() -> None:
    words = [one for words, _ in WORDS for one in words.split(", ")]
    assert len(words) == len(set(words)) > 30


@pytest.mark.parametrize("trip", TRIPS)
def test_a_trip_leads_down(trip: str) -> None:
    for way in re.split(r", (?:and|with)? ?", trip.rpartition(":")[0] or trip):
        files = re.findall(r"`([\w/]+\.py)`", way)
        assert all((HOUSE / file).is_file() for file in files), files
        assert all(floor(before) <= floor(after) for before, after in pairwise(files)), files


@pytest.mark.parametrize("room", sorted({file.parent for file in HOUSE.rglob("*.py")}), ids=lambda room: room.name)
def test_a_room_can_be_overlooked(room: Path) -> None:
    assert len([file for file in room.glob("*.py") if file.name != "__init__.py"]) <= MOST_FILES
    assert room == HOUSE or f"{room.name}/" in section("Rooms")


def test_every_file_stands_in_the_plan() -> None:
    names = set(re.findall(r"[a-z_0-9]+", section("Rooms")))
    missing = [file for file in HOUSE.rglob("*.py") if file.stem not in names and not file.stem.startswith("__")]
    assert not missing
