"""Keys for one purpose each, from the one secret that all programs of a server share."""

from __future__ import annotations

import hashlib
import hmac

# Shorter ones are refused; those below the second can be tried out by whoever has a link, and are warned of.
SHORTEST_STATE_KEY, GOOD_STATE_KEY = 16, 32


def derived_key(secret: bytes, purpose: str) -> bytes:
    """32 bytes that are good for `purpose` alone; they tell neither the secret nor another purpose's key."""
    return hmac.digest(secret, b"fermata:" + purpose.encode(), hashlib.sha256)
