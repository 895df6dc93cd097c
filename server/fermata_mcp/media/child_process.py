"""How processes of our own that read files of others are started: without our keys, and out of reach of Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

# Ctrl-C in a terminal reaches every process of its group; what becomes of a child its parent decides.
APART: dict[str, Any] = (
    {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
)


def environment() -> dict[str, str]:
    """Ours without its secrets: decoders of foreign files have no business with keys."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKENS", "_URL"))}
    return kept | {"PYTHONIOENCODING": "utf-8"}


def one_thread() -> None:
    """One core is what a child gets; to be called before numpy is imported."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
