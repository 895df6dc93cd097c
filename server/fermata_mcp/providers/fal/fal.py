"""fal.ai's queue: several models that extend audio, each under an address of its own; paid in dollars."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import Any, cast

from fermata_mcp.domain.account import Account
from fermata_mcp.domain.errors import Cancelled, ContentRejected, FermataError, GenerationFailed
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.providers.base import Provider, ProviderContext, Snapshot
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.news import read_news, signed_by_published_key
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.values import link, note_once, number, text
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import about_content

from .body import body_of, model_of, name_of
from .spec import APP, HOOK, NEUTRAL, SIGNED_BY, SPEC

_APP = re.compile(r"/([\w.-]+/[\w.-]+)/requests/")
_REMOTE = re.compile(r"([\w.-]+/[\w.-]+)\|([\w.:-]+)")
_NO_MONEY = re.compile(r"locked|balance|billing", re.I)
_STATES = {"IN_QUEUE": "waits in fal's queue", "IN_PROGRESS": "being made"}


class FalAdapter(HttpAdapter):
    """See `HttpAdapter`. The id of work is `<owner>/<app>|<request id>`: it is asked for by both."""

    spec = SPEC

    def notes_for(self, work: Work) -> tuple[str, ...]:
        said = {"style", "prompt"} & work.fields.keys() or "tags" in work.options
        return () if said or name_of(work) != "ace-step" else (f'fal needs a style: "{NEUTRAL}" is sent.',)

    def submit_call(self, work: Work) -> Call:
        hook = work.options.get(HOOK) or self._callback_url
        return Call("POST", f"/{model_of(work).path}", body_of(work), params={HOOK: str(hook)} if hook else {})

    def read_submit(self, answer: Answer) -> str | None:
        """Of the addresses in the answer only the app is taken, never the host."""
        told, found = text(answer.get("request_id")) or answer.task_id(), None
        for name in ("status_url", "response_url", "cancel_url"):
            found = found or _APP.search(text(answer.get(name)) or "")
        remote_id = f"{found[1] if found else APP}|{told}"
        return remote_id if told and _REMOTE.fullmatch(remote_id) else None

    def refusal(self, answer: Answer) -> Refusal | None:
        locked = answer.code() == 403 and _NO_MONEY.search(answer.message())
        return Refusal("insufficient_credits") if locked else None

    def poll_call(self, remote_id: str) -> Call:
        return Call("GET", f"{_place(remote_id)}/status", params={"logs": "0"})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        word = (text(answer.get("status")) or "").upper()
        if answer.status >= 400 or not word:
            return Snapshot("running", message="not listed yet", unlisted=True) if answer.unlisted(404) else None
        if word not in _STATES:
            note_once("fal", word)
        ahead = number(answer.get("queue_position"))
        return Snapshot(
            "running", message=f"{_STATES.get(word, 'being made')}{f', {ahead:g} before it' if ahead else ''}"
        )

    def result_call(self, answer: Answer, remote_id: str) -> Call | None:
        done = (text(answer.get("status")) or "").upper() == "COMPLETED" and answer.status < 400
        return Call("GET", _place(remote_id)) if done else None

    def read_result(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """COMPLETED only says that it is over; a failure is told here, and one of the server's is not billed."""
        if answer.status < 400:
            urls = [url for found in _files(answer.body) if (url := _url(found))]
            if urls:
                return Snapshot("succeeded", 1.0, "done", tuple(Clip(url=url) for url in urls))
        elif "in progress" in answer.message().lower():
            return Snapshot("running", message="being made")
        elif answer.status not in (400, 422, 500, 504):
            return None
        return Snapshot("failed", error=_failure(answer), cost=0.0 if answer.status >= 500 else None)

    def cancel_call(self, remote_id: str) -> Call:
        return Call("PUT", f"{_place(remote_id)}/cancel")

    def read_cancel(self, answer: Answer) -> bool:
        return answer.status in (200, 202)

    def news_keys_call(self) -> Call:
        return Call("GET", "/.well-known/jwks.json", host="upload")

    def read_news(self, post: HookPost, account: Account) -> News | None:
        """Posts name the request alone, without its app: the address tells what they are about."""
        request, user, stamp, signature = (post.headers.get(f"x-fal-webhook-{name}", "") for name in SIGNED_BY)
        signed = "\n".join((request, user, stamp, hashlib.sha256(post.raw).hexdigest())).encode(errors="replace")
        right = signed_by_published_key(post, stamp, signature, signed)
        return News(None, read_news(post).event) if right else None

    def upload_call(self, file: Path) -> Call:
        told = {"content_type": media_type(file.name), "file_name": secrets.token_hex(16) + file.suffix.lower()}
        return Call("POST", "/storage/upload/initiate", told, params={"storage_type": "gcs"}, host="upload")

    def upload_next(self, answer: Answer, file: Path) -> Call | None:
        url = link(answer.get("upload_url"))
        return Call("PUT", url=url, file=file, raw=True, content_type=media_type(file.name)) if url else None

    def read_upload(self, answer: Answer) -> str | None:
        return link(answer.get("file_url"))


def _place(remote_id: str) -> str:
    """Where work is asked for: everything behind owner and app is left out there."""
    app, _, request_id = remote_id.partition("|")
    return f"/{app}/requests/{request_id}"


def _files(body: Any) -> list[Any]:
    """Each model has another place for its audio: an object, a list, a bare link."""
    told = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    found = next((told[name] for name in ("audio", "audio_url", "audio_file") if told.get(name)), None)
    return cast("list[Any]", found) if isinstance(found, list) else [found]


def _url(file: Any) -> str | None:
    return link(cast("dict[str, Any]", file).get("url") if isinstance(file, dict) else file)


def _failure(answer: Answer) -> FermataError:
    said = answer.message() if answer.status >= 400 else "it ended without audio"
    if "cancelled" in said.lower():
        return Cancelled("fal stopped it, as was asked.")
    kind = ContentRejected if about_content(said) or "content_policy" in answer.text else GenerationFailed
    return kind(f"fal: {said.rstrip('.')}.")


def make(context: ProviderContext) -> Provider:
    return http_provider(FalAdapter(context.callback_url), context)
