"""What tests know of each paid provider: declared as `PAID` in the file of its emulator, and found here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import emulators

from .base import Emulator


@dataclass(frozen=True)
class Paid:
    """One provider.

    Attributes:
        emulator: Makes its emulator, which takes this key.
        call: The least that an extension of a clip needs.
        seed: What the provider must be sent for it.
        seconds: How long its clips then are.
        money: What one extension costs at the provider, and what is quoted.
        unsupported: A field that it cannot express.
        besides: What every extension needs beside its source.
        parts: How long they are where nothing is joined; the same where they are whole.
        extends_joined: See `ProviderSpec`.
        joining: What it takes besides to join the new part to a clip of which nobody here has the audio.
    """

    name: str
    emulator: Callable[[str], Emulator]
    call: Mapping[str, Any]
    seed: Mapping[str, Any]
    seconds: tuple[float, ...]
    money: tuple[float, float]
    unsupported: str
    balance: bool = True
    uploads: bool = False
    joining: float = 0
    extends_joined: bool = True
    parts: tuple[float, ...] = ()
    besides: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def family(self) -> str:
        """The account that it shares with its siblings, as its variables begin."""
        return self.name.partition("-")[0]


@cache
def every_paid() -> tuple[Paid, ...]:
    """Those that are built in, in the order of the registry."""
    # Late: the kill harness loads the product itself, rewritten.
    from fermata_mcp.providers.registry import BUILT_IN

    modules = (import_module(f"{emulators.__name__}.{found.name}") for found in iter_modules(emulators.__path__))
    known = {one.name: one for module in modules for one in getattr(module, "PAID", ())}
    return tuple(known[name] for name in BUILT_IN if name in known)


@cache
def every_free() -> dict[str, Callable[[str], Emulator]]:
    """Those that are served besides: of servers that people run themselves, and of what is paid without clips.

    Declared as `FREE` in their files, by what they are.
    """
    modules = (import_module(f"{emulators.__name__}.{found.name}") for found in iter_modules(emulators.__path__))
    return {name: made for module in modules for name, made in getattr(module, "FREE", {}).items()}


def named(name: str) -> Paid:
    """The one with this name."""
    return next(one for one in every_paid() if one.name == name)
