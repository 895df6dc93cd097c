"""Addresses that providers post news to: one for each attempt, known to nobody but its provider and us."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOOKS_PATH = "/hooks/"
# A signature is as good as its time: longer ago, or later than now, it may be a replay.
SIGNED_WITHIN_SECONDS = 300
LONGEST_EVENT = 200
_ATTEMPT = re.compile(r"att_([0-9a-f]{32})")
_TOKEN = re.compile(r"([0-9a-f]{32})([0-9a-f]{40})")
_TIME = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class HookForm:
    """How a provider is asked to post.

    Attributes:
        field: The wire name of the address in a submit.
        secret_field: That of the secret by which it signs; None where it does not sign with one.
    """

    field: str
    secret_field: str | None = None

    def chosen(self, operators: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """What a submit carries where nothing is posted here: the operator's own address, or what `options` say."""
        told = {} if operators is None else {self.field: operators}
        return told | {name: value for name, value in options.items() if name in (self.field, self.secret_field)}

    def asked(self, hook: Hook, options: Mapping[str, Any]) -> dict[str, Any]:
        """What a submit carries for `hook`, unless the caller's own `options` say otherwise."""
        if self.field in options:
            return {}
        told = {self.field: hook.address}
        if self.secret_field is not None and self.secret_field not in options:
            told[self.secret_field] = hook.secret
        return told


@dataclass(frozen=True)
class Hook:
    """Where news of one attempt is to be posted, and the secret to sign it by."""

    address: str
    secret: str


@dataclass(frozen=True)
class HookPost:
    """What somebody posted to the address of an attempt.

    Attributes:
        headers: Names in small letters.
        raw: The body as it came.
        told: The body as JSON.
        secret: By which a provider that signs with a secret of ours signs this attempt's.
        keys: Public keys of Ed25519 by which a provider signs that publishes them.
        at: When it came; Unix seconds.
    """

    raw: bytes
    told: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    secret: str = ""
    keys: tuple[bytes, ...] = ()
    at: float = 0.0

    def is_timely(self, stamp: str) -> bool:
        """Whether a time that was signed is near enough to be no replay."""
        return bool(_TIME.fullmatch(stamp)) and abs(self.at - int(stamp)) <= SIGNED_WITHIN_SECONDS


@dataclass(frozen=True)
class News:
    """What a post tells that is no forgery: a hint to look, and nothing more.

    Attributes:
        remote_id: The provider's own id of the work; None where it names none.
        event: What tells this news from other news of the same attempt.
    """

    remote_id: str | None
    event: str


@dataclass(frozen=True)
class HookKeeper:
    """Makes addresses and knows them again: nothing is stored for them.

    Args:
        base: Public address of the server.
        key: What all processes of the server share for this purpose.
    """

    base: str
    key: bytes

    def hook(self, attempt_id: str) -> Hook | None:
        named = _ATTEMPT.fullmatch(attempt_id)
        if named is None:
            return None
        token = named[1] + self._sealed("address", attempt_id)[:40]
        return Hook(f"{self.base.rstrip('/')}{HOOKS_PATH}{token}", self.secret(attempt_id))

    def secret(self, attempt_id: str) -> str:
        return self._sealed("signature", attempt_id)

    def attempt(self, token: str) -> str | None:
        """The attempt whose address ends in `token`; None for what is not of our making."""
        parts = _TOKEN.fullmatch(token)
        attempt_id = f"att_{parts[1]}" if parts else ""
        right = hmac.compare_digest(self._sealed("address", attempt_id)[:40], parts[2] if parts else "")
        return attempt_id if right else None

    def _sealed(self, purpose: str, attempt_id: str) -> str:
        return hmac.new(self.key, f"{purpose}:{attempt_id}".encode(), hashlib.sha256).hexdigest()
