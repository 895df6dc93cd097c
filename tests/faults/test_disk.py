"""Full disks, closed folders and databases of others: said in words, survived, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult

from support.journeys import check_refusal
from support.processes import (
    Home,
    RawServer,
    fermata,
    open_server,
    seconds_of,
    text,
    view,
    with_largest_file,
    write_beat,
)

# At 16 bits and 8000 Hz: 100 s are 1.6 MB, 10 s are 160 kB.
LONG, SHORT = 100, 10


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write_beat(tmp_path / "song.wav")
    return Home(tmp_path)


def extend(server: RawServer, home: Home, add_seconds: float, **more: Any) -> CallToolResult:
    source = str(home.root / "song.wav")
    return server.call("extend_track", {"source": source, "add_seconds": add_seconds, **more})


def check_made(result: CallToolResult, seconds: float) -> None:
    assert view(result)["status"] == "succeeded", text(result)
    assert abs(seconds_of(Path(view(result)["audio"]["file"])) - seconds) <= 0.05


def check_failed_task(result: CallToolResult) -> None:
    """A task that was taken on and could not save its audio."""
    assert result.is_error
    assert text(result).startswith("store_unavailable: ")
    task = view(result)
    assert (task["status"], task["audio"], task["error"]["code"]) == ("failed", None, "store_unavailable")
    assert task["error"]["hint"]


# --- no room for audio ------------------------------------------------------------------------------------------------


def test_the_disk_fills_while_audio_is_written(home: Home) -> None:
    with open_server(home, command=with_largest_file(1_000_000)) as server:
        failed = extend(server, home, LONG)
        check_failed_task(failed)
        assert home.leftovers() == []
        found = server.call("get_task", {"task_id": view(failed)["task_id"]})
        assert view(found)["status"] == "failed"
        check_made(extend(server, home, SHORT), 16)


def test_a_full_disk_is_named_and_freeing_it_helps(home: Home, small_disk: Path) -> None:
    with open_server(home, FERMATA_OUTPUT_DIR=str(small_disk)) as server:
        failed = extend(server, home, LONG)
        check_failed_task(failed)
        assert "room" in text(failed)
        assert list(small_disk.iterdir()) == []
        check_made(extend(server, home, SHORT), 16)


def test_no_room_where_a_person_wants_it(home: Home, small_disk: Path) -> None:
    """It is named, nothing is there by halves, and the exit code says that something is missing."""
    (small_disk / "filler").write_bytes(bytes(450_000))
    place = small_disk / "longer.wav"
    done = fermata(home, "extend", home.root / "song.wav", "--by", "20", "--output", place, "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    error = json.loads(done.stdout)["error"]
    assert (error["code"], f"no room left in {small_disk}" in error["message"]) == ("store_unavailable", True)
    assert [file.name for file in small_disk.iterdir()] == ["filler"]


def test_no_room_for_a_copy(home: Home, small_disk: Path) -> None:
    """What an earlier call has made is kept and named; the copy is not there by halves."""
    command = ("extend", home.root / "song.wav", "--by", "20", "--json")
    made = json.loads(fermata(home, *command).stdout)["audio"]["file"]
    (small_disk / "filler").write_bytes(bytes(450_000))
    done = fermata(home, *command, "--output", small_disk / "longer.wav")
    assert done.returncode == 1
    assert json.loads(done.stdout)["audio"]["file"] == made
    assert (
        f"store_unavailable: there is no room left in {small_disk}. Next: the result is kept as {made}" in done.stderr
    )
    assert [file.name for file in small_disk.iterdir()] == ["filler"]


def test_the_same_call_starts_anew_once_there_is_room(home: Home, small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(450_000))
    with open_server(home, FERMATA_OUTPUT_DIR=str(small_disk)) as server:
        failed = extend(server, home, SHORT)
        check_failed_task(failed)
        filler.unlink()
        again = extend(server, home, SHORT)
        check_made(again, 16)
        assert view(again)["task_id"] != view(failed)["task_id"]


def test_a_folder_that_may_not_be_written(home: Home, bound_server: tuple[str, ...]) -> None:
    home.music.mkdir(mode=0o555)
    with open_server(home, command=bound_server) as server:
        check_refusal(extend(server, home, SHORT), "store_unavailable", "FERMATA_OUTPUT_DIR", str(home.music))
        assert view(server.call("list_tasks"))["tasks"] == []
        home.music.chmod(0o755)
        check_made(extend(server, home, SHORT), 16)


def test_a_file_where_the_folder_should_be(home: Home) -> None:
    home.music.write_text("not a folder")
    with open_server(home) as server:
        check_refusal(extend(server, home, SHORT), "store_unavailable", "FERMATA_OUTPUT_DIR")
        home.music.unlink()
        check_made(extend(server, home, SHORT), 16)


def test_audio_that_was_deleted_is_made_again(home: Home) -> None:
    with open_server(home) as server:
        first = view(extend(server, home, SHORT))
        shutil.rmtree(home.music)
        gone = server.call("extend_track", {"source": first["task_id"], "add_seconds": 4})
        check_refusal(gone, "unknown_track")
        check_made(extend(server, home, SHORT), 16)


# --- no room for tasks ------------------------------------------------------------------------------------------------


def test_tasks_survive_a_full_disk(home: Home, small_disk: Path) -> None:
    remounted = ["mount", "-o", "remount,size=2m", str(small_disk)]  # an empty task database takes some 500 kB
    subprocess.run(remounted, check=True, timeout=30)
    with open_server(home, FERMATA_DATA_DIR=str(small_disk)) as server:
        first = view(extend(server, home, SHORT))["task_id"]
        refused = _fill(small_disk, lambda take: extend(server, home, SHORT, take=take, wait_seconds=0))
        check_refusal(refused, "store_unavailable", "full")
        (small_disk / "filler").unlink()
        check_made(server.call("get_task", {"task_id": first}), 16)
        check_made(extend(server, home, SHORT + 1), 17)


def _fill(disk: Path, ask: Callable[[int], CallToolResult]) -> CallToolResult:
    """The first refusal on a disk without room."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1024))
        except OSError:
            pass
    for take in range(2, 60):
        result = ask(take)
        if result.is_error:
            return result
    pytest.fail("a full disk was never noticed")


def test_a_data_folder_that_may_not_be_written(home: Home, bound_server: tuple[str, ...]) -> None:
    home.data.mkdir(mode=0o555)
    with open_server(home, command=bound_server) as server:
        assert len(server.ask("tools/list")["result"]["tools"]) == 8
        check_refusal(extend(server, home, SHORT), "store_unavailable", "FERMATA_DATA_DIR")
        home.data.chmod(0o755)
        check_made(extend(server, home, SHORT), 16)


# --- databases that are not ours --------------------------------------------------------------------------------------


def of_a_newer_version(database: Path) -> None:
    home = Home(database.parents[1])
    with open_server(home) as server:
        assert view(extend(server, home, SHORT))["status"] == "succeeded"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 999")


def of_another_program(database: Path) -> None:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")


def garbage(database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"These are words, not a database.\n" * 300)


def cut_off(database: Path) -> None:
    of_a_newer_version(database)
    database.write_bytes(database.read_bytes()[:6000])


def a_folder(database: Path) -> None:
    database.mkdir(parents=True)


@pytest.mark.parametrize("spoil", [of_a_newer_version, of_another_program, garbage, cut_off, a_folder])
def test_a_database_that_cannot_be_used(spoil: Callable[[Path], None], home: Home) -> None:
    """It is refused and left as it is; the server stays up, and helps as soon as it is moved away."""
    database = home.data / "fermata.db"
    spoil(database)
    before = _content(database)
    with open_server(home) as server:
        assert len(server.ask("tools/list")["result"]["tools"]) == 8
        for tool, arguments in (
            ("list_tasks", {}),
            ("get_task", {"task_id": "tsk_00000000000000000000000000000000"}),
            ("extend_track", {"source": str(home.root / "song.wav"), "add_seconds": SHORT}),
        ):
            check_refusal(server.call(tool, arguments), "store_unavailable", "FERMATA_DATA_DIR")
        assert _content(database) == before
        home.data.rename(home.root / "moved")
        check_made(extend(server, home, SHORT), 16)
    assert "Traceback" not in home.log.read_text()


@pytest.mark.parametrize("uri", ["fermata://tasks", "fermata://tasks/tsk_00000000000000000000000000000000"])
def test_a_resource_says_so_too(uri: str, home: Home) -> None:
    garbage(home.data / "fermata.db")
    with open_server(home) as server:
        error = server.ask("resources/read", {"uri": uri})["error"]
        assert "store_unavailable: " in error["message"]
        assert "FERMATA_DATA_DIR" in error["message"]
    assert "Traceback" not in home.log.read_text()


def _content(database: Path) -> bytes | None:
    return database.read_bytes() if database.is_file() else None
