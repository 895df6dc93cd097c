"""One rig per adapter: how to make it, what its documentation says, and how to test it.

Each `rigs_….py` beside this file has a tuple `RIGS`; a new adapter adds one.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from contract.local_rig import LOCAL
from contract.rig import Rig
from contract.wire_rig import WireRig
from fermata_mcp.providers.registry import BUILT_IN


def _found() -> list[Rig]:
    files = Path(__file__).parent.glob("rigs_*.py")
    found = [rig for file in files for rig in import_module(f"contract.{file.stem}").RIGS]
    return sorted(found, key=lambda rig: ([*BUILT_IN].index(rig.name), rig.label))


_FOUND = _found()
WIRED: tuple[WireRig, ...] = tuple(rig for rig in _FOUND if isinstance(rig, WireRig) and not rig.label)
RIGS: tuple[Rig, ...] = (*(rig for rig in _FOUND if not rig.label), LOCAL)
ALL_RIGS: tuple[Rig, ...] = (*_FOUND, LOCAL)
"""With further ones of providers that have one already, which have a label."""
