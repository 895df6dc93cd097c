"""How long a paid request holds its step, and how that time is divided."""

from __future__ import annotations

import math

# A claim is a lease: nobody else looks at the step until it runs out.
SUBMIT_LEASE_MS = 120_000
# What may pass of it before the request leaves; the rest is the request's own.
LATEST_START = 1 / 3


def submit_lease_ms(answer_seconds: float | None) -> int:
    """The lease of a submit whose answer may take that long; None where it only says that work was taken on."""
    return max(SUBMIT_LEASE_MS, math.ceil((answer_seconds or 0.0) * 1000 / (1 - LATEST_START)))


def longest_submit_seconds() -> float:
    """The longest deadline of a paid request that ends within its lease, however late it began."""
    return round(SUBMIT_LEASE_MS * (1 - LATEST_START) / 1000, 3)
