"""Settings: what the operator decides, read from the environment once."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fermata_mcp.domain.access.keys import GOOD_STATE_KEY, SHORTEST_STATE_KEY
from fermata_mcp.domain.access.tickets import LONGEST_SECONDS
from fermata_mcp.domain.access.token import GOOD_CHARACTERS, named_tokens

from .domain.account import Account, AccountSpec, account_problems, read_account
from .domain.credits import Unit
from .domain.errors import ConfigurationError
from .domain.foreign.address import checked_address, checked_base_address, checked_host, checked_public_address
from .domain.foreign.paths import from_home, of_address, shown, unquoted
from .domain.lease import longest_submit_seconds

LOOPBACK = ("127.0.0.1", "localhost", "::1")
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
    path = Path(from_home(unquoted(str(path).strip())))
    if "${" in str(path):
        raise ValueError("contains an unfilled ${…} placeholder")
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("must name a whole folder: no home folder is known here") from None
    path = _there(path)
    if shown(str(path)) != str(path):
        raise ValueError("is no UTF-8 text; name a folder whose path is")
    return Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)


def _there(path: Path) -> Path:
    """The folder that is there under another Unicode form of its name, where the written one is not."""
    forms = (Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))
    return path if os.path.lexists(path) else next((form for form in forms if os.path.lexists(form)), path)


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _within_its_lease(seconds: float) -> float:
    longest = longest_submit_seconds()
    if seconds > longest:
        raise ValueError(f"must be at most {longest:g}: later, other processes take a request for lost")
    return seconds


def _place_for_audio(url: str) -> str:
    scheme, found, rest = url.strip().partition("://")
    if found and scheme.lower() not in ("s3", "gs", "az", "file"):
        raise ValueError("must begin with s3://, gs://, az:// or file://, or be the path of a folder")
    if found and scheme.lower() != "file":
        if not rest.strip("/") or "@" in rest or "?" in rest:
            raise ValueError("must be a bucket and a prefix, without keys: those have variables of their own")
        return url.strip()
    return str(_absolute(Path(of_address(rest.removeprefix("localhost")) if found else url.strip())))


def _long_enough(key: SecretStr) -> SecretStr:
    given = key.get_secret_value().strip()
    if len(given) < SHORTEST_STATE_KEY:
        raise ValueError(f"must have at least {SHORTEST_STATE_KEY} characters, at random (`openssl rand -hex 32`)")
    return SecretStr(given)


def _over_tls(url: str) -> str:
    parts = urlsplit(checked_base_address(url))
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("must begin with https://")
    return url.strip()


def _named(tokens: SecretStr) -> SecretStr:
    named_tokens(tokens.get_secret_value())
    return tokens


Address = Annotated[str, AfterValidator(checked_address)]
TrustedHost = Annotated[str, AfterValidator(checked_host)]
Folder = Annotated[Path, AfterValidator(_absolute)]
Bytes = Annotated[int, Field(gt=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Credits = Annotated[FiniteFloat, Field(ge=0)]
Dollars = Credits


@dataclass(frozen=True)
class Limits:
    """What the operator allows of one unit, in credits or dollars; None for any amount."""

    per_call: float | None
    per_day: float | None
    per_day_each: float | None
    per_month_each: float | None
    confirm_above: float | None


class Settings(BaseSettings):
    """The `FERMATA_` variables of `docs/settings.md`, and beside them what is set for accounts at providers."""

    model_config = SettingsConfigDict(env_prefix="FERMATA_", extra="ignore", frozen=True, env_ignore_empty=True)

    data_dir: Folder = Field(default_factory=_state_dir, description="`fermata.db` and working files")
    store_url: SecretStr | None = Field(None, description="database address; unset: an SQLite file in the data folder")
    output_dir: Folder = Field(default_factory=_music_dir, description="where finished audio is saved")
    output_url: Annotated[str, AfterValidator(_place_for_audio)] | None = Field(
        None,
        description="where audio lies that several machines need, instead of the output folder: `s3://bucket/prefix`, "
        "`gs://…`, `az://…` (extra `s3`), or a folder that all of them share",
    )
    link_seconds: Annotated[Positive, Field(le=LONGEST_SECONDS)] = Field(
        3600.0, description="how long a link to audio is good that is given over http"
    )
    link_endpoint_url: Address | None = Field(
        None, description="endpoint under which clients reach the S3 store, where that is not AWS_ENDPOINT_URL"
    )
    scratch_bytes: Bytes = Field(
        10_000_000_000, description="how much audio of the object store stays copied in the data folder"
    )
    max_upload_bytes: Bytes = Field(1_000_000_000, description="largest file that may be uploaded")
    max_open_uploads: Annotated[int, Field(gt=0)] = Field(
        20, description="how many uploads that no task has used yet each caller may have"
    )
    max_stored_bytes: Bytes = Field(
        20_000_000_000,
        description="uploaded and finished audio of each caller; over it uploads and new tasks are refused",
    )
    upload_keep_seconds: Positive = Field(
        604_800.0, description="how long an upload can be used again; it goes after a day where it was never used"
    )
    input_roots: Annotated[tuple[Folder, ...] | None, NoDecode] = Field(
        None,
        description="folders that local files may be read from (path list); unset: any file over stdio, none over http",
    )
    default_provider: str | None = Field(
        None, description="first choice when a call names none; else the first with a key that fits, else local"
    )
    wait_seconds: Annotated[FiniteFloat, Field(ge=0, le=3600)] = Field(
        45.0,
        description="how long every call waits before it hands back a running task; unset: as long as its client can",
    )
    max_credits_per_call: Credits | None = Field(None, description="hard cap of one call, a whole chain included")
    max_credits_per_day: Credits | None = Field(
        None, description="hard cap of one day (UTC), of all principals together"
    )
    max_credits_per_day_each: Credits | None = Field(
        None, description="hard cap of one day for each principal who signs in and has no cap of its own"
    )
    max_credits_per_month_each: Credits | None = Field(None, description="the same for one month (UTC)")
    confirm_above_credits: Credits | None = Field(None, description="ask the person before a call above this")
    max_usd_per_call: Dollars | None = Field(
        None, description="hard cap of one call to what is paid in US dollars, a whole chain included"
    )
    max_usd_per_day: Dollars | None = Field(None, description="hard cap in dollars of one day (UTC), of all together")
    max_usd_per_day_each: Dollars | None = Field(
        None, description="the same for each principal who signs in and has no cap of its own"
    )
    max_usd_per_month_each: Dollars | None = Field(None, description="the same for one month (UTC)")
    confirm_above_usd: Dollars | None = Field(None, description="ask the person before a call above so many dollars")
    keep_days: Positive | None = Field(
        None,
        description="tasks that were over for so many days are removed, their finished audio stays; unset: none are",
    )
    daily_copies: bool = Field(
        True, description="a copy of the SQLite file each day while a server runs, the last three are kept"
    )
    time_scale: Positive = Field(1.0, description="multiplies every provider wait")
    submit_timeout_seconds: Annotated[Positive, AfterValidator(_within_its_lease)] = Field(
        45.0, description=f"total deadline of one paid request, at most {longest_submit_seconds():g}"
    )
    renders_at_once: Annotated[int, Field(ge=0, le=256)] | None = Field(
        None,
        description="tracks that provider `local` works on at once in this process; unset: one a core, fewer where "
        "memory is short; 0: none, other processes on the same store do it",
    )
    stateless: bool | None = Field(
        None,
        description="http without sessions, so that any of several servers on one store answers any request; unset: "
        "where the store is a database server",
    )
    callback_url: Address = Field(
        INERT_CALLBACK, description="callback address for the providers; unset, only those that insist get one"
    )
    trusted_hosts: Annotated[tuple[TrustedHost, ...], NoDecode] = Field(
        (), description="host[:port] list that may be private addresses"
    )
    public_url: Annotated[str, AfterValidator(checked_public_address)] | None = Field(
        None,
        description="public https address of the http server: what callers write, what OAuth tokens are for, how the "
        "links that it gives begin, and where providers post news of their work",
    )
    auth_tokens: Annotated[SecretStr, AfterValidator(_named)] | None = Field(
        None, description="`name:token,…`: who may call over http (read, extend, spend), beside `fermata-mcp token add`"
    )
    oauth_issuer: Annotated[str, AfterValidator(_over_tls)] | None = Field(
        None, description="authorization server whose tokens are accepted; needs `FERMATA_PUBLIC_URL`"
    )
    oauth_client_id: str | None = Field(None, description="for an issuer that is asked about its tokens (RFC 7662)")
    oauth_client_secret: SecretStr | None = Field(None, description="belongs to it")
    sessions_each: AtLeastOne = Field(100, description="sessions that one principal may have open")
    requests_per_minute_each: AtLeastOne = Field(600, description="requests of one principal to one process")
    waiting_calls_each: AtLeastOne = Field(64, description="calls of one principal that may be waiting at once")
    listening_streams_each: AtLeastOne = Field(32, description="streams that one principal may listen to at once")
    state_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None,
        description="secret that signs links and seals what clients carry between replicas, at least "
        f"{SHORTEST_STATE_KEY} characters; unset: one that is made once and kept in the store",
    )
    result_links: Annotated[Literal["auto", "always", "never"], BeforeValidator(_lower)] = Field(
        "auto", description="resource links in results; `auto`: for clients that are known to read them"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "warning", description="what is told on standard error: `debug`, `info`, `warning` or `error`"
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = Field(
        "text", description="`json`: an object a line"
    )
    _accounts: dict[AccountSpec, Account] = PrivateAttr(default_factory=dict[AccountSpec, Account])

    def limits(self, unit: Unit) -> Limits:
        """The caps of what is paid in this unit."""
        if unit == "usd":
            return Limits(
                self.max_usd_per_call, self.max_usd_per_day, self.max_usd_per_day_each, self.max_usd_per_month_each,
                self.confirm_above_usd,
            )  # fmt: skip
        return Limits(
            self.max_credits_per_call, self.max_credits_per_day, self.max_credits_per_day_each,
            self.max_credits_per_month_each, self.confirm_above_credits,
        )  # fmt: skip

    @property
    def asked_callback(self) -> str | None:
        """The callback address, where the operator set one: for providers that can do without."""
        return None if self.callback_url == INERT_CALLBACK else self.callback_url

    @property
    def keeps_no_sessions(self) -> bool:
        """Whether the http server is one of several behind one address."""
        return self.store_url is not None if self.stateless is None else self.stateless

    @property
    def hears_hooks(self) -> bool:
        """Whether providers are asked to post to this server: what the operator set as callback address wins."""
        return self.public_url is not None and self.asked_callback is None

    def short_secrets(self) -> list[str]:
        """Secrets that people made up, and that others could find out by trying, in words."""
        tokens = named_tokens(self.auth_tokens.get_secret_value()) if self.auth_tokens else {}
        short = [
            f"the token of {name} in FERMATA_AUTH_TOKENS" for name, one in tokens.items() if len(one) < GOOD_CHARACTERS
        ]
        key = self.state_key.get_secret_value() if self.state_key else ""
        return [*short, *(["FERMATA_STATE_KEY"] if 0 < len(key) < GOOD_STATE_KEY else [])]

    @property
    def declared(self) -> tuple[AccountSpec, ...]:
        """The accounts for which variables were read."""
        return tuple(self._accounts)

    def account(self, declared: AccountSpec) -> Account:
        """What is set for an account; its defaults, where nothing was read for it."""
        return self._accounts.get(declared) or read_account(declared, {})

    def with_accounts(self, accounts: Mapping[AccountSpec, Account]) -> Settings:
        """The same settings with these accounts."""
        changed = self.model_copy()
        changed._accounts = dict(accounts)
        return changed

    def trusted_addresses(self) -> frozenset[str]:
        """host or host:port that the operator named: these alone may be private, or reached without TLS."""
        named = {_with_port(url) for account in self._accounts.values() for url in account.trusted}
        return frozenset((named | set(self.trusted_hosts)) - {""})

    @property
    def audio_is_shared(self) -> bool:
        """Whether finished audio lies where other machines find it, and not in the output folder."""
        return self.output_url is not None

    @property
    def saved_dir(self) -> Path:
        """Where finished audio is saved: for good, or until it is where all find it."""
        return self.output_dir if self.output_url is None else self.data_dir / "finished"

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
    """Empty for what is no address: whoever is to go there says so."""
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{port}"


def load_settings(declared: Iterable[AccountSpec] = (), **overrides: Any) -> Settings:
    """The settings of this process.

    Args:
        declared: The accounts that are read as well.

    Raises:
        InvalidSettings: Names every wrong variable, never its value.
    """
    given = {name.upper(): value for name, value in os.environ.items()}
    accounts = dict.fromkeys(declared)
    wrong = [problem for account in accounts for problem in account_problems(account, given)]
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        wrong = [*_in_words(error), *wrong]
    else:
        wrong += _halves(settings)
        if not wrong:
            return settings.with_accounts({account: read_account(account, given) for account in accounts})
    raise InvalidSettings(f"wrong settings: {'; '.join(wrong)}.") from None


def _halves(settings: Settings) -> Iterator[str]:
    """What is set without what it needs."""
    if settings.oauth_issuer and not settings.public_url:
        yield "FERMATA_OAUTH_ISSUER needs FERMATA_PUBLIC_URL, which its tokens must be for"
    if bool(settings.oauth_client_id) != bool(settings.oauth_client_secret):
        yield "FERMATA_OAUTH_CLIENT_ID and FERMATA_OAUTH_CLIENT_SECRET go together"
    if settings.oauth_client_id and not settings.oauth_issuer:
        yield "FERMATA_OAUTH_CLIENT_ID needs FERMATA_OAUTH_ISSUER"


def _in_words(error: ValidationError) -> list[str]:
    return list(dict.fromkeys(f"{variable_name(str(e['loc'][0]))} {_said(e['msg'])}" for e in error.errors()))


def _said(message: str) -> str:
    return message.removeprefix("Value error, ") if message.startswith("Value") else message.lower()


def unknown_variables(environ: Mapping[str, str], declared: Iterable[AccountSpec] = ()) -> str | None:
    """A line that names every variable that looks as if it were for us and is not, or None.

    A provider's prefix may be another program's: such a name is told only where it nearly is one of ours.
    """
    theirs = {variable.name for account in declared for variable in account.variables()}
    known = {variable_name(field) for field in Settings.model_fields} | theirs
    prefixes = tuple({f"{name.partition('_')[0]}_" for name in known})
    ours = [name for name in sorted(environ) if name.upper().startswith(prefixes) and name.upper() not in known]
    named = [words for words in (_perhaps_meant(name, known) for name in ours) if words]
    return f"settings that this version does not know: {', '.join(named)}" if named else None


def _perhaps_meant(name: str, known: set[str]) -> str | None:
    close = get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.75)
    if close:
        return f"{name[:80]} (did you mean {close[0]}?)"
    return name[:80] if name.upper().startswith("FERMATA_") else None


def variable_name(field: str) -> str:
    """The environment variable behind a field of `Settings`."""
    return f"FERMATA_{field.upper()}"
