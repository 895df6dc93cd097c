"""Settings come from the environment; a wrong one is named, its value never."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fermata_mcp.config import INERT_CALLBACK, Settings, load_settings, variable_name
from fermata_mcp.domain.errors import FermataError

SECRET = "hunter2-is-not-a-number"
VARIABLES = (
    "FERMATA_DATA_DIR", "FERMATA_STORE_URL", "FERMATA_OUTPUT_DIR", "FERMATA_INPUT_ROOTS", "FERMATA_DEFAULT_PROVIDER",
    "FERMATA_WAIT_SECONDS", "FERMATA_MAX_CREDITS_PER_CALL", "FERMATA_MAX_CREDITS_PER_DAY",
    "FERMATA_CONFIRM_ABOVE_CREDITS", "FERMATA_TIME_SCALE", "FERMATA_SUBMIT_TIMEOUT_SECONDS", "FERMATA_CALLBACK_URL",
    "FERMATA_TRUSTED_HOSTS", "FERMATA_PUBLIC_URL", "FERMATA_AUTH_TOKENS", "FERMATA_OAUTH_ISSUER",
)  # fmt: skip
NUMBERS = tuple(name for name in VARIABLES if name.endswith(("SECONDS", "CALL", "DAY", "CREDITS", "SCALE")))


def test_every_variable_of_the_contract_is_a_setting() -> None:
    assert {variable_name(field) for field in Settings.model_fields} >= set(VARIABLES)


def test_nothing_needs_to_be_set(clean_environ: Path) -> None:
    settings = load_settings()
    assert (settings.wait_seconds, settings.time_scale, settings.submit_timeout_seconds) == (45, 1, 45)
    assert settings.max_credits_per_call is settings.max_credits_per_day is settings.confirm_above_credits is None
    assert settings.input_roots is None
    assert settings.callback_url == INERT_CALLBACK
    assert clean_environ in settings.data_dir.parents
    assert settings.output_dir.name == "Fermata"


@pytest.mark.parametrize("name", VARIABLES)
def test_an_empty_variable_is_as_good_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load_settings()
    monkeypatch.setenv(name, "")
    assert load_settings() == usual


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [SECRET, "nan", "inf", "-1", "1,5", "${WAIT}"])
def test_a_wrong_number_is_named_and_its_value_is_not(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FermataError) as refused:
        load_settings()
    assert name in refused.value.message
    assert SECRET not in str(refused.value)
    assert "${WAIT}" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NUMBERS:
        monkeypatch.setenv(name, "-5")
    with pytest.raises(FermataError) as refused:
        load_settings()
    assert all(name in refused.value.message for name in NUMBERS)


@pytest.mark.parametrize("name", ["FERMATA_DATA_DIR", "FERMATA_OUTPUT_DIR", "FERMATA_INPUT_ROOTS"])
def test_a_placeholder_that_a_host_forgot_to_fill_is_no_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/music/${user_config.folder}")
    with pytest.raises(FermataError, match="placeholder") as refused:
        load_settings()
    assert name in refused.value.message
    assert "user_config" not in refused.value.message


def test_zero_is_a_cap_and_a_wait_of_zero_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_MAX_CREDITS_PER_DAY", "0")
    monkeypatch.setenv("FERMATA_WAIT_SECONDS", "0")
    settings = load_settings()
    assert (settings.max_credits_per_day, settings.wait_seconds) == (0, 0)


def test_folders_are_made_absolute_and_know_home(monkeypatch: pytest.MonkeyPatch, clean_environ: Path) -> None:
    monkeypatch.setenv("FERMATA_DATA_DIR", "~/fermata")
    monkeypatch.setenv("FERMATA_OUTPUT_DIR", "out")
    settings = load_settings()
    assert settings.data_dir == clean_environ / "home" / "fermata"
    assert settings.output_dir == Path.cwd() / "out"


def test_roots_are_a_path_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FERMATA_INPUT_ROOTS", os.pathsep.join([str(tmp_path), "", "~/music"]))
    roots = load_settings().input_roots
    assert roots is not None
    assert roots[0] == tmp_path
    assert len(roots) == 2


def test_hosts_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_TRUSTED_HOSTS", "gateway.lan:8080, ,10.0.0.1")
    assert load_settings().trusted_hosts == ("gateway.lan:8080", "10.0.0.1")


def test_settings_do_not_show_secrets_when_they_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_AUTH_TOKENS", SECRET)
    monkeypatch.setenv("FERMATA_STORE_URL", f"postgresql://user:{SECRET}@host/db")
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


def test_strangers_in_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_NO_SUCH_THING", "1")
    load_settings()
