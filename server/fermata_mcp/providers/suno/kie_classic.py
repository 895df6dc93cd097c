"""kie.ai's older door, and polls of what either of its doors took on, which an id tells."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

from fermata_mcp.domain.account import Account, AccountSpec, Variable, host, upload_host
from fermata_mcp.domain.errors import FermataError, error_from
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.pages import BY_UUID
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.news import read_news, same
from fermata_mcp.providers.http.values import note_once, number, text
from fermata_mcp.providers.http.wire import Answer, Call

from . import sunoapi
from .clips import REFUNDED, error_code, read_cost, read_item
from .common import BUSY, COMMON, NO_CREDITS, SunoAdapter
from .kie_jobs import asked_model, job_clips, sendable

DOOR = Variable(
    "KIE_API", "kie.ai's door for new work: `market`, or the older `classic`", "market", ("market", "classic")
)
WEBHOOK_KEY = Variable(
    "KIE_WEBHOOK_KEY", "key by which kie.ai signs what it posts (made in its account settings); unset: it does not",
    secret=True,
)  # fmt: skip
SPEC = replace(
    sunoapi.SPEC,
    name="kie",
    title="kie.ai",
    site="https://kie.ai",
    account=AccountSpec(
        key=Variable("KIE_API_KEY", "key of `kie`"),
        base_url=host("KIE_BASE_URL", "https://api.kie.ai"),
        upload_url=upload_host("KIE_UPLOAD_URL", "https://kieai.redpandaai.co"),
        more=(DOOR, WEBHOOK_KEY),
    ),
    refusals=COMMON
    | {
        404: Refusal("unknown_track"),
        413: Refusal("content_rejected"),
        429: BUSY,
        433: NO_CREDITS,
        505: Refusal("provider_unavailable"),
    },
    song_pages=dict.fromkeys(("suno.com", "suno.ai", "kie.ai"), BY_UUID),
    notes=("429 means too fast.", "Results are kept 14 days.", *sunoapi.SPEC.notes[2:]),
)

JOB = "job:"  # before ids of the job door
RUNNING = {"waiting": "queued", "queuing": "queued", "generating": "being made"}
# Why a job failed, where that is not only in words: the music or the words themselves are refused.
CONTENT_CODES = frozenset({400, 413})
SAFER = "change the words, or give style, title and prompt where nothing was given, and call again."
FAILED_AT_ONCE = Refusal("generation_failed")


class KieClassicAdapter(SunoAdapter):
    """See `HttpAdapter`. New work through the older door, polls through both."""

    spec = SPEC
    balance_path = "/api/v1/chat/credit"

    def refusal(self, answer: Answer) -> Refusal | None:
        """501 and 531 in the body: tried, failed, and given back."""
        failed = answer.status < 500 and answer.code() in (501, REFUNDED)
        return FAILED_AT_ONCE if failed else super().refusal(answer)

    def poll_call(self, remote_id: str) -> Call:
        if not remote_id.startswith(JOB):
            return super().poll_call(remote_id)
        return Call("GET", "/api/v1/jobs/recordInfo", params={"taskId": remote_id.removeprefix(JOB)})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return self._read_job(answer) if remote_id.startswith(JOB) else super().read_poll(answer, remote_id)

    def read_news(self, post: HookPost, account: Account) -> News | None:
        """Its signature covers the id and the time, not the rest: it proves only that the host knows the work."""
        body = Answer(200, post.told, "")
        job, older = text(body.get("data", "taskId")), text(body.get("data", "task_id"))
        key = account.more.get(WEBHOOK_KEY.name, "").strip()
        if key and not _is_signed(post, key, job or older or ""):
            return None
        return read_news(post, JOB + job if job and body.get("data", "state") is not None else None)

    def _unlisted(self, answer: Answer) -> Snapshot | None:
        unknown = answer.get("data") is None and answer.unlisted(404, 422)
        return Snapshot("running", message="not listed yet", unlisted=True) if unknown else super()._unlisted(answer)

    def _read_job(self, answer: Answer) -> Snapshot | None:
        """A poll's answer, or the body of a callback: they are the same."""
        word = (text(answer.get("data", "state")) or "").lower()
        if not word:
            return self._unlisted(answer)
        if self._is_end(word.upper()):
            known = asked_model(answer)
            found = [read_item({**item, **sendable(item)}, known, True) for item in job_clips(answer)]
            return self._weigh(answer, word.upper(), found, "")
        if word not in RUNNING:
            note_once(self.spec.name, word)
        passed = number(answer.get("data", "progress")) or 0.0
        return Snapshot("running", min(passed / 100, 0.99) if passed > 0 else None, RUNNING.get(word, word))

    def _failure(self, answer: Answer, word: str) -> FermataError:
        if answer.get("data", "state") is None:
            return super()._failure(answer, word)
        said = words.said(answer.get("data", "failMsg"))
        code = error_code(answer)
        rejected = code in CONTENT_CODES or words.about_content(f"{said} {text(answer.get('data', 'failCode'))}")
        why = f"{self.spec.name}: {said or 'no reason given'} ({word.lower()}{f' {code}' if code else ''})"
        back = ", given back by the provider" if read_cost(answer) == 0 else ""
        return error_from("content_rejected" if rejected else "generation_failed", f"{why}{back}.",
                          SAFER if code == 400 else None)  # fmt: skip


def _is_signed(post: HookPost, key: str, task_id: str) -> bool:
    stamp = post.headers.get("x-webhook-timestamp", "")
    right = base64.b64encode(hmac.digest(key.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256)).decode()
    return bool(task_id) and post.is_timely(stamp) and same(post.headers.get("x-webhook-signature", ""), right)
