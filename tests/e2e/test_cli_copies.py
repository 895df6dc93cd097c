"""`backup` and `restore` as a person uses them, beside real servers."""

from __future__ import annotations

import json
from pathlib import Path

from support.processes import Home, fermata, open_server, view, write_beat

SHORT = {"add_seconds": 2, "wait_seconds": 60}


def test_a_copy_is_made_and_used_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    song = tmp_path / "song.wav"
    write_beat(song, 3)
    copy = tmp_path / "copy.db"
    with open_server(home) as server:
        first = view(server.call("extend_track", {"source": str(song), **SHORT}))["task_id"]
        made = fermata(home, "backup", str(copy))
        assert made.returncode == 0, made.stderr
        assert fermata(home, "backup", str(copy)).returncode == 2, "it is not replaced"
        second = view(server.call("extend_track", {"source": str(song), "take": 2, **SHORT}))["task_id"]
        refused = fermata(home, "restore", str(copy), "--yes")
        assert refused.returncode == 2
        assert "another process uses" in refused.stderr + refused.stdout
    told = fermata(home, "restore", str(copy))
    assert told.returncode == 2
    assert "--yes" in told.stderr + told.stdout, "nobody can be asked here"
    done = fermata(home, "restore", str(copy), "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["kept"]).is_file()
    with open_server(home) as server:
        listed = [task["task_id"] for task in view(server.call("list_tasks"))["tasks"]]
        assert listed == [first]
        assert second not in listed
