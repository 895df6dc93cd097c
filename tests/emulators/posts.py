"""What emulated providers post to the addresses that they were given: real requests, as their pages describe them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import httpx2 as httpx

from .acedata import AceData
from .apiin import Apiin
from .base import Emulator, Job
from .fal import Fal
from .market import MarketEmulator
from .musicapi import MusicApi
from .suno import SunoEmulator

Stage = Literal["text", "first", "complete", "error"]
FIELDS = ("callBackUrl", "webhook_url", "callback_url")
_EVENTS: Mapping[Stage, str] = {
    "text": "song.streaming", "first": "song.streaming", "complete": "song.completed", "error": "song.failed",
}  # fmt: skip


@dataclass(frozen=True)
class Post:
    """One post before it is sent."""

    address: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    async def send(self) -> int:
        """The status that it is answered with."""
        async with httpx.AsyncClient() as client:
            sent = await client.post(self.address, content=self.body, headers=dict(self.headers))
            return sent.status_code

    def altered(self, **told: Any) -> Post:
        """Another body under the same headers."""
        return replace(self, body=json.dumps(json.loads(self.body) | told).encode())

    def about(self, other: str, own: str) -> Post:
        """The same of another work, under the same headers."""
        return replace(self, body=self.body.replace(own.encode(), other.encode()))


def address_of(job: Job) -> str:
    """Where the submit asked for news."""
    named = [str(job.body[name]) for name in FIELDS if name in job.body]
    return (named or [str(job.data["webhook"])])[0]


def post_of(
    emulator: Emulator, job: Job, stage: Stage = "complete", *, key: str = "", at: float | None = None,
    secret: str | None = None,
) -> Post:  # fmt: skip
    """What the provider posts at a stage.

    Args:
        key: By which kie signs, where the account has one.
        at: The time that is signed; now where it is None.
        secret: By which MusicAPI signs in place of the one it was given.
    """
    moment = str(int(time.time() if at is None else at))
    headers = {"content-type": "application/json"}
    match emulator:
        case MarketEmulator() if "input" in job.body:
            body = cast(bytes, emulator.callback_of_job(job, "http://far.test").body)
            if key:
                headers |= _signed_id(job.id, moment, key)
        case SunoEmulator():
            _, body = emulator.callback(job, "http://far.test", stage)
            if key:
                headers |= _signed_id(job.id, moment, key)
        case MusicApi():
            body = _song(job, stage)
            if (by := job.body.get("webhook_secret") if secret is None else secret) is not None:
                headers |= _signed_body(body, moment, by, stage)
        case Apiin():
            told: dict[str, Any] = {"task_id": job.id, "data": {"type": stage, "response_data": []}}
            body = json.dumps(told).encode()
        case AceData():
            body = json.dumps({"success": stage != "error", "task_id": job.id, "trace_id": stage, "data": []}).encode()
        case Fal():
            told = {"request_id": job.id, "gateway_request_id": job.id, "status": "ERROR" if stage == "error" else "OK"}
            body = json.dumps(told | {"payload": {}}).encode()
            headers |= _signed_lines(emulator, job.id, moment, body)
        case _:
            raise TypeError(f"{type(emulator).__name__} posts nothing")
    return Post(address_of(job), body, headers)


def _song(job: Job, stage: Stage) -> bytes:
    platform = "producer" if "clip_id" in job.body else "suno"
    told: dict[str, Any] = {
        "code": 200,
        "message": "success",
        "task_id": job.id,
        "platform": platform,
        "event": _EVENTS[stage],
        "data": [],
    }
    return json.dumps(told).encode()


def _signed_id(task_id: str, moment: str, key: str) -> dict[str, str]:
    signed = hmac.new(key.encode(), f"{task_id}.{moment}".encode(), hashlib.sha256).digest()
    return {"x-webhook-timestamp": moment, "x-webhook-signature": base64.b64encode(signed).decode()}


def _signed_lines(emulator: Fal, request: str, moment: str, body: bytes) -> dict[str, str]:
    lines = (request, "user-1", moment, hashlib.sha256(body).hexdigest())
    signed = emulator.signs_with[-1].sign("\n".join(lines).encode())
    names = ("request-id", "user-id", "timestamp")
    told = {f"x-fal-webhook-{name}": line for name, line in zip(names, lines[:3], strict=True)}
    return told | {"x-fal-webhook-signature": signed.hex()}


def _signed_body(body: bytes, moment: str, secret: str, stage: Stage) -> dict[str, str]:
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    number = uuid.uuid4().hex
    return {
        "x-webhook-id": number, "idempotency-key": number, "x-webhook-event": _EVENTS[stage],
        "x-webhook-timestamp": moment, "x-webhook-signature": f"sha256={signed}",
    }  # fmt: skip
