"""A host's file: whole or not at all, and what was there is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from fermata_mcp.cli.hosts.entry import entry_for
from fermata_mcp.cli.hosts.known import HOSTS, NAME, Host, host_named
from fermata_mcp.cli.hosts.merging import CannotMerge
from fermata_mcp.cli.hosts.writing import write

OTHER = {"mcpServers": {"other": {"command": "npx"}}}
CURSOR = host_named("cursor")
ENTRY = entry_for(CURSOR, "/bin/fermata-mcp")


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_where_nothing_is(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "not" / "there" / host.file
    entry = entry_for(host, "/bin/fermata-mcp")
    assert (write(host, file, entry).changed, write(host, file, entry).changed) == (True, False)
    assert [path.name for path in file.parent.iterdir()] == [host.file], "no copy of nothing"


def test_a_copy_of_what_was_there_with_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps(OTHER))
    file.chmod(0o600)
    done = write(CURSOR, file, ENTRY)
    assert done.backup is not None
    assert json.loads(done.backup.read_text()) == OTHER
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, done.backup)] == [0o600, 0o600]
    assert json.loads(file.read_text()) == {"mcpServers": {**OTHER["mcpServers"], NAME: ENTRY}}
    again = write(CURSOR, file, entry_for(CURSOR, "/elsewhere/fermata-mcp"))
    assert again.backup is not None
    assert again.backup != done.backup, "the first copy is the person's own"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", tmp_path / "mcp.json"
    real.write_text("{}")
    link.symlink_to(real)
    write(CURSOR, link, ENTRY)
    assert link.is_symlink()
    assert NAME in real.read_text()


@pytest.mark.parametrize("content", [b"{", b"// x\n{}", b"\xff\xfe{\x00", b"[]"])
def test_what_is_refused_is_as_it_was(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_bytes(content)
    with pytest.raises(CannotMerge, match=r"mcp\.json: it "):
        write(CURSOR, file, ENTRY)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("mcp.json", content)]
