"""What a provider needs of the environment: declared in its file, and what is set of it as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from fermata_mcp.domain.foreign.address import checked_base_address

_REFERENCE = re.compile(r"\$\{[^}]*\}|\$[A-Za-z_]\w*|\{env:[^}]*\}")


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: In capitals, beginning with the first word of the provider's name: `KIE_` for `kie`.
        meaning: What it is for, in the words of `docs/settings.md`.
        default: What holds while it is not set.
        choices: The only values that it may have; empty where any will do.
        secret: Nobody may be shown its value.
    """

    name: str
    meaning: str
    default: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False


def host(name: str, default: str) -> Variable:
    """Where a provider is, as an address without a path."""
    return Variable(name, "its host, if another gateway is used", default)


def upload_host(name: str, default: str) -> Variable:
    """Where a provider takes files, as an address without a path."""
    return Variable(name, "its upload host", default)


def own_server(name: str, of: str) -> Variable:
    """Where a server is that people run themselves; while it is not set, nobody asks there."""
    return Variable(name, f"address of {of}, which sets it up")


@dataclass(frozen=True)
class AccountSpec:
    """The variables by which one account is reached; providers that share an account share this.

    Attributes:
        key: Holds its key, a secret; None where there is none.
        base_url: See `host`, and `own_server`.
        upload_url: See `upload_host`; None where it is the same host, or takes no files.
        more: Whatever else can be chosen.
        key_header: The header of a request that carries the key.
        key_form: What stands in it: the key in place of `{}`.
        keyless: It is set up by its address, and its key, if it has one, may be left out.
    """

    key: Variable | None
    base_url: Variable
    upload_url: Variable | None = None
    more: tuple[Variable, ...] = ()
    key_header: str = "Authorization"
    key_form: str = "Bearer {}"
    keyless: bool = False

    @property
    def set_by(self) -> Variable:
        """The variable without which nothing works."""
        return self.base_url if self.keyless or self.key is None else self.key

    def is_set_up(self, account: Account) -> bool:
        """Whether that one is set."""
        return bool(account.base_url) if self.set_by is self.base_url else account.key is not None

    def variables(self) -> Iterator[Variable]:
        """All of them, in the order of the docs: what is needed comes first."""
        keys = () if self.key is None else (self.key,)
        first = (*self.addresses(), *keys) if self.keyless else (*keys, *self.addresses())
        yield from (*first, *self.more)

    def addresses(self) -> tuple[Variable, ...]:
        return (self.base_url,) if self.upload_url is None else (self.base_url, self.upload_url)


@dataclass(frozen=True)
class Account:
    """What is set for one account.

    Attributes:
        key: None where none is set.
        base_url: Without a slash at its end, like `upload_url`.
        more: The values of `AccountSpec.more`, by the names of the variables.
        trusted: Addresses that the operator set: these may be private.
    """

    key: SecretStr | None = None
    base_url: str = ""
    upload_url: str = ""
    more: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    trusted: tuple[str, ...] = ()


def read_account(declared: AccountSpec, given: Mapping[str, str]) -> Account:
    """The account as it is set.

    Args:
        given: Variables that are set, by their names in capitals. An empty one counts as unset, and so does a key that
            is `is_unfilled`.
    """
    values = {known.name: given.get(known.name) or known.default for known in declared.variables()}
    values |= {known.name: values[known.name].strip() for known in declared.addresses()}
    key = values[declared.key.name] if declared.key else ""
    if is_unfilled(key):
        key = ""
    return Account(
        key=SecretStr(key) if key else None,
        base_url=values[declared.base_url.name].rstrip("/"),
        upload_url=values[declared.upload_url.name].rstrip("/") if declared.upload_url else "",
        more={known.name: values[known.name] for known in declared.more},
        trusted=tuple(values[known.name] for known in declared.addresses() if values[known.name] != known.default),
    )


def is_unfilled(value: str) -> bool:
    """Whether it only refers to a variable: some hosts hand that on as it stands where the variable is not set."""
    return bool(_REFERENCE.fullmatch(value.strip()))


def unfilled_keys(declared: Iterable[AccountSpec], given: Mapping[str, str]) -> list[str]:
    """The names of keys that hold such a reference."""
    names = [account.key.name for account in declared if account.key]
    return [name for name in names if is_unfilled(given.get(name, ""))]


def account_problems(declared: AccountSpec, given: Mapping[str, str]) -> Iterator[str]:
    """Everything that is wrong with what is set, each as `NAME what is wrong`, never the value."""
    for known in declared.addresses():
        written = given.get(known.name) or known.default
        try:
            checked_base_address(written) if written else None
        except ValueError as error:
            yield f"{known.name} {error}"
    for known in declared.more:
        if known.choices and (given.get(known.name) or known.default) not in known.choices:
            yield f"{known.name} should be {' or '.join(known.choices)}"
