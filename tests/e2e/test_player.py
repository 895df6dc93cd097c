"""The player is seen and heard: in a host, through the official bridge and a real browser, and as a page of the server.

The browser is headless Chromium; an analyser beside whatever a page plays tells whether there is sound. With
FERMATA_PICTURES=FOLDER the pictures of every look are kept there.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.node_tools import NODE_DIR, missing, run_client, run_node
from e2e.servers import EXAMPLE, STDIO, environment, http_server
from support.processes import write_beat

pytestmark = pytest.mark.node
ADDED = 20
AUDIBLE = 0.01
JOIN_LEAD = 3
SLOW_SECONDS = 150.0
Seen = dict[str, Any]


@functools.cache
def no_browser() -> str | None:
    """Why no browser can be run, in words for a skipped test; None when one can."""
    if reason := missing():
        return reason
    tried = run_node(NODE_DIR / "browser.mjs")
    said = [line for line in tried.stderr.splitlines() if line.strip()]
    return None if tried.returncode == 0 else f"no Chromium starts here: {said[-1] if said else tried.returncode}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := no_browser():
        pytest.skip(reason)
    return tmp_path_factory.mktemp("player")


@pytest.fixture(scope="module")
def pictures(folder: Path) -> str:
    kept = Path(os.environ.get("FERMATA_PICTURES", folder / "pictures"))
    kept.mkdir(parents=True, exist_ok=True)
    return str(kept)


@pytest.fixture(scope="module")
def in_host(folder: Path, pictures: str) -> Seen:
    slow = write_beat(folder / "slow.wav", SLOW_SECONDS, 22_050, 2)
    given = {"source": str(EXAMPLE), "add_seconds": ADDED, "slow": str(slow), "pictures": pictures}
    return run_client("player_host.mjs", json.dumps(given), *STDIO, env=environment(folder))


@pytest.fixture(scope="module")
def made(folder: Path) -> Seen:
    command = [*STDIO, "extend", str(EXAMPLE), "--by", str(ADDED), "--json"]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def on_page(folder: Path, pictures: str, made: Seen) -> Seen:
    given = json.dumps({"task_id": made["task_id"], "pictures": pictures})
    with http_server(folder) as base:
        return run_client("player_page.mjs", given, base)


def first_join(task: Seen) -> float:
    return task["clips"][0]["seams"][0]["at"]


class TestInAHost:
    def test_the_tool_opens_it(self, in_host: Seen) -> None:
        assert in_host["tool"]["ui"]["resourceUri"] == "ui://fermata/player"
        assert in_host["mime"] == "text/html;profile=mcp-app"

    def test_it_tells_what_was_made(self, in_host: Seen) -> None:
        seen = in_host["finished"]
        assert seen["title"] == EXAMPLE.stem
        assert seen["facts"] == "Provider local · 0:08 → 0:28 · free"
        assert seen["status"] == "Done"
        assert seen["versions"] == ["Before", "After"]
        assert len(seen["joins"]) == len(in_host["task"]["clips"][0]["seams"])

    def test_sound_comes_out(self, in_host: Seen) -> None:
        assert in_host["finished"]["loud"] > AUDIBLE

    def test_a_join_is_heard_from_before_it(self, in_host: Seen) -> None:
        at = first_join(in_host["task"])
        assert abs(in_host["finished"]["at_join"] - (at - JOIN_LEAD)) < 2
        assert in_host["finished"]["told_join"].startswith("Join 1 of ")

    def test_before_and_after_are_one_key_apart(self, in_host: Seen) -> None:
        before, after = in_host["finished"]["before"], in_host["finished"]["after"]
        assert (before["checked"], after["checked"]) == ("Before", "After")
        assert before["loud"] > AUDIBLE
        assert (before["time"].split("/")[1], after["time"].split("/")[1]) == (" 0:08", " 0:28")

    def test_the_keyboard_moves_and_tells(self, in_host: Seen) -> None:
        assert in_host["finished"]["arrow"]["after"] == 5
        assert in_host["finished"]["arrow"]["spoken"] == "5 seconds of 28 seconds"

    def test_whatever_can_be_used_has_a_name(self, in_host: Seen) -> None:
        assert in_host["finished"]["nameless"] == 0

    def test_a_bad_join_is_told_to_the_engine(self, in_host: Seen) -> None:
        asked = in_host["finished"]["asked"][0]
        assert asked["name"] == "extend_track"
        assert asked["arguments"]["source"] == f"{in_host['task']['task_id']}/0"
        assert "add_seconds" not in asked["arguments"], "the server knows what was asked for"
        assert asked["arguments"]["options"] == {"avoid": [round(first_join(in_host["task"]), 2)]}
        assert in_host["finished"]["answer"]

    def test_audio_comes_through_the_host_alone(self, in_host: Seen) -> None:
        task = f"fermata://tasks/{in_host['task']['task_id']}/audio/"
        assert in_host["finished"]["read"][:2] == [f"{task}0", f"{task}source"]

    @pytest.mark.parametrize("part", ["finished", "running", "errors"])
    def test_nothing_goes_wrong_and_nothing_is_asked_from_outside(self, in_host: Seen, part: str) -> None:
        assert in_host[part]["wrong"] == []

    @pytest.mark.parametrize(
        ("look", "theme", "back"),
        [
            ("dark", "dark", "rgb(20, 24, 28)"),
            ("narrow", "light", "rgb(255, 255, 255)"),
            ("dark-narrow", "dark", "rgb(20, 24, 28)"),
        ],
    )
    def test_it_looks_as_the_host_does(self, in_host: Seen, look: str, theme: str, back: str) -> None:
        assert in_host["looks"][look] == {"theme": theme, "back": back, "overflows": False, "wrong": []}

    def test_a_running_task_is_followed_to_its_end(self, in_host: Seen) -> None:
        seen = in_host["running"]
        assert seen["status"] in ("Waiting", "Being made")
        assert seen["words"].endswith(" s")
        assert set(seen["asked"]) == {"get_task"}
        assert seen["after"]["status"] == "Done"
        assert seen["after"]["said"] == "Finished. Press play to hear it."
        assert seen["after"]["preview"].startswith("A preview (Opus, ")

    def test_errors_are_words(self, in_host: Seen) -> None:
        assert "There is no task" in in_host["errors"]["unknown"]
        assert "Next: use list_tasks" in in_host["errors"]["unknown"]
        assert not in_host["errors"]["deck"]
        assert "This host lets no view read audio." in in_host["errors"]["deaf"]

    def test_a_take_that_is_not_here_leaves_the_other_one(self, in_host: Seen) -> None:
        assert in_host["errors"]["takes"] == ["Before", "Take 1", "Take 2"]
        assert in_host["errors"]["missing_take"].startswith("Take 2: ")

    def test_words_of_providers_stay_words(self, in_host: Seen) -> None:
        assert in_host["errors"]["hostile"] == {
            "title": "<img src=x onerror=window.hurt=1>",
            "hurt": False,
            "images": 0,
        }


class TestAsAPage:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_it_is_seen_and_heard(self, on_page: Seen, made: Seen, theme: str) -> None:
        seen = on_page[theme]
        assert seen["theme"] == theme
        assert len(seen["joins"]) == len(made["clips"][0]["seams"])
        assert seen["loud"] > AUDIBLE
        assert abs(seen["at_join"] - (first_join(made) - JOIN_LEAD)) < 2
        assert seen["before"] == "Before"
        assert seen["answer"]
        assert seen["original"] == f"/player/{made['task_id']}/file/0"

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_it_asks_its_own_server_alone(self, on_page: Seen, made: Seen, theme: str) -> None:
        place = f"/player/{made['task_id']}"
        wanted = {place, f"{place}/task", f"{place}/audio/0", f"{place}/audio/source", "/mcp"}
        assert on_page[theme]["wrong"] == []
        assert wanted <= set(on_page[theme]["asked"])

    def test_a_wrong_id_is_told_in_words(self, on_page: Seen) -> None:
        assert on_page["lost"]["status"] == 404
        assert "there is no task" in on_page["lost"]["words"]
        assert "Next: use list_tasks" in on_page["lost"]["words"]
