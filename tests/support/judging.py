"""The benchmarks' modules, which are not part of the package."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .places import REPOSITORY

_BENCHMARKS = str(REPOSITORY / "benchmarks")


def benchmark(name: str) -> Any:
    """The module `name` of `benchmarks`."""
    sys.path.insert(0, _BENCHMARKS)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(_BENCHMARKS)
