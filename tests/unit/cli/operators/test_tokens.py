"""`fermata-mcp token`: given out once, listed without, revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fermata_mcp.cli.operators.tokens import tokens
from fermata_mcp.domain.errors import InvalidRequest, NotFound

pytestmark = pytest.mark.anyio
ADD = {"action": "add", "scopes": "read,extend", "max_credits_per_day": 2.5, "max_credits_per_month": None,
       "max_usd_per_day": None, "max_usd_per_month": 0.25}  # fmt: skip
GOOD = "0123456789-abcdefghijklmnopqrstuv"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_DATA_DIR", str(tmp_path))


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


async def test_a_token_is_shown_once_and_never_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    await tokens(ADD | {"name": "anna", "json": False})
    plain = capsys.readouterr().out.strip()
    assert plain.startswith("fmt_")
    assert len(plain) == 47
    await tokens({"action": "list", "json": True})
    told = json.loads(capsys.readouterr().out)["tokens"]
    assert [(one["name"], one["scopes"], one["max_credits_per_day"], one["max_usd_per_month"]) for one in told] == [
        ("anna", ["read", "extend"], 2.5, 0.25)
    ]
    assert not any(plain.encode() in content for content in contents(tmp_path))
    await tokens({"action": "list", "json": False})
    assert "anna  read,extend, 2.5 a day, $0.25 a month" in capsys.readouterr().out


async def test_names_are_given_once_and_taken_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    await tokens(ADD | {"name": "anna", "json": True})
    with pytest.raises(InvalidRequest, match="anna has a token"):
        await tokens(ADD | {"name": "anna", "json": True})
    await tokens({"action": "revoke", "name": "anna", "json": True})
    with pytest.raises(NotFound):
        await tokens({"action": "revoke", "name": "anna", "json": True})
    monkeypatch.setenv("FERMATA_AUTH_TOKENS", f"anna:{GOOD}")
    with pytest.raises(InvalidRequest, match="FERMATA_AUTH_TOKENS"):
        await tokens(ADD | {"name": "anna", "json": True})
    with pytest.raises(NotFound, match="no token here"):
        await tokens({"action": "revoke", "name": "anna", "json": True})
