"""The map of the offline engine names every module there is, and none that is not."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import fermata_mcp.rearrange as package

MAP = package.__doc__ or ""
ROOT = Path(package.__file__).parent
MODULES = sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in ROOT.rglob("[!_]*.py"))


def test_every_module_stands_in_the_map() -> None:
    assert [name for name in MODULES if not re.search(rf"\b{re.escape(name)}\b", MAP)] == []


def test_the_map_names_nothing_that_is_gone() -> None:
    named = set(re.findall(r"\b(?:features|transitions|arrangement|output|joining)\.[a-z_]+", MAP))
    assert [name for name in sorted(named) if find_spec(f"{package.__name__}.{name}") is None] == []
