"""What the two MusicAPI products share: credits, refusals, and how a task is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, cast
from urllib.parse import quote

from fermata_mcp.domain.account import Account, AccountSpec, Variable, host
from fermata_mcp.domain.errors import ContentRejected, FermataError, GenerationFailed
from fermata_mcp.domain.hooks import HookForm, HookPost, News
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.news import read_news, signs_the_body
from fermata_mcp.providers.http.values import credits_in, link, note_once, number, seconds, text
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import DONE_WORDS, FAILED_WORDS, about_content, about_money, reason, says_nothing

ACCOUNT = AccountSpec(
    key=Variable("MUSICAPI_API_KEY", "key of `musicapi-sonic` and `-producer`"),
    base_url=host("MUSICAPI_BASE_URL", "https://api.musicapi.ai"),
)
REFUSALS = {
    400: Refusal("invalid_request"),
    401: Refusal("authentication_failed"),
    402: Refusal("insufficient_credits"),
    403: Refusal("content_rejected"),
    404: Refusal("unknown_track"),
    410: Refusal("not_supported"),
    413: Refusal("too_large"),
    429: Refusal("rate_limited", later=True),
}
HOOK = HookForm("webhook_url", "webhook_secret")
VERIFIED = "against documentation 2026-11-20, not live"
_RUNNING = frozenset({"pending", "running", "queued", "processing", "submitted", "streaming"})
_ACCESS = re.compile(r"^HTTP 403$|forbidden|denied|api key|token|permission", re.I)
# Of a refusal before anything was made, beside what is about content anywhere.
_WORDS_REFUSED = re.compile(r"lyric|description", re.I)
_ENDED = re.compile(r"\brefunded\b|\b(task|generation)\b.{0,30}\bfailed\b", re.I)
# What a gateway says when its own patience, not the task's, is out.
_GATEWAY = re.compile(r"gateway|(endpoint|upstream) request", re.I)

Part = tuple[bool | None, dict[str, Any]]


class MusicApiAdapter(HttpAdapter):
    """What both products have in common."""

    product: ClassVar[str]
    gone: ClassVar[frozenset[int]] = frozenset()
    """Codes of a poll's answer that are the end of the work."""

    def refusal(self, answer: Answer) -> Refusal | None:
        """A 403 is money, words or the key: only its text tells which."""
        code, said = answer.code(), answer.message()
        if code == 403 and not _about_content(said):
            if about_money(said):
                return Refusal("insufficient_credits")
            if _ACCESS.search(said):
                return Refusal("authentication_failed")
        return self.spec.refusals.get(code)

    def poll_call(self, remote_id: str) -> Call:
        return Call("GET", f"/api/v1/{self.product}/task/{quote(remote_id, safe='')}")

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        if not isinstance(answer.body, dict):
            return None
        parts = list(_parts(answer.get("data"))) if answer.status < 500 else []
        found = self._weigh(answer, parts) if parts else None
        if found and found.state != "running":
            return found
        if _ended(answer) or answer.code() in self.gone:
            return Snapshot("failed", error=self._failure(answer))
        if found or answer.code() < 300 or answer.get("type") == "not_ready":
            told = answer.get("type") == "not_ready" or answer.code() == 202 or bool(_word(answer.get("status")))
            return found or Snapshot("running", message="waiting at the provider", blank=not told)
        listed = not answer.unlisted()
        return None if listed else Snapshot("running", message="the provider does not list it yet", unlisted=True)

    def read_news(self, post: HookPost, account: Account) -> News | None:
        return read_news(post) if signs_the_body(post) else None

    def balance_call(self) -> Call:
        return Call("GET", "/api/v1/get-credits")

    def read_balance(self, answer: Answer) -> float | None:
        found = credits_in(answer.body)
        return credits_in(answer.get("data")) if found is None else found

    def hook(self, work: Work) -> dict[str, Any]:
        """Where news go: the operator's address, or what is chosen for this work alone."""
        return HOOK.chosen(self._callback_url, work.options)

    def _weigh(self, answer: Answer, parts: list[Part]) -> Snapshot:
        """One state from those of all clips, and of the whole where it has one: links of unfinished clips are bait."""
        whole = _word(answer.get("status"))
        words = [_word(clip.get("state")) or whole for _, clip in parts]
        done = [self._clip(*part) for part, word in zip(parts, words, strict=True) if word in DONE_WORDS]
        failed = [clip for (_, clip), word in zip(parts, words, strict=True) if word in FAILED_WORDS]
        clips = tuple(sorted(done, key=lambda clip: clip.whole_track is False))
        if len(done) + len(failed) < len(parts) or whole in _RUNNING:
            return Snapshot("running", message=f"{len(done)} of {counted(len(parts), 'clip')} ready", clips=clips)
        if not done or whole in FAILED_WORDS:
            return Snapshot("failed", error=self._failure(answer, failed))
        lost = f"{len(failed)} of {counted(len(parts), 'clip')} failed at the provider"
        return Snapshot("succeeded", 1.0, "done", clips, (lost,) if failed else ())

    def _clip(self, whole_track: bool | None, clip: dict[str, Any]) -> Clip:
        return Clip(
            provider_clip_id=text(clip.get("clip_id")),
            title=text(clip.get("title")),
            duration_seconds=seconds(number(clip.get("duration"))),
            whole_track=whole_track,
            url=link(clip.get("audio_url")) or link(clip.get("wav_url")),
            model=self.model(text(clip.get("mv"))),
        )

    def model(self, said: str | None) -> str | None:
        """A model's name as it can be sent again."""
        return said

    def _failure(self, answer: Answer, failed: Sequence[dict[str, Any]] = ()) -> FermataError:
        said = next(filter(None, map(reason, failed)), None) or answer.message()
        why = "" if says_nothing(said) or said == "HTTP 200" else f" ({said.rstrip('.')})"
        kind = ContentRejected if _about_content(why) else GenerationFailed
        return kind(f"{self.spec.name} failed{why}. The provider refunds this by itself; get_credits shows it.")


def _about_content(said: str) -> bool:
    return about_content(said) or bool(_WORDS_REFUSED.search(said))


def plain(number: float) -> float:
    """45, not 45.0: some pages call these fields integers."""
    return int(number) if number == int(number) else number


def _parts(data: Any) -> Iterator[Part]:
    """Every clip, and whether it is the whole track: True and False in the pairs of a joining call, else None."""
    items = cast("list[Any]", data) if isinstance(data, list) else [data]
    for item in (cast("dict[str, Any]", item) for item in items if isinstance(item, dict)):
        new = item.get("extended") or item.get("replaced")
        if not isinstance(new, dict):
            yield (None, item) if "full" not in item else (True, _clip_of(item["full"]))
            continue
        clip, full = _clip_of(new), _clip_of(item.get("full"))
        yield False, clip
        if full.get("state") != "pending" or _word(clip.get("state")) not in FAILED_WORDS:
            yield True, full


def _clip_of(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) and value else {"state": "pending"}


def _word(value: Any) -> str:
    word = value.strip().lower()[:40] if isinstance(value, str) else ""
    if word and word not in _RUNNING | DONE_WORDS | FAILED_WORDS:
        note_once("MusicAPI", word)
    return word


def _ended(answer: Answer) -> bool:
    code, said = answer.code(), answer.message()
    if code < 400:
        return _word(answer.get("status")) in FAILED_WORDS
    if code == 504:
        return not _GATEWAY.search(said)
    return code in (400, 403, 410, 422) and bool(_ENDED.search(said))
