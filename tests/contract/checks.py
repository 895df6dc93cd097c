"""What every adapter must do. `test_adapters` runs each check per rig and case."""

from __future__ import annotations

from contract import checks_asked, checks_every, checks_looks, checks_rest, checks_submits, checks_worker
from contract.suite import CHECKS, Check

ROOMS = (checks_every, checks_asked, checks_submits, checks_looks, checks_rest, checks_worker)
__all__ = ["CHECKS", "ROOMS", "Check"]
