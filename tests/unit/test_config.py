"""Settings come from the environment; a wrong one is named, its value never."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest

from fermata_mcp.config import (
    INERT_CALLBACK,
    Settings,
    load_settings,
    unknown_variables,
    variable_name,
)
from fermata_mcp.domain.account import AccountSpec
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.lease import LATEST_START, SUBMIT_LEASE_MS, longest_submit_seconds
from fermata_mcp.providers.registry import declared_accounts
from support.places import REPOSITORY

SOURCES = REPOSITORY / "server" / "fermata_mcp"
ACCOUNTS = declared_accounts()
THEIRS = [variable.name for account in ACCOUNTS for variable in account.variables()]

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


@pytest.mark.parametrize("over", [0.01, 1.0, 40.0, 10_000.0])
def test_no_paid_request_outlasts_its_lease(over: float, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = longest_submit_seconds()
    assert SUBMIT_LEASE_MS * LATEST_START + longest * 1000 <= SUBMIT_LEASE_MS
    monkeypatch.setenv("FERMATA_SUBMIT_TIMEOUT_SECONDS", str(longest))
    assert load_settings().submit_timeout_seconds == longest
    monkeypatch.setenv("FERMATA_SUBMIT_TIMEOUT_SECONDS", str(longest + over))
    with pytest.raises(FermataError, match="FERMATA_SUBMIT_TIMEOUT_SECONDS must be at most 80: later") as refused:
        load_settings()
    assert "take a request for lost" in refused.value.message


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NUMBERS:
        monkeypatch.setenv(name, "-5")
    with pytest.raises(FermataError) as refused:
        load_settings()
    assert all(name in refused.value.message for name in NUMBERS)


@pytest.mark.parametrize("field", ["data_dir", "output_dir", "input_roots"])
@pytest.mark.parametrize("written", ["$HOME/fx", "${HOME}/fx", "~/fx", '"~/fx"', " '$HOME/fx' "])
def test_home_is_known_in_folders(
    field: str, written: str, monkeypatch: pytest.MonkeyPatch, clean_environ: Path
) -> None:
    monkeypatch.setenv(f"FERMATA_{field.upper()}", written)
    found = getattr(load_settings(), field)
    assert found in (clean_environ / "home" / "fx", (clean_environ / "home" / "fx",))


def test_a_folder_is_found_under_another_form_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / unicodedata.normalize("NFD", "Lieder é")
    there.mkdir()
    monkeypatch.setenv("FERMATA_INPUT_ROOTS", unicodedata.normalize("NFC", str(there)))
    assert load_settings().input_roots == (there,)


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
    monkeypatch.setenv("FERMATA_AUTH_TOKENS", f"ann:{SECRET}")
    monkeypatch.setenv("FERMATA_STORE_URL", f"postgresql://user:{SECRET}@host/db")
    settings = Settings()  # pyright: ignore[reportCallIssue]
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


def test_strangers_in_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_NO_SUCH_THING", "1")
    load_settings()


# --- nothing that is set is ignored -----------------------------------------------------------------------------------


def test_a_key_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_STATE_KEY", "secret")
    with pytest.raises(FermataError, match="FERMATA_STATE_KEY must have at least 16 characters") as refused:
        load_settings()
    assert "secret" not in refused.value.message
    monkeypatch.setenv("FERMATA_STATE_KEY", "f" * 32)
    load_settings()


def test_every_setting_is_used_somewhere_or_refused() -> None:
    """A field that nothing reads would be a promise that nobody keeps."""
    read = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    promised = list(Settings.model_fields)
    unread = [name for name in promised if not re.search(rf"\.{name}\b", read)]
    assert unread == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("FERMATA_DATADIR", "did you mean FERMATA_DATA_DIR?"),
        ("FERMATA_AUTH_TOKEN", "did you mean FERMATA_AUTH_TOKENS?"),
        ("SUNOAPI_KEY", "did you mean SUNOAPI_API_KEY?"),
        ("FERMATA_COLOUR", "FERMATA_COLOUR"),
    ],
)
def test_a_name_that_is_no_setting_is_told(name: str, said: str) -> None:
    line = unknown_variables({name: SECRET, "PATH": "/bin"}, ACCOUNTS)
    assert line is not None
    assert name in line
    assert said in line
    assert SECRET not in line
    assert "\n" not in line


def test_names_of_ours_and_of_others_are_not_told() -> None:
    ours = {variable_name(field): "1" for field in Settings.model_fields} | dict.fromkeys(THEIRS, "1")
    others = {"KIE_COLOUR": "1", "PATH": "/bin", "fermata_data_dir": "/d", "kie_api_key": "k"}
    assert unknown_variables({**ours, **others}, ACCOUNTS) is None


ADDRESSES = [
    "FERMATA_CALLBACK_URL",
    *(variable.name for account in ACCOUNTS for variable in account.addresses()),
]
WRONG_ADDRESSES = {
    "no scheme": "api.music.example", "other scheme": "ftp://music.example", "no host": "https://", "path only": "/api",
    "port above": "https://music.example:70000", "port zero": "https://music.example:0",
    "port in words": "https://music.example:https", "user": "https://me@music.example",
    "password": "https://me:hunter2@music.example", "blank": "https://music example", "bracket": "https://[::1",
    "no address": "https://[music]", "placeholder": "https://${user_config.host}", "empty label": "https://a..b",
    "line": "https://music.example/a\tb",
}  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("value", WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES)
def test_an_address_that_nothing_can_be_sent_to_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FermataError) as refused:
        load_settings(ACCOUNTS)
    assert name in refused.value.message
    assert value not in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:8080",
        "https://gateway.example/suno/",
        "HTTPS://API.example",
        "http://[::1]:9",
        "https://b\u00fccher.example",
    ],
)
def test_an_address_that_can_be_reached_is_taken(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADDRESSES:
        monkeypatch.setenv(name, value)
    load_settings(ACCOUNTS)


@pytest.mark.parametrize(
    "value", ["http://gateway.lan", "gateway.lan/api", "me@gateway.lan", "gateway.lan:70000", "a b"]
)
def test_a_trusted_host_that_could_never_match_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERMATA_TRUSTED_HOSTS", f"10.0.0.1,{value}")
    with pytest.raises(FermataError, match="FERMATA_TRUSTED_HOSTS"):
        load_settings(ACCOUNTS)


# --- accounts at providers --------------------------------------------------------------------------------------------


def test_the_variables_of_providers_are_those_of_the_contract() -> None:
    assert THEIRS == [
        "MUSICAPI_API_KEY", "MUSICAPI_BASE_URL",
        "SUNOAPI_API_KEY", "SUNOAPI_BASE_URL", "SUNOAPI_UPLOAD_URL",
        "KIE_API_KEY", "KIE_BASE_URL", "KIE_UPLOAD_URL", "KIE_API", "KIE_WEBHOOK_KEY",
        "APIIN_API_KEY", "APIIN_BASE_URL",
        "ACEDATA_API_KEY", "ACEDATA_BASE_URL",
        "FAL_KEY", "FAL_BASE_URL", "FAL_UPLOAD_URL",
        "ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL",
        "ACESTEP_BASE_URL", "ACESTEP_API_KEY",
        "SA3_BASE_URL",
    ]  # fmt: skip


@pytest.mark.parametrize("declared", [one for one in ACCOUNTS if one.key], ids=lambda one: one.set_by.name)
def test_an_account_is_read_from_its_variables_alone(declared: AccountSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    assert declared.key is not None
    monkeypatch.setenv(declared.key.name.lower(), SECRET)
    monkeypatch.setenv(declared.base_url.name, "https://gateway.lan:8443/")
    settings = load_settings(ACCOUNTS)
    account = settings.account(declared)
    assert account.key is not None
    assert (account.key.get_secret_value(), account.base_url) == (SECRET, "https://gateway.lan:8443")
    assert settings.trusted_addresses() == {"gateway.lan:8443"}
    assert [one for one in ACCOUNTS if settings.account(one).key] == [declared]
    assert SECRET not in repr(settings) + repr(account)


@pytest.mark.parametrize("name", THEIRS)
def test_an_empty_variable_of_a_provider_is_as_good_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load_settings(ACCOUNTS)
    monkeypatch.setenv(name, "")
    assert load_settings(ACCOUNTS) == usual


def test_wrong_variables_of_ours_and_of_providers_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ("FERMATA_WAIT_SECONDS", "KIE_API", "SUNOAPI_UPLOAD_URL")
    for name in wrong:
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(FermataError) as refused:
        load_settings(ACCOUNTS)
    assert all(name in refused.value.message for name in wrong)
    assert SECRET not in str(refused.value)
