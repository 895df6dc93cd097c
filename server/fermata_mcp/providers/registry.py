"""Name to provider. Built on first use, so that starting costs nothing."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module, metadata

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.spec import ProviderSpec

from .base import Factory, Provider, ProviderContext

ENTRY_POINTS = "fermata_mcp.providers"
# Where each built-in provider's `SPEC` and `make` live, in order of preference as a default.
BUILT_IN: dict[str, str] = {
    "musicapi-sonic": "fermata_mcp.providers.musicapi.sonic",
    "musicapi-producer": "fermata_mcp.providers.musicapi.producer",
    "sunoapi": "fermata_mcp.providers.sunoapi",
    "kie": "fermata_mcp.providers.kie",
    "apiin": "fermata_mcp.providers.apiin",
    "local": "fermata_mcp.providers.local.provider",
}


class Registry:
    """Every provider that this process can use."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._made: dict[str, Provider] = {}

    def names(self) -> list[str]:
        """All names, built-in ones first, then those that other packages add."""
        return [*BUILT_IN, *sorted(set(self._added) - set(BUILT_IN))]

    def spec(self, name: str) -> ProviderSpec:
        """The facts of a provider, whether it is configured or not.

        Raises:
            InvalidRequest: There is no such provider; the message names those there are.
        """
        return self.get(name).spec

    def get(self, name: str) -> Provider:
        if name not in self._made:
            self._made[name] = self._factory(name)(self._context)
        return self._made[name]

    def configured(self) -> list[str]:
        """The names of those that have what they need."""
        return [name for name in self.names() if self.get(name).configured]

    def candidates(self) -> list[str]:
        """Those to try for a call that names none: the operator's choice, those with a key, `local`.

        Raises:
            InvalidRequest: The operator chose one that does not exist.
        """
        chosen = self._context.settings.default_provider
        first = [chosen] if chosen and self.get(chosen).configured else []
        keyed = [name for name in self.configured() if self.spec(name).key_variable]
        return list(dict.fromkeys([*first, *keyed, "local"]))

    def default(self) -> str:
        """The operator's choice, else the first that has its key, else `local`."""
        keyed = (name for name in self.configured() if self.spec(name).key_variable)
        return self._context.settings.default_provider or next(keyed, "local")

    def _factory(self, name: str) -> Factory:
        if name in BUILT_IN:
            return import_module(BUILT_IN[name]).make
        if name in self._added:
            return self._added[name].load()
        raise InvalidRequest(f"there is no provider {name!r:.60}.", f"use one of: {', '.join(self.names())}.")

    @cached_property
    def _added(self) -> dict[str, metadata.EntryPoint]:
        """Those of other packages. To find them takes a file of every package that is installed, so it is done once."""
        return {entry.name: entry for entry in metadata.entry_points(group=ENTRY_POINTS)}

    async def aclose(self) -> None:
        for provider in self._made.values():
            await provider.aclose()


def built_in_specs() -> list[ProviderSpec]:
    """The facts of every built-in provider."""
    return [import_module(module).SPEC for module in BUILT_IN.values()]
