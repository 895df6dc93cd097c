"""What every adapter must do. `test_adapters` runs each check per rig and case."""

from __future__ import annotations

import checks_asked
import checks_every
import checks_looks
import checks_rest
import checks_submits
import checks_worker
from suite import CHECKS, Check

ROOMS = (checks_every, checks_asked, checks_submits, checks_looks, checks_rest, checks_worker)
__all__ = ["CHECKS", "ROOMS", "Check"]
