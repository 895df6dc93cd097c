"""The main job through clients we did not write, as real processes, over every transport and in both eras."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.node_tools import needs_node, run_client
from e2e.servers import STDIO, duration, environment, http_server, music, write_beat

pytestmark = [pytest.mark.node, needs_node]

HANDSHAKE = "2025-11-25"
MODERN = "2026-07-28"
TOOLS = {
    "extend_track",
    "chain_extend",
    "get_task",
    "get_credits",
    "list_tasks",
    "cancel_task",
    "resolve_task",
    "play_track",
}

# A server on a cold or busy machine: slower than the second for which the AI SDK waits for `server/discover`.
LATE = "import runpy, time; time.sleep(2); runpy.run_module('fermata_mcp', run_name='__main__', alter_sys=True)"
SLOW_STDIO = [sys.executable, "-c", LATE]


def request(source: Path, add_seconds: float) -> str:
    return json.dumps({"source": str(source), "add_seconds": add_seconds})


def check_result(seen: dict[str, Any], source: Path, add_seconds: float) -> None:
    result = seen["result"]
    assert seen["isError"] is False
    assert result["status"] == "succeeded", result
    made = Path(result["audio"]["file"])
    assert abs(duration(made) - duration(source) - add_seconds) <= 0.05
    assert seen["text"].splitlines()[-1].startswith("Next: ")
    assert str(made) in seen["text"] or made.as_uri() in seen["text"]
    assert not seen["links"], "a client that is not known gets no resource link"


def check_records(seen: dict[str, Any]) -> None:
    """The task, the list and the history tell the same as the call itself, and the audio comes through."""
    task_id = seen["result"]["task_id"]
    assert seen["task"]["task_id"] == task_id
    assert seen["task"]["status"] == "succeeded"
    told, before = seen["task"]["audio"], seen["result"]["audio"]
    assert told | {"url": None} == before | {"url": None}, "links are renewed"
    assert seen["listed"]["tasks"][0]["task_id"] == task_id
    assert seen["resource"]["tasks"][0]["task_id"] == task_id
    assert seen["audio"]["bytes"] > 0


def check_progress(seen: dict[str, Any]) -> None:
    """Seen at once, and again while the call goes on; always forward."""
    values = [update["progress"] for update in seen["progress"]]
    assert len(values) >= (2 if seen["seconds"] > 1 else 1), seen["progress"]
    assert all(before < after for before, after in pairwise(values)), values
    assert all(update.get("message") for update in seen["progress"])


def check(seen: dict[str, Any], source: Path, add_seconds: float) -> None:
    assert set(seen["tools"]) - {"upload_track"} == TOOLS
    check_result(seen, source, add_seconds)
    check_records(seen)


@pytest.fixture(scope="module")
def http_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http")


@pytest.fixture(scope="module")
def http(http_folder: Path) -> Iterator[str]:
    with http_server(http_folder) as base:
        yield base


@pytest.mark.parametrize(
    ("script", "protocol"),
    [
        (("ts_stdio.mjs",), HANDSHAKE),
        (("ts2_stdio.mjs", "legacy"), HANDSHAKE),
        (("ts2_stdio.mjs", "auto"), MODERN),
    ],
    ids=["ts1", "ts2-handshake", "ts2-modern"],
)
def test_typescript_over_stdio(script: tuple[str, ...], protocol: str, tmp_path: Path) -> None:
    source = music(tmp_path)
    seen = run_client(*script, request(source, 10), *STDIO, env=environment(tmp_path))
    assert seen["protocol"] == protocol
    check(seen, source, 10)
    check_progress(seen)


# Every call asks for another length: the same call again would be given the finished task of the first.
@pytest.mark.parametrize(
    ("script", "path", "protocol", "add_seconds"),
    [
        (("ts_http.mjs",), "/mcp", HANDSHAKE, 11),
        (("ts_sse.mjs",), "/sse", HANDSHAKE, 12),
        (("ts2_http.mjs", "legacy"), "/mcp", HANDSHAKE, 13),
        (("ts2_http.mjs", "auto"), "/mcp", MODERN, 14),
    ],
    ids=["ts1-http", "ts1-sse", "ts2-http-handshake", "ts2-http-modern"],
)
def test_typescript_over_http(
    script: tuple[str, ...], path: str, protocol: str, add_seconds: float, http: str, http_folder: Path
) -> None:
    source = music(http_folder)
    seen = run_client(*script, request(source, add_seconds), http + path)
    assert seen["protocol"] == protocol
    check(seen, source, add_seconds)
    check_progress(seen)


def test_ai_sdk_over_stdio(tmp_path: Path) -> None:
    source = music(tmp_path)
    seen = run_client("ai_sdk_stdio.mjs", request(source, 10), *STDIO, env=environment(tmp_path))
    assert seen["sent"][0] == "server/discover"
    check(seen, source, 10)


def test_ai_sdk_that_gave_up_on_discovery(tmp_path: Path) -> None:
    """It has asked `server/discover`, hears nothing in time, and then sends `initialize` on the same pipe."""
    source = music(tmp_path)
    seen = run_client("ai_sdk_stdio.mjs", request(source, 10), *SLOW_STDIO, env=environment(tmp_path))
    assert seen["sent"][:2] == ["server/discover", "initialize"]
    assert seen["protocol"] == HANDSHAKE
    check(seen, source, 10)


def test_a_client_that_leaves_finds_its_task_later(tmp_path: Path) -> None:
    """It closes the pipe in the middle of the work; the next server on the same folder brings the work to its end."""
    source = write_beat(tmp_path / "long.wav", seconds=120)
    seen = run_client("ts_walk_away.mjs", request(source, 60), *STDIO, env=environment(tmp_path))
    assert seen["left"]["answered"] is False, "the call ended before the client could leave: use a longer track"
    assert seen["left"]["seconds"] < 2, "the server did not leave when its client did"
    assert seen["task"]["status"] == "succeeded", seen["task"]
    made = Path(seen["task"]["audio"]["file"])
    assert abs(duration(made) - 180) <= 0.05
    assert list(made.parent.iterdir()) == [made], "half-written files stayed behind"
