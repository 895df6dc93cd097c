"""Prepared answers are given only where they are right: with the SDK that they came from, and with right settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fermata_mcp.app import read_settings
from fermata_mcp.config import unknown_variables
from fermata_mcp.providers.registry import BUILT_IN, declared_accounts, variable_prefix
from fermata_mcp.transports.front import surroundings
from fermata_mcp.transports.front.surroundings import prepared_answers, settings_are_right

RIGHT = {
    "FERMATA_DATA_DIR": ("", "/a/b", "/ä b"),
    "FERMATA_OUTPUT_DIR": ("", "/a/b"),
    "FERMATA_DEFAULT_PROVIDER": ("", "local", "musicapi-sonic"),
    "FERMATA_MAX_CREDITS_PER_CALL": ("", "0", "12.5"),
    "FERMATA_WAIT_SECONDS": ("0", "45", "180.0", "2999.999"),
    "FERMATA_RESULT_LINKS": ("auto", "never"),
    "FERMATA_LOG_LEVEL": ("", "debug", "error"),
    "fermata_log_format": ("text", "json"),
    "MUSICAPI_API_KEY": ("", "key", "clé\udcff"),
}
LEFT = {
    "FERMATA_DATA_DIR": ("a", "~/a", "${HOME}/a", "/a\udcff"),
    "FERMATA_OUTPUT_DIR": ("a", "~nobody/a"),
    "FERMATA_MAX_CREDITS_PER_CALL": ("-1", "x", "nan", "1e3", "१"),
    "FERMATA_WAIT_SECONDS": ("3601", "-1", "9999"),
    "FERMATA_STORE_URL": ("postgres://a",),
    "FERMATA_LOG_LEVEL": ("loud",),
    "FERMATA_TIME_SCALE": ("0", "1"),
    "FERMATA_AUTH_TOKENS": ("a",),
    "FERMATA_OUTPUTDIR": ("/a", ""),
    "KIE_BASE_URL": ("nonsense", "https://a.example"),
    "SUNOAPI_APIKEY": ("a",),
    "HOME": ("/${X}", "/a\udcff"),
    "XDG_STATE_HOME": ("/${X}",),
}


def cases(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in table.items() for value in values]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith(("FERMATA_", "MUSICAPI_", "SUNOAPI_", "KIE_", "APIIN_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(("name", "value"), cases(RIGHT))
def test_settings_that_are_right_are_right_for_the_server(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert settings_are_right(os.environ)
    assert unknown_variables(os.environ, read_settings().declared) is None


@pytest.mark.parametrize(("name", "value"), cases(LEFT))
def test_other_settings_are_left_to_the_server(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not settings_are_right(os.environ)


def test_a_setting_that_is_given_twice_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings_are_right({**os.environ, "KIE_API_KEY": "a", "kie_api_key": "b"})


def test_every_provider_and_every_key_is_known() -> None:
    assert {variable_prefix(name) for name in BUILT_IN} | {"FERMATA_"} == set(surroundings.OURS)
    keys = {account.set_by.name for account in declared_accounts()}
    assert keys == {name for name in surroundings.SETTINGS if not name.startswith("FERMATA_")}


def test_answers_are_those_of_the_sdk_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared_answers(os.environ)
    monkeypatch.setattr(surroundings, "FILE", str(Path(surroundings.FILE).with_name("none.txt")))
    assert prepared_answers(os.environ) is None


def test_another_sdk_speaks_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "prepared.txt"
    made_with, _, rest = Path(surroundings.FILE).read_bytes().partition(b"\n")
    other.write_bytes(made_with.replace(b"mcp-2", b"mcp-9") + b"\n" + rest)
    monkeypatch.setattr(surroundings, "FILE", str(other))
    assert prepared_answers(os.environ) is None


def test_a_package_that_adds_providers_may_have_settings_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    added = tmp_path / "added-1.dist-info"
    added.mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (added / "entry_points.txt").write_text("[console_scripts]\nadded = added:main\n")
    assert prepared_answers(os.environ)
    (added / "entry_points.txt").write_text("[fermata_mcp.providers]\nadded = added:make\n")
    assert prepared_answers(os.environ) is None
