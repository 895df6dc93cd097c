"""What a provider posts to a callback address, in every spelling that was seen; never a result, only a hint to look."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress

from fermata_mcp.domain.hooks import HookPost, News

from . import words
from .values import text
from .wire import Answer

# Where posts tell of how far the work is, so that two about the same stage are one.
_STAGES = (
    ("event",),
    ("data", "callbackType"),
    ("data", "state"),
    ("data", "type"),
    ("state",),
    ("status",),
    ("code",),
    ("success",),
)
_LONGEST = 200


def read_news(post: HookPost, remote_id: str | None = None) -> News:
    """What is told. `remote_id`: the id under our name for it, where that is not the provider's own."""
    told = Answer(200, post.told, "")
    named = remote_id or words.named_id(post.told, strictly=True) or _request_id(told)
    return News(named, _event(post, told, named))


def _request_id(told: Answer) -> str | None:
    return text(told.get("request_id"))


def _event(post: HookPost, told: Answer, remote_id: str | None) -> str:
    """By the provider's own number of the post, else by the work and its stage; only a digest is kept."""
    stage = next((str(found) for place in _STAGES if (found := told.get(*place)) not in (None, "")), "")
    said = post.headers.get("x-webhook-id") or f"{remote_id} {stage}"
    return hashlib.sha256(said.encode(errors="replace")[:_LONGEST]).hexdigest()[:32]


def signs_the_body(post: HookPost) -> bool:
    """Whether `X-Webhook-Signature` is that of the time and the body, by the secret that was agreed on."""
    stamp = post.headers.get("x-webhook-timestamp", "")
    right = hmac.new(post.secret.encode(), stamp.encode() + b"." + post.raw, hashlib.sha256).hexdigest()
    return (
        bool(post.secret)
        and post.is_timely(stamp)
        and same(post.headers.get("x-webhook-signature", ""), f"sha256={right}")
    )


def signed_by_published_key(post: HookPost, stamp: str, signature: str, signed: bytes) -> bool:
    """Whether one of the provider's keys signed these bytes, at a time that is near.

    Args:
        signature: In hexadecimal.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not post.is_timely(stamp):
        return False
    for key in post.keys:
        with suppress(InvalidSignature, ValueError):
            Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature), signed)
            return True
    return False


def same(given: str, right: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
