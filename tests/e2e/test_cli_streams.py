"""Output that goes nowhere, terminals of another alphabet, a person without a home: words, never a traceback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.processes import PATIENCE, SERVER, Home, write_beat

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
from fermata_mcp.cli import main
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
