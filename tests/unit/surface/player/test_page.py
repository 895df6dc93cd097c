"""The page is one document that needs nothing from outside, and a browser may run exactly what is in it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from fermata_mcp.surface.player import page as room
from fermata_mcp.surface.player.page import SCRIPTS, page, policy
from support.places import REPOSITORY

ROOM = REPOSITORY / "server" / "fermata_mcp" / "surface" / "player"


def test_every_part_is_in_it() -> None:
    for name in (*SCRIPTS, "style.css"):
        assert (ROOM / name).read_text() in page()
    assert {path.name for path in ROOM.glob("*.js")} == set(SCRIPTS)


def test_it_refers_to_nothing_outside() -> None:
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\(|@import|import\(|https?://""", page())


def test_foreign_words_never_become_markup() -> None:
    scripts = "".join((ROOM / name).read_text() for name in SCRIPTS)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", scripts)


@pytest.mark.parametrize("kind", ["script", "style"])
def test_what_it_runs_is_allowed_by_its_hash(kind: str) -> None:
    found = re.findall(rf"<{kind}>(.*?)</{kind}>", page(), re.DOTALL)
    assert len(found) == 1
    digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in policy()


def test_it_is_small() -> None:
    assert len(room.page().encode()) < 64_000
