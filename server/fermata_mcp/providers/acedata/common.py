"""What the two AceDataCloud products share: refusals, uploads by link, and asynchronous submits."""

from __future__ import annotations

from typing import Any, ClassVar

from fermata_mcp.domain.account import AccountSpec, Variable, host
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.hooks import HookForm
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.values import text
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import about_content, about_money, about_unknown

from .tasks import TaskReader, upload_of, upload_told

ACCOUNT = AccountSpec(
    key=Variable("ACEDATA_API_KEY", "key of `acedata` and `acedata-producer`"),
    base_url=host("ACEDATA_BASE_URL", "https://api.acedata.cloud"),
)
REFUSALS = {
    400: Refusal("invalid_request"),
    401: Refusal("authentication_failed"),
    402: Refusal("insufficient_credits"),
    403: Refusal("content_rejected"),
    429: Refusal("rate_limited", later=True),
}
HOOK = HookForm("callback_url")
VERIFIED = "against documentation 2026-11-27, not live"
NO_PRICE = "not documented where it can be read without an account: at most {} is assumed, so that caps hold"
UPLOADED = "upload:"
"""What begins our ids of what was uploaded there: these are extended by another action."""
_STATUSES = {
    "bad_request": 400, "token_mismatched": 400, "api_not_implemented": 400, "invalid_token": 401, "forbidden": 403,
    "too_many_requests": 429,
}  # fmt: skip
_OTHERS = {
    "token_mismatched": Refusal("authentication_failed", hint="use a key of AceDataCloud that serves this product."),
    "api_not_implemented": Refusal("not_supported"),
}


class AceDataAdapter(HttpAdapter):
    """What both products have in common. Submits are asynchronous, always: a gateway ends those that make one wait."""

    product: ClassVar[str]

    def read_submit(self, answer: Answer) -> str | None:
        return upload_told(answer) or answer.task_id()

    def refusal(self, answer: Answer) -> Refusal | None:
        """The words tell more than the status: 403 is also money, 400 also what is protected or not there."""
        said, word, code = answer.message(), text(answer.get("error", "code")) or "", answer.code()
        if code < 400 and words.named_id(answer.body) is None:
            code = _STATUSES.get(word, code)
        match code:
            case 400 if word in _OTHERS:
                return _OTHERS[word]
            case 400 if about_content(said):
                return REFUSALS[403]
            case 400 if about_unknown(said):
                return Refusal("unknown_track")
            case 403 if about_money(said) and not about_content(said):
                return REFUSALS[402]
            case _:
                return REFUSALS.get(code)

    def poll_call(self, remote_id: str) -> Call:
        uploaded = upload_of(remote_id)
        asked = uploaded.task_id if uploaded else remote_id
        return Call("POST", f"/{self.product}/tasks", {"id": asked, "action": "retrieve"})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        if uploaded := upload_of(remote_id):
            clip = Clip(provider_clip_id=UPLOADED + uploaded.clip_id, duration_seconds=uploaded.seconds)
            return Snapshot("succeeded", 1.0, "uploaded", (clip,))
        if answer.unlisted():
            return Snapshot("running", message="not listed yet", unlisted=True)
        known = isinstance(answer.body, dict) and answer.code() < 400
        return TaskReader(self.spec.name, answer).snapshot() if known else None

    def asynchronous(self, body: dict[str, Any], work: Work) -> dict[str, Any]:
        """`body` as it is sent, with where news go and with what was chosen natively."""
        if work.options.get("async", True) is not True:
            raise InvalidRequest("without async the answer takes minutes and may be lost.", "leave options.async out.")
        return body | {"async": True} | self.hook(work) | work.options

    def hook(self, work: Work) -> dict[str, Any]:
        """Where news go: the operator's address, or what is chosen for this work alone."""
        return HOOK.chosen(self._callback_url, work.options)

    def upload(self, work: Work) -> Call:
        if work.source_url is None:
            raise InvalidRequest(f"{self.spec.name} uploads from links only.", "give an https:// link.")
        return Call("POST", f"/{self.product}/upload", {"audio_url": work.source_url})

    def clip_of(self, work: Work) -> str:
        if work.source_clip is None:
            raise InvalidRequest(f"{self.spec.name} continues its own clips.", "give clip:<id>, or an https:// link.")
        return work.source_clip.removeprefix(UPLOADED)

    def point_of(self, work: Work) -> float | None:
        """Where new music starts; None where the options say it."""
        if work.continue_at is None and "continue_at" not in work.options:
            raise InvalidRequest(
                f"{self.spec.name} has to be told where new music starts.", "give continue_at in seconds."
            )
        return None if "continue_at" in work.options else work.continue_at
