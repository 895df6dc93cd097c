"""`doctor --host`: what a person is told, and what is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fermata_mcp.cli.hosts.advice import advise
from fermata_mcp.cli.hosts.known import HOSTS, Host
from fermata_mcp.domain.errors import InvalidRequest

every_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@every_host
def test_telling_changes_nothing(host: Host, home: Path) -> None:
    told = advise(host.name, writes=False, environ={})
    words = "\n".join(told.lines())
    assert str(told.file) in words
    assert told.as_json()["snippet"] in words
    assert f"doctor --host {host.name} --write" in words
    assert list(home.iterdir()) == []


@every_host
def test_writing_says_what_it_did(host: Host, home: Path) -> None:
    first = advise(host.name, writes=True, environ={})
    assert first.file.is_relative_to(home)
    assert first.lines()[0] == f"Written to {first.file}."
    assert "already says so" in advise(host.name, writes=True, environ={}).lines()[0]


def test_the_copy_is_named(home: Path) -> None:
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text("{}")
    told = advise("cursor", writes=True, environ={})
    assert "kept as mcp.json.before-fermata" in told.lines()[0]
    assert json.loads(json.dumps(told.as_json()))["backup"] == str(home / ".cursor" / "mcp.json.before-fermata")


def test_writing_needs_a_host() -> None:
    with pytest.raises(InvalidRequest, match="for which host"):
        advise(None, writes=True, environ={})
