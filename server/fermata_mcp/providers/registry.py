"""Name to provider. Loaded and made on first use, so that starting costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib import import_module, metadata
from typing import Any

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.account import AccountSpec
from fermata_mcp.domain.errors import ConfigurationError, InvalidRequest
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.media.processors import renders_at_once

from .base import Factory, HookMaker, Provider, Spawn, context_for

ENTRY_POINTS = "fermata_mcp.providers"
# Where each built-in provider's `SPEC` and `make` live, in order of preference as a default.
BUILT_IN: dict[str, str] = {
    "musicapi-sonic": "fermata_mcp.providers.musicapi.sonic",
    "musicapi-producer": "fermata_mcp.providers.musicapi.producer",
    "sunoapi": "fermata_mcp.providers.suno.sunoapi",
    "kie": "fermata_mcp.providers.suno.kie",
    "apiin": "fermata_mcp.providers.apiin",
    "acedata": "fermata_mcp.providers.acedata.suno",
    "acedata-producer": "fermata_mcp.providers.acedata.producer",
    "fal": "fermata_mcp.providers.fal.fal",
    "elevenlabs": "fermata_mcp.providers.elevenlabs.elevenlabs",
    "acestep": "fermata_mcp.providers.acestep.acestep",
    "sa3": "fermata_mcp.providers.sa3.sa3",
    "local": "fermata_mcp.providers.local.provider",
}


class Registry:
    """Every provider that this process can use.

    Args:
        hooks: Where they are to post news of their work.
        observed: Puts somebody who watches around each.

    `processors` are the places for work that is done here.
    """

    def __init__(
        self,
        settings: Settings,
        spawn: Spawn,
        changed: Callable[[str], None],
        hooks: HookMaker | None = None,
        observed: Callable[[Provider], Provider] = lambda provider: provider,
    ) -> None:
        self._settings, self._spawn, self._changed, self._hooks = settings, spawn, changed, hooks
        self._observed = observed
        self.processors = anyio.Semaphore(renders_at_once(settings.renders_at_once))
        self._made: dict[str, Provider] = {}

    def names(self) -> list[str]:
        """All names, built-in ones first, then those that other packages add."""
        return self._modules.names()

    def spec(self, name: str) -> ProviderSpec:
        """The facts of a provider, whether it is configured or not.

        Raises:
            InvalidRequest: There is no such provider; the message names those there are.
        """
        return self.get(name).spec

    def specs(self) -> list[ProviderSpec]:
        return [self.spec(name) for name in self.names()]

    def get(self, name: str) -> Provider:
        if name not in self._made:
            make, account = self._modules.factory(name), self._modules.account(name)
            context = context_for(
                account, self._settings, self._spawn, self._changed, self.processors, self._hooks,
                self._modules.answer_seconds(name),
            )  # fmt: skip
            self._made[name] = self._observed(make(context))
        return self._made[name]

    def renders(self) -> int:
        """How many pieces of work this process carries out itself just now."""
        return sum(getattr(provider, "renders", 0) for provider in self._made.values())

    def configured(self) -> list[str]:
        """The names of those that have what they need."""
        return [name for name in self.names() if self.get(name).configured]

    def candidates(self) -> list[str]:
        """Those to try for a call that names none: the operator's choice, those that are set up, `local`.

        Raises:
            InvalidRequest: The operator chose one that does not exist.
        """
        chosen = self._settings.default_provider
        first = [chosen] if chosen and self.get(chosen).configured else []
        keyed = [name for name in self.configured() if self.spec(name).set_by]
        return list(dict.fromkeys([*first, *keyed, "local"]))

    def default(self) -> str:
        """The operator's choice, else the first that is set up, else `local`."""
        keyed = (name for name in self.configured() if self.spec(name).set_by)
        return self._settings.default_provider or next(keyed, "local")

    @cached_property
    def _modules(self) -> Modules:
        return Modules()

    async def aclose(self) -> None:
        for provider in self._made.values():
            await provider.aclose()


def built_in_specs() -> list[ProviderSpec]:
    """The facts of every built-in provider."""
    return [import_module(module).SPEC for module in BUILT_IN.values()]


def variable_prefix(name: str) -> str:
    """How every variable of a provider begins: `MUSICAPI_` for `musicapi-sonic`."""
    return f"{name.partition('-')[0].upper()}_"


def declared_accounts(environ: Mapping[str, str] | None = None) -> list[AccountSpec]:
    """The accounts that providers declare.

    Args:
        environ: Only those for which it holds anything; the others are not even loaded. None means all.

    Raises:
        ConfigurationError: A variable does not begin with its provider's name, so that it would not be found here.
    """
    modules = Modules()
    given = None if environ is None else [name.upper() for name in environ]
    names = [name for name in modules.names() if given is None or _has_any(given, variable_prefix(name))]
    return list(dict.fromkeys(found for name in names if (found := modules.account(name))))


def _has_any(names: Iterable[str], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)


class Modules:
    """Where providers come from: modules with `SPEC` and `make`, of this package and of others."""

    def __init__(self) -> None:
        # To find those of others takes a file of every package that is installed, so it is done once.
        self._added = {entry.name: entry for entry in metadata.entry_points(group=ENTRY_POINTS)}

    def names(self) -> list[str]:
        """All names, built-in ones first, then those that other packages add."""
        return [*BUILT_IN, *sorted(set(self._added) - set(BUILT_IN))]

    def account(self, name: str) -> AccountSpec | None:
        """The variables that a provider declares; None where it needs none.

        Raises:
            ConfigurationError: One does not begin with the provider's name.
        """
        spec: ProviderSpec | None = getattr(self._loaded(name), "SPEC", None)
        account = spec.account if spec else None
        for variable in account.variables() if account else ():
            if not variable.name.startswith(variable_prefix(name)):
                raise ConfigurationError(
                    f"provider {name} declares {variable.name}, which does not begin with {variable_prefix(name)}.",
                    "tell whoever wrote it, or remove it.",
                )
        return account

    def answer_seconds(self, name: str) -> float | None:
        """See `ProviderSpec.answer_seconds`."""
        spec: ProviderSpec | None = getattr(self._loaded(name), "SPEC", None)
        return spec.answer_seconds if spec else None

    def factory(self, name: str) -> Factory:
        loaded = self._loaded(name)
        return getattr(loaded, "make", loaded)

    def _loaded(self, name: str) -> Any:
        """A module, or the bare factory that another package names in its place."""
        if name in BUILT_IN:
            return import_module(BUILT_IN[name])
        if name in self._added:
            return self._added[name].load()
        raise InvalidRequest(f"there is no provider {name!r:.60}.", f"use one of: {', '.join(self.names())}.")


def repeatable_providers() -> list[str]:
    """Those whose work costs nothing and may be done again by itself."""
    return [spec.name for spec in built_in_specs() if spec.submit == "repeatable"]
