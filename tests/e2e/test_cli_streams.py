"""Output that goes nowhere, terminals of another alphabet, a person without a home: words, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.processes import PATIENCE, SERVER, Home, fermata, open_server, seconds_of, write_beat, write_music
from support.processes import view as seen

ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LANG": "C", "LC_ALL": "C"}
ALPHABETS = {"ascii": ASCII, "cp1252": {"PYTHONIOENCODING": "cp1252"}, "utf-8": {"PYTHONIOENCODING": "utf-8"}}
NAME = "🎵 Frühling.wav"
LOOKS = (
    "--help",
    "--version",
    "extend --help",
    "tasks",
    "tasks --json",
    "providers",
    "credits --json",
    "doctor --json",
)


def shell(home: Home, line: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run one line of shell in which `fermata` is the program."""
    environment = home.environment(**settings)
    script = f'fermata() {{ "{SERVER[0]}" -m fermata_mcp "$@"; }}\n{line}'
    return subprocess.run(
        ["sh", "-c", script], env=environment, cwd=home.root, capture_output=True, timeout=2 * PATIENCE, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", LOOKS)
def test_a_full_device(command: str, tmp_path: Path) -> None:
    done = shell(Home(tmp_path), f"fermata {command} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["The output cannot be written: No space left on device."]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_progress_that_cannot_be_written_costs_nobody_the_work(tmp_path: Path) -> None:
    write_beat(tmp_path / "song.wav")
    done = shell(Home(tmp_path), "fermata extend song.wav --by 4 --json 2>/dev/full")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "succeeded")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str, tmp_path: Path) -> None:
    """What was closed is not given to the next file that is opened, and says nothing."""
    write_beat(tmp_path / "song.wav")
    done = shell(Home(tmp_path), f"fermata extend song.wav --by 4 {closed}")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    [made] = (tmp_path / "music").iterdir()
    assert made.suffix == ".wav"
    assert (tmp_path / "data" / "fermata.db").read_bytes().startswith(b"SQLite format 3")


def test_a_server_without_streams_leaves(tmp_path: Path) -> None:
    done = shell(Home(tmp_path), "fermata <&- >&-")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("json_too", ["", "--json"])
def test_a_name_that_cannot_be_shown(alphabet: str, json_too: str, tmp_path: Path) -> None:
    """The finished work stays finished, and JSON stays JSON."""
    write_beat(tmp_path / NAME)
    done = shell(Home(tmp_path), f"fermata extend '{NAME}' --by 4 {json_too}", **ALPHABETS[alphabet])
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if json_too:
        shown: Any = json.loads(done.stdout.decode("cp1252" if alphabet == "cp1252" else "utf-8"))
        assert Path(shown["audio"]["file"]).is_file()


@pytest.mark.parametrize("command", LOOKS)
def test_an_ascii_terminal(command: str, tmp_path: Path) -> None:
    done = shell(Home(tmp_path), f"fermata {command}", **ASCII)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    if "--json" in command:
        assert json.loads(done.stdout)


NOBODY = """
import pwd, sys
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
from fermata_mcp.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["tasks", "doctor", "serve", "extend song.wav", "extend ~/song.wav"])
def test_nobody_has_a_home(command: str, tmp_path: Path) -> None:
    """A user that the system does not know, as in a container: told which folders to name."""
    kept = {name: value for name, value in Home(tmp_path).environment().items() if name in ("PATH", "PYTHONPATH")}
    done = subprocess.run(
        [SERVER[0], "-c", NOBODY, *command.split()], env=kept, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "FERMATA_DATA_DIR" in said
    assert "FERMATA_OUTPUT_DIR" in said
    assert done.returncode == (1 if command == "doctor" else 2)


@pytest.mark.parametrize("command", ["tasks", "doctor", "extend song.wav --by 4"])
def test_a_home_that_cannot_be_written(command: str, tmp_path: Path) -> None:
    write_beat(tmp_path / "song.wav")
    home = tmp_path / "home"
    home.write_text("a file where the home should be")
    unset = "env -u FERMATA_DATA_DIR -u FERMATA_OUTPUT_DIR -u XDG_STATE_HOME"
    done = shell(Home(tmp_path), f'{unset} HOME="{home}" "{SERVER[0]}" -m fermata_mcp {command}')
    said = (done.stdout + done.stderr).decode()
    assert (done.returncode, "Traceback" in said) == (1, False), said
    assert "FERMATA_DATA_DIR" in said or "FERMATA_OUTPUT_DIR" in said


# --- names that are no UTF-8 ------------------------------------------------------------------------------------------

OLD_DISC = b"caf\xe9"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
@pytest.mark.parametrize(
    ("place", "settings"),
    [
        pytest.param(OLD_DISC + b".wav", ASCII, id="ascii name"),
        pytest.param(OLD_DISC + b"/song.wav", {}, id="utf-8 folder"),
        pytest.param(OLD_DISC + b"/" + OLD_DISC + b".flac", ASCII, id="ascii both"),
    ],
)
def test_a_source_whose_name_is_no_text(place: bytes, settings: dict[str, str], tmp_path: Path) -> None:
    """It is lengthened; what is told of it is an address that finds it again, here and over every transport."""
    source = tmp_path / os.fsdecode(place)
    source.parent.mkdir(exist_ok=True)
    write_music(tmp_path / f"song{source.suffix}").rename(source)
    home = Home(tmp_path)
    done = fermata(home, "extend", source, "--by", "4", "--json", **settings)
    assert done.returncode == 0, done.stderr
    view = json.loads(done.stdout)
    assert view["source"]["ref"] == source.as_uri()
    assert abs(seconds_of(Path(view["audio"]["file"])) - 10) <= 0.05
    with open_server(home) as server:
        again = server.call("get_task", {"task_id": view["task_id"]})
        assert seen(again)["source"]["ref"] == source.as_uri()
        assert not server.call("extend_track", {"source": source.as_uri(), "add_seconds": 5}).is_error
    assert fermata(home, "tasks", "--json").returncode == 0


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_folders_whose_names_are_no_text_are_refused_in_words(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/" + OLD_DISC)
    for name in ("FERMATA_DATA_DIR", "FERMATA_OUTPUT_DIR"):
        done = fermata(Home(tmp_path), "tasks", **{name: folder})
        assert (done.returncode, name in done.stderr, "Traceback" in done.stderr) == (2, True, False)
