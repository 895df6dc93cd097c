"""Settings: what the operator decides, read from the environment once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AfterValidator, Field, FiniteFloat, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .domain.errors import ConfigurationError

INERT_CALLBACK = "https://fermata.invalid/callback"


class InvalidSettings(ConfigurationError):
    code = "invalid_request"
    default_hint = "correct the variable and start again."


def _state_dir() -> Path:
    return Path(platformdirs.user_state_dir("fermata", appauthor=False))


def _music_dir() -> Path:
    return Path(platformdirs.user_music_dir()) / "Fermata"


def _absolute(path: Path) -> Path:
    if "${" in str(path):
        raise ValueError("contains an unfilled ${…} placeholder")
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  (resolve() would follow links)


Folder = Annotated[Path, AfterValidator(_absolute)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Credits = Annotated[FiniteFloat, Field(ge=0)]


class Settings(BaseSettings):
    """The variables of `docs/settings.md`; names without a prefix belong to a provider."""

    model_config = SettingsConfigDict(
        env_prefix="FERMATA_", extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    data_dir: Folder = Field(default_factory=_state_dir, description="`fermata.db` and working files")
    store_url: SecretStr | None = Field(None, description="database address; unset: an SQLite file in the data folder")
    output_dir: Folder = Field(default_factory=_music_dir, description="where finished audio is saved")
    input_roots: Annotated[tuple[Folder, ...] | None, NoDecode] = Field(
        None,
        description="folders that local files may be read from (path list); unset: any file over stdio, none over http",
    )
    default_provider: str | None = Field(None, description="provider when a call names none")
    wait_seconds: Annotated[FiniteFloat, Field(ge=0, le=3600)] = Field(
        45.0, description="how long a call waits before it hands back a running task"
    )
    max_credits_per_call: Credits | None = Field(None, description="hard cap of one call, a whole chain included")
    max_credits_per_day: Credits | None = Field(None, description="hard cap of one day (UTC)")
    confirm_above_credits: Credits | None = Field(None, description="ask the person before a call above this")
    time_scale: Positive = Field(1.0, description="multiplies every provider wait")
    submit_timeout_seconds: Positive = Field(45.0, description="total deadline of one paid request")
    callback_url: str = Field(INERT_CALLBACK, description="what providers that insist on a callback address get")
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="host[:port] list that may be private addresses"
    )
    public_url: str | None = Field(None, description="public https address of the http server")
    auth_tokens: SecretStr | None = Field(None, description="bearer tokens for http")
    oauth_issuer: str | None = Field(None, description="OAuth issuer for http")

    @field_validator("input_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        InvalidSettings: Names every wrong variable, never its value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise InvalidSettings(f"wrong settings: {_in_words(error)}.") from None


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"FERMATA_{str(e['loc'][0]).upper()} {e['msg'].lower()}" for e in error.errors())


def variable_name(field: str) -> str:
    """The environment variable behind a field of `Settings`."""
    return f"FERMATA_{field.upper()}"
