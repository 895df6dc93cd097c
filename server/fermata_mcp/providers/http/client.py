"""All HTTP to providers, once: one paid request on a fresh connection, patient reading, nothing believed too early."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio
import httpx2 as httpx

from fermata_mcp.domain.errors import FermataError, InvalidRequest, ProviderError, UnexpectedResponse
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Accepted, NotSent, ProviderContext, Snapshot, Submitted, Unclear

from .adapter import HttpAdapter
from .answers.arriving import Arrival
from .answers.reply import TooBig, kind
from .line import AUDIO_SECONDS, READ_SECONDS, Line
from .outgoing import Watch, authorities, existing
from .published_keys import PublishedKeys
from .verdict import not_accepted, reading_error
from .wire import Answer, Call

UPLOAD_SECONDS = 90.0
# A server of one's own is near, and somebody waits to hear whether it is there.
ABOUT_SECONDS = 5.0
# Before one of these, no byte of the request can have left.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
# Codes by which a host says that it does not understand the question, or knows nothing of what it is asked about.
_NOT_UNDERSTOOD = (400, 404)
T = TypeVar("T")
logger = logging.getLogger(__name__)
# At their lower levels these show whole addresses, and links can hold signatures.
for _library in ("httpx2", "httpcore2"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class HttpProvider:
    """Any adapter as a `Provider`.

    Args:
        transport: Replaces the network; for tests.
    """

    def __init__(
        self, adapter: HttpAdapter, context: ProviderContext, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._adapter = adapter
        self._account = context.account
        self._submit_seconds = context.submit_timeout_seconds
        self._line = Line(adapter.spec, context, transport)
        self._hooks = context.hooks if adapter.spec.hook else None
        self._news_keys = PublishedKeys(self._line.read)
        self._older: bool | None = None  # whether the host is asked as older ones want it; None while nobody knows
        self.spec = adapter.spec

    @property
    def configured(self) -> bool:
        return self._adapter.account.is_set_up(self._account)

    @property
    def account_id(self) -> str:
        """Of one that people run themselves, its address is what tells it from others."""
        key = self._account.key.get_secret_value() if self._account.key else ""
        named = f"{self._account.base_url} {key}" if self._adapter.account.keyless else key
        return hashlib.blake2b(named.encode(), key=b"fermata-account", person=b"account", digest_size=12).hexdigest()

    def check(self, work: Work) -> None:
        """Find out what cannot be said on this provider's wire, before a task is made of it."""
        authorities()
        uploaded = {} if work.source_clip or work.source_url else {"source_url": "https://uploaded.invalid/track"}
        self._adapter.submit_call(self._adapter.complete(work.model_copy(update=uploaded)))
        if work.action == "upload":
            point = 1.0 if work.continue_at is None else work.continue_at
            then = {"action": "extend", "source_url": None, "source_clip": "uploaded", "continue_at": point}
            self._adapter.submit_call(work.model_copy(update=then))

    def notes(self, work: Work) -> tuple[str, ...]:
        return self._adapter.notes_for(work)

    # --- the one paid request -------------------------------------------------------------------------------------

    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        watch = Watch(blind=not self._line.sees_network)
        try:
            call = _sealed(self._adapter.submit_call(self._with_hook(attempt_id, work)), work)
            client = self._line.client(keep_alive=False)
            request = await self._line.request(client, call, watch)
        except FermataError as error:
            return NotSent(error)
        arrival = Arrival(self._line.arrived, attempt_id)
        try:
            with anyio.fail_after(self._submit_seconds):
                async with client:
                    answer = await self._line.exchange(client, request, arrival if call.audio else None)
        except Exception as error:
            if watch.nothing_sent or isinstance(error, _NEVER_SENT):
                return NotSent(self._line.unreachable(error))
            if not isinstance(error, (httpx.HTTPError, TimeoutError, TooBig, FermataError)):
                raise
            said = error.message if isinstance(error, FermataError) else kind(error)
            return Unclear(f"{said} while waiting for {self.spec.name}{arrival.said()}")
        return self._outcome(answer, attempt_id, arrival)

    def _with_hook(self, attempt_id: str, work: Work) -> Work:
        """The work with the attempt's own address for news, unless it is to go elsewhere."""
        form, hook = self.spec.hook, self._hooks.of(attempt_id) if self._hooks else None
        if form is None or hook is None:
            return work
        return work.model_copy(update={"options": form.asked(hook, work.options) | work.options})

    def _outcome(self, answer: Answer, attempt_id: str, arrival: Arrival) -> Submitted:
        outcome = self._read_outcome(answer, attempt_id)
        if not isinstance(outcome, Unclear):
            arrival.discard()
            return outcome
        kept = f"; what came is kept in {answer.file}" if answer.file else arrival.said()
        return replace(outcome, evidence=outcome.evidence + kept)

    def _read_outcome(self, answer: Answer, attempt_id: str) -> Submitted:
        if answer.code() < 400:
            made = self._adapter.read_answer(answer, attempt_id)
            remote_id = None if made else self._adapter.read_submit(answer)
            if made is not None or remote_id is not None:
                return made or Accepted(remote_id or "")
        return not_accepted(answer, self._adapter.refusal(answer), self.spec)

    # --- reading --------------------------------------------------------------------------------------------------

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        asked = self._adapter.poll_call(remote_id)
        if asked is None:
            raise UnexpectedResponse(f"{self.spec.name} tells nothing of work that is done.")
        answer = await self._ask_about(asked, remote_id)
        read = self._adapter.read_poll
        call = self._understood(self._adapter.result_call, answer, remote_id)
        if call is not None:
            answer, read = await self._ask_about(call, remote_id), self._adapter.read_result
        snapshot = self._understood(read, answer, remote_id)
        if snapshot is not None:
            return snapshot
        raise reading_error(answer, self.spec)

    async def _ask_about(self, call: Call, remote_id: str) -> Answer:
        """Audio that comes has the name of its work, so that a later answer replaces it."""
        if not call.audio:
            return await self._ask(call)
        named = hashlib.blake2b(f"{self.account_id} {remote_id}".encode(), digest_size=12).hexdigest()
        arrival = Arrival(self._line.arrived, f"{self.spec.name}-{named}")
        try:
            return await self._line.read(call, AUDIO_SECONDS, arrival)
        finally:
            arrival.discard()

    def _understood(self, read: Callable[[Answer, str], T | None], answer: Answer, about: str) -> T | None:
        try:
            return read(answer, about)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            logger.exception("%s: an answer could not be read", self.spec.name)
            return None

    async def read_news(self, post: HookPost) -> News | None:
        def read(signed: HookPost) -> News | None:
            return self._understood(
                lambda _, __: self._adapter.read_news(signed, self._account), Answer(200, None, ""), ""
            )

        call = self._adapter.news_keys_call()
        return read(post) if call is None else await self._news_keys.read(call, post, read)

    async def stop(self, remote_id: str) -> bool:
        call = self._adapter.cancel_call(remote_id)
        if call is None:
            return False
        try:
            answer = await self._line.read(call)
        except ProviderError:
            return False
        return self._understood(lambda told, _: self._adapter.read_cancel(told), answer, "") or False

    async def find_clip(self, clip_id: str) -> Clip | None:
        call = self._adapter.clip_call(clip_id)
        if call is None or not self.configured:
            return None
        answer = await self._ask(call)
        if answer.code() in _NOT_UNDERSTOOD:
            return None  # what is not listed may still be there: nobody says how long tasks are listed
        if answer.code() >= 400:
            raise reading_error(answer, self.spec)
        return self._understood(self._adapter.read_clip, answer, clip_id)

    async def balance(self) -> float | None:
        call = self._adapter.balance_call()
        if call is None:
            return None
        answer = await self._line.read(call)
        found = self._adapter.read_balance(answer) if answer.code() < 400 else None
        if found is None:
            raise reading_error(answer, self.spec)
        return found

    async def aclose(self) -> None:
        await self._line.aclose()

    async def _ask(self, call: Call) -> Answer:
        """Read in the way that this host understands, which its first answer about anything shows."""
        if call.otherwise is None:
            return await self._line.read(call)
        answer = await self._line.read(call.otherwise if self._older else call)
        if self._older is None and answer.code() in _NOT_UNDERSTOOD:
            other = await self._line.read(call.otherwise)
            self._older = True if other.code() < 400 else None
            return other if self._older else answer
        if self._older is None and answer.code() < 400 and answer.body is not None:
            self._older = False
        return answer

    # --- what comes before the submit -------------------------------------------------------------------------------

    async def prepare(self, work: Work) -> Work:
        """Find out who is there, fill in what follows from the work, and put a file where it can be fetched: all free.

        Raises:
            FermataError: It cannot be done, or not now.
        """
        if self._hooks is not None:
            await self._hooks.ready()
        work = self._adapter.complete(await self._greeted(work))
        path = work.sent_file or work.source_file
        if path is None or work.source_clip or work.source_url:
            return work
        file = await existing(path)
        call = self._adapter.upload_call(file)
        if call is not None:
            seal = None if work.sent_file else work.source_seal
            return work.model_copy(update={"source_url": await self._uploaded(call, file, seal)})
        if "file" in self.spec.sources:
            return work  # it goes along with the submit
        raise InvalidRequest(
            f"{self.spec.name} cannot take files, only links and its own clips.",
            "give an https:// link, or use provider local.",
        )

    async def about(self) -> str | None:
        call = self._adapter.greeting_call()
        return None if call is None else self._adapter.read_about(await self._greeting(call, ABOUT_SECONDS))

    async def _greeted(self, work: Work) -> Work:
        call = self._adapter.greeting_call()
        return work if call is None else self._adapter.read_greeting(await self._greeting(call), work)

    async def _greeting(self, call: Call, deadline: float = READ_SECONDS) -> Answer:
        answer = await self._line.read(call, deadline)
        if call.otherwise is not None and answer.code() in _NOT_UNDERSTOOD:
            return await self._line.read(call.otherwise, deadline)
        return answer

    async def _uploaded(self, call: Call, file: Path, seal: str | None) -> str:
        """The address of a file, once all that has to be sent for it was sent."""
        first = last = await self._sent(replace(call, seal=seal))
        following = self._adapter.upload_next(first, file)
        if following is not None:
            last = await self._sent(replace(following, seal=seal))
        url = self._adapter.read_upload(last) or self._adapter.read_upload(first)
        if url is None:
            raise reading_error(last, self.spec)
        return url

    async def _sent(self, call: Call) -> Answer:
        answer = await self._line.read(call, UPLOAD_SECONDS)
        if answer.code() >= 400:
            told, error = self._adapter.refusal(answer), reading_error(answer, self.spec)
            error.hint = told.hint if told is not None and told.hint else error.hint
            raise error
        return answer


def _sealed(call: Call, work: Work) -> Call:
    """With what tells that the source is still the one that was checked, where it is the source that is sent."""
    is_source = call.file is not None and str(call.file) == work.source_file
    return replace(call, seal=work.source_seal) if is_source else call
