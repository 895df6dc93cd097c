"""Every page is one document that needs nothing from outside, and a browser may run exactly what is in it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from fermata_mcp.surface.home.page import HOME_PAGE
from fermata_mcp.surface.player.page import PLAYER_PAGE
from fermata_mcp.surface.web_page import WebPage

PAGES = {"player": PLAYER_PAGE, "home": HOME_PAGE}


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> WebPage:
    return PAGES[request.param]


def test_every_part_is_in_it(page: WebPage) -> None:
    for part in (*page.scripts, *page.styles):
        assert part.read_text() in page.text


@pytest.mark.parametrize("name", PAGES)
def test_no_script_of_its_room_is_left_out(name: str) -> None:
    page = PAGES[name]
    assert set(page.frame.parent.glob("*.js")) <= set(page.scripts)


def test_it_refers_to_nothing_outside(page: WebPage) -> None:
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\(|@import|import\(|https?://""", page.text)


def test_foreign_words_never_become_markup(page: WebPage) -> None:
    scripts = "".join(part.read_text() for part in page.scripts)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", scripts)


@pytest.mark.parametrize("kind", ["script", "style"])
def test_what_it_runs_is_allowed_by_its_hash(page: WebPage, kind: str) -> None:
    found = re.findall(rf"<{kind}>(.*?)</{kind}>", page.text, re.DOTALL)
    assert len(found) == 1
    digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in page.policy()


def test_it_reaches_its_own_server_and_what_is_named(page: WebPage) -> None:
    assert "connect-src 'self';" in page.policy()
    assert "connect-src 'self' http://store.test:9000;" in page.policy(reaches=("http://store.test:9000",))


def test_it_is_small(page: WebPage) -> None:
    assert len(page.text.encode()) < 64_000
