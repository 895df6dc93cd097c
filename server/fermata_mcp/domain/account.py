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


@dataclass(frozen=True)
class AccountSpec:
    """The variables by which one account is reached; providers that share an account share this.

    Attributes:
        key: Holds its key, a secret.
        base_url: See `host`.
        upload_url: See `upload_host`; None where it is the same host, or takes no files.
        more: Whatever else can be chosen.
    """

    key: Variable
    base_url: Variable
    upload_url: Variable | None = None
    more: tuple[Variable, ...] = ()

    def variables(self) -> Iterator[Variable]:
        """All of them, in the order of the docs."""
        yield from (self.key, *self.addresses(), *self.more)

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
    key = values[declared.key.name]
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
    names = [account.key.name for account in declared]
    return [name for name in names if is_unfilled(given.get(name, ""))]


def account_problems(declared: AccountSpec, given: Mapping[str, str]) -> Iterator[str]:
    """Everything that is wrong with what is set, each as `NAME what is wrong`, never the value."""
    for known in declared.addresses():
        try:
            checked_base_address(given.get(known.name) or known.default)
        except ValueError as error:
            yield f"{known.name} {error}"
    for known in declared.more:
        if known.choices and (given.get(known.name) or known.default) not in known.choices:
            yield f"{known.name} should be {' or '.join(known.choices)}"
