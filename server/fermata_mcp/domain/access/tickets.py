"""Links that open one thing for one purpose until a time, signed so that nobody can make one or change it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

LONGEST_SECONDS = 604_800
"""What object stores sign at most."""


@dataclass(frozen=True)
class Ticket:
    """Leave to do one thing with one thing.

    Attributes:
        purpose: `GET` or `PUT`.
        of: What it is for: `objects/…`, `tasks/tsk_…/0/name.flac`, or an upload.
        expires: Unix seconds.
    """

    purpose: str
    of: str
    expires: int

    def signature(self, key: bytes) -> str:
        said = f"{self.purpose}\n{self.expires}\n{self.of}".encode(errors="surrogateescape")
        return base64.urlsafe_b64encode(hmac.digest(key, said, hashlib.sha256)).decode().rstrip("=")

    def is_signed(self, signature: str, key: bytes) -> bool:
        return hmac.compare_digest(self.signature(key).encode(), signature.encode())
