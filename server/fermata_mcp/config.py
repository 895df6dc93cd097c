"""Settings: what the operator decides, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .domain.address import checked_address, checked_base_address, checked_host
from .domain.errors import ConfigurationError
from .domain.lease import longest_submit_seconds
from .domain.paths import shown

# Read, so that they can be refused: whoever sets one of these relies on what this version does not do.
NOT_ENFORCED = {
    "FERMATA_AUTH_TOKENS": "callers are not authenticated yet",
    "FERMATA_OAUTH_ISSUER": "callers are not authenticated yet",
    "FERMATA_PUBLIC_URL": "there are no webhooks yet, and providers cannot fetch local files",
    "FERMATA_OUTPUT_URL": "audio is saved in FERMATA_OUTPUT_DIR only",
    "FERMATA_RESULT_LINKS": "results always carry resource links",
    "FERMATA_LINK_SECONDS": "results carry no links that expire",
    "FERMATA_STATE_KEY": "there is one process, with a key of its own",
}
PROVIDER_PREFIXES = ("MUSICAPI_", "SUNOAPI_", "KIE_", "APIIN_")
INERT_CALLBACK = "https://fermata.invalid/callback"


class InvalidSettings(ConfigurationError):
    code = "invalid_request"
    default_hint = "correct the variable and start again."


def _state_dir() -> Path:
    return _of_the_user(lambda: Path(platformdirs.user_state_dir("fermata", appauthor=False)))


def _music_dir() -> Path:
    return _of_the_user(lambda: Path(platformdirs.user_music_dir()) / "Fermata")


def _of_the_user(folder: Callable[[], Path]) -> Path:
    try:
        return folder()
    except RuntimeError:  # a user without a home: refused, by name, when the setting is checked
        return Path("~")


def _absolute(path: Path) -> Path:
    if "${" in str(path):
        raise ValueError("contains an unfilled ${…} placeholder")
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("must name a whole folder: no home folder is known here") from None
    if shown(str(path)) != str(path):
        raise ValueError("is no UTF-8 text; name a folder whose path is")
    return Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _within_its_lease(seconds: float) -> float:
    longest = longest_submit_seconds()
    if seconds > longest:
        raise ValueError(f"must be at most {longest:g}: later, other processes take a request for lost")
    return seconds


Address = Annotated[str, AfterValidator(checked_address)]
BaseAddress = Annotated[str, AfterValidator(checked_base_address)]
TrustedHost = Annotated[str, AfterValidator(checked_host)]
Folder = Annotated[Path, AfterValidator(_absolute)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Key = SecretStr | None
_ITS_HOST = "its host, if another gateway is used"
_ITS_UPLOAD_HOST = "its upload host"
Credits = Annotated[FiniteFloat, Field(ge=0)]


@dataclass(frozen=True)
class Account:
    """How to reach a provider: its key and its addresses without a path."""

    key: SecretStr | None
    base_url: str
    upload_url: str


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
    default_provider: str | None = Field(
        None, description="first choice when a call names none; else the first with a key that fits, else local"
    )
    wait_seconds: Annotated[FiniteFloat, Field(ge=0, le=3600)] = Field(
        45.0, description="how long a call waits before it hands back a running task"
    )
    max_credits_per_call: Credits | None = Field(None, description="hard cap of one call, a whole chain included")
    max_credits_per_day: Credits | None = Field(None, description="hard cap of one day (UTC)")
    confirm_above_credits: Credits | None = Field(None, description="ask the person before a call above this")
    time_scale: Positive = Field(1.0, description="multiplies every provider wait")
    submit_timeout_seconds: Annotated[Positive, AfterValidator(_within_its_lease)] = Field(
        45.0, description=f"total deadline of one paid request, at most {longest_submit_seconds():g}"
    )
    callback_url: Address = Field(
        INERT_CALLBACK, description="callback address for the providers; unset, only those that insist get one"
    )
    trusted_hosts: Annotated[tuple[TrustedHost, ...], NoDecode] = Field(
        (), description="host[:port] list that may be private addresses"
    )
    public_url: str | None = Field(None, description="public https address of the http server; refused by this version")
    auth_tokens: SecretStr | None = Field(None, description="bearer tokens for http; refused by this version")
    oauth_issuer: str | None = Field(None, description="OAuth issuer for http; refused by this version")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "warning", description="what is told on standard error: `debug`, `info`, `warning` or `error`"
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = Field(
        "text", description="`json`: an object a line"
    )
    musicapi_api_key: Key = Field(None, alias="MUSICAPI_API_KEY", description="key of `musicapi-sonic` and `-producer`")
    musicapi_base_url: BaseAddress = Field("https://api.musicapi.ai", alias="MUSICAPI_BASE_URL", description=_ITS_HOST)
    sunoapi_api_key: Key = Field(None, alias="SUNOAPI_API_KEY", description="key of `sunoapi`")
    sunoapi_base_url: BaseAddress = Field("https://api.sunoapi.org", alias="SUNOAPI_BASE_URL", description=_ITS_HOST)
    sunoapi_upload_url: BaseAddress = Field(
        "https://sunoapiorg.redpandaai.co", alias="SUNOAPI_UPLOAD_URL", description=_ITS_UPLOAD_HOST
    )
    kie_api_key: Key = Field(None, alias="KIE_API_KEY", description="key of `kie`")
    kie_base_url: BaseAddress = Field("https://api.kie.ai", alias="KIE_BASE_URL", description=_ITS_HOST)
    kie_upload_url: BaseAddress = Field(
        "https://kieai.redpandaai.co", alias="KIE_UPLOAD_URL", description=_ITS_UPLOAD_HOST
    )
    kie_api: Literal["market", "classic"] = Field(
        "market", alias="KIE_API", description="kie.ai's door for new work: `market`, or the older `classic`"
    )
    apiin_api_key: Key = Field(None, alias="APIIN_API_KEY", description="key of `apiin`")
    apiin_base_url: BaseAddress = Field("https://apiin.one", alias="APIIN_BASE_URL", description=_ITS_HOST)

    @property
    def asked_callback(self) -> str | None:
        """The callback address, where the operator set one: for providers that can do without."""
        return None if self.callback_url == INERT_CALLBACK else self.callback_url

    def account(self, family: str) -> Account:
        """The key and addresses of a family of providers (`musicapi`, `sunoapi`, `kie`, `apiin`)."""
        return Account(
            key=getattr(self, f"{family}_api_key"),
            base_url=getattr(self, f"{family}_base_url").rstrip("/"),
            upload_url=getattr(self, f"{family}_upload_url", "").rstrip("/"),
        )

    def trusted_addresses(self) -> frozenset[str]:
        """host or host:port that the operator named: these alone may be private, or reached without TLS."""
        addresses = {
            name: str(getattr(self, name))
            for name in type(self).model_fields
            if name.endswith(("_base_url", "_upload_url"))
        }
        defaults = type(self).model_fields
        named = {_with_port(url) for name, url in addresses.items() if url != defaults[name].default}
        return frozenset(named | set(self.trusted_hosts))

    def milliseconds(self, seconds: float) -> int:
        """A wait that a provider imposes, as long as the operator wants it."""
        return round(seconds * 1000 * self.time_scale)

    @field_validator("input_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _with_port(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        InvalidSettings: Names every wrong variable, never its value.
    """
    _refuse_what_is_not_enforced(os.environ)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise InvalidSettings(f"wrong settings: {_in_words(error)}.") from None


def _refuse_what_is_not_enforced(environ: Mapping[str, str]) -> None:
    given = {name.upper() for name, value in environ.items() if value}
    refused = [f"{name} ({why})" for name, why in NOT_ENFORCED.items() if name in given]
    if refused:
        raise InvalidSettings(f"this version does not enforce {'; '.join(refused)}.", "unset it and start again.")


def _in_words(error: ValidationError) -> str:
    return "; ".join(dict.fromkeys(f"{variable_name(str(e['loc'][0]))} {_said(e['msg'])}" for e in error.errors()))


def _said(message: str) -> str:
    return message.removeprefix("Value error, ") if message.startswith("Value") else message.lower()


def unknown_variables(environ: Mapping[str, str]) -> str | None:
    """A line that names every variable that looks as if it were for us and is not, or None.

    A provider's prefix may be another program's: such a name is told only where it nearly is one of ours.
    """
    known = {variable_name(field) for field in Settings.model_fields} | set(NOT_ENFORCED)
    told = [_perhaps_meant(name, known) for name in sorted(environ) if name.upper() not in known]
    named = [words for words in told if words]
    return f"settings that this version does not know: {', '.join(named)}" if named else None


def _perhaps_meant(name: str, known: set[str]) -> str | None:
    upper = name.upper()
    if not upper.startswith(("FERMATA_", *PROVIDER_PREFIXES)):
        return None
    close = get_close_matches(upper, sorted(known), n=1, cutoff=0.75)
    if close:
        return f"{name[:80]} (did you mean {close[0]}?)"
    return name[:80] if upper.startswith("FERMATA_") else None


def variable_name(field: str) -> str:
    """The environment variable behind a field of `Settings`."""
    known = Settings.model_fields.get(field)
    aliases = {field.alias for field in Settings.model_fields.values()}
    return field if field in aliases else (known.alias if known else None) or f"FERMATA_{field.upper()}"
