"""All HTTP to providers, once: one paid request on a fresh connection, patient reading, nothing believed too early."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import anyio
import httpx2 as httpx

from fermata_mcp import __version__
from fermata_mcp.domain.errors import (
    AuthenticationFailed,
    FermataError,
    InvalidRequest,
    MissingKey,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedResponse,
    error_from,
)
from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Accepted, NotSent, ProviderContext, Refused, Snapshot, Submitted, Unclear

from .adapter import HttpAdapter
from .outgoing import CannotBegin, Watch, authorities, existing, innermost, multipart, no_address, unusable_proxy
from .redaction import Redaction
from .reply import TooBig, kind, limited, parsed, retry_after
from .wire import Answer, Call
from .words import about_money, named_id

READ_SECONDS = 30.0
UPLOAD_SECONDS = 90.0
RETRY_SECONDS = 10.0
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
        self._declared = adapter.account
        self._account = context.account
        self._submit_seconds = context.submit_timeout_seconds
        self._transport = transport
        self._hooks = context.hooks if adapter.spec.hook else None
        self._reader: httpx.AsyncClient | None = None
        self._older: bool | None = None  # whether the host is asked as older ones want it; None while nobody knows
        self.spec = adapter.spec

    @property
    def configured(self) -> bool:
        return self._account.key is not None

    @property
    def account_id(self) -> str:
        key = self._account.key.get_secret_value() if self._account.key else ""
        return hashlib.blake2b(key.encode(), key=b"fermata-account", person=b"account", digest_size=12).hexdigest()

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
        watch = Watch(blind=self._transport is not None)
        try:
            call = self._adapter.submit_call(self._with_hook(attempt_id, work))
            client = self._client(keep_alive=False)
            request = await self._request(client, call, watch)
        except FermataError as error:
            return NotSent(error)
        try:
            with anyio.fail_after(self._submit_seconds):
                async with client:
                    return self._outcome(await self._exchange(client, request))
        except Exception as error:
            if watch.nothing_sent or isinstance(error, _NEVER_SENT):
                return NotSent(self._unreachable(error))
            if not isinstance(error, (httpx.HTTPError, TimeoutError, TooBig)):
                raise
            return Unclear(f"{kind(error)} while waiting for {self.spec.name}")

    def _with_hook(self, attempt_id: str, work: Work) -> Work:
        """The work with the attempt's own address for news, unless it is to go elsewhere."""
        form, hook = self.spec.hook, self._hooks.of(attempt_id) if self._hooks else None
        if form is None or hook is None:
            return work
        return work.model_copy(update={"options": form.asked(hook, work.options) | work.options})

    def _unreachable(self, error: Exception) -> ProviderError:
        error = innermost(error)
        passing = isinstance(error, httpx.HTTPError | OSError)
        return (ProviderUnavailable if passing else CannotBegin)(
            f"{self.spec.name} cannot be reached ({kind(error)}); nothing was sent."
        )

    def _outcome(self, answer: Answer) -> Submitted:
        remote_id = self._adapter.read_submit(answer) if answer.code() < 400 else None
        if remote_id is not None:
            return Accepted(remote_id)
        refusal = self._refusal(answer)
        if refusal is None:
            named = named_id(answer.body)
            beside = f"beside the id {named}: {answer.message()}" if named else "without a task id"
            return Unclear(f"{self.spec.name} answered {answer.code()} {beside}")
        error = error_from(refusal.code, f"{self.spec.name} refused: {answer.message().rstrip('.')}.", refusal.hint)
        return Refused(error, (answer.retry_after or RETRY_SECONDS) if refusal.later else None)

    def _refusal(self, answer: Answer) -> Refusal | None:
        """What the provider documents, else what HTTP itself says about a request that was not taken on."""
        code = answer.code()
        if code == 429 and about_money(answer.message()):
            return Refusal("insufficient_credits")
        told = self._adapter.refusal(answer)
        if told is not None or code in self.spec.refusals:
            return told or self.spec.refusals[code]
        return None if named_id(answer.body, strictly=True) else _refusal_of_http(code, answer)

    # --- reading --------------------------------------------------------------------------------------------------

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        answer = await self._ask(self._adapter.poll_call(remote_id))
        snapshot = self._understood(self._adapter.read_poll, answer, remote_id)
        if snapshot is not None:
            return snapshot
        raise self._reading_error(answer)

    def _understood(self, read: Callable[[Answer, str], T | None], answer: Answer, about: str) -> T | None:
        try:
            return read(answer, about)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            logger.exception("%s: an answer could not be read", self.spec.name)
            return None

    def _reading_error(self, answer: Answer) -> ProviderError:
        error = self._kind_of_trouble(answer.code())(f"{self.spec.name}: {answer.message()}.")
        error.retry_after = answer.retry_after
        return error

    def _kind_of_trouble(self, code: int) -> type[ProviderError]:
        refusal = self.spec.refusals.get(code)
        if code == 401:
            return AuthenticationFailed
        if code == 429 or (refusal and refusal.later):
            return RateLimited
        return ProviderUnavailable if code >= 500 else UnexpectedResponse

    def read_news(self, post: HookPost) -> News | None:
        return self._understood(lambda _, __: self._adapter.read_news(post, self._account), Answer(200, None, ""), "")

    async def stop(self, remote_id: str) -> bool:
        return False

    async def find_clip(self, clip_id: str) -> Clip | None:
        call = self._adapter.clip_call(clip_id)
        if call is None or not self.configured:
            return None
        answer = await self._ask(call)
        if answer.code() in _NOT_UNDERSTOOD:
            return None  # what is not listed may still be there: nobody says how long tasks are listed
        if answer.code() >= 400:
            raise self._reading_error(answer)
        return self._understood(self._adapter.read_clip, answer, clip_id)

    async def balance(self) -> float | None:
        call = self._adapter.balance_call()
        if call is None:
            return None
        answer = await self._read(call)
        found = self._adapter.read_balance(answer) if answer.code() < 400 else None
        if found is None:
            raise self._reading_error(answer)
        return found

    async def prepare(self, work: Work) -> Work:
        """Fill in what follows from the work, and put a local file where the provider can fetch it; both are free."""
        if self._hooks is not None:
            await self._hooks.ready()
        work = self._adapter.complete(work)
        file = work.sent_file or work.source_file
        if file is None or work.source_clip or work.source_url:
            return work
        call = self._adapter.upload_call(await existing(file))
        if call is None:
            raise InvalidRequest(
                f"{self.spec.name} cannot take files, only links and its own clips.",
                "give an https:// link, or use provider local.",
            )
        answer = await self._read(replace(call, seal=None if work.sent_file else work.source_seal), UPLOAD_SECONDS)
        url = self._adapter.read_upload(answer) if answer.code() < 400 else None
        if url is None:
            raise self._reading_error(answer)
        return work.model_copy(update={"source_url": url})

    async def aclose(self) -> None:
        if self._reader is not None:
            await self._reader.aclose()

    async def _ask(self, call: Call) -> Answer:
        """Read in the way that this host understands, which its first answer about anything shows."""
        if call.otherwise is None:
            return await self._read(call)
        answer = await self._read(call.otherwise if self._older else call)
        if self._older is None and answer.code() in _NOT_UNDERSTOOD:
            other = await self._read(call.otherwise)
            self._older = True if other.code() < 400 else None
            return other if self._older else answer
        if self._older is None and answer.code() < 400 and answer.body is not None:
            self._older = False
        return answer

    async def _read(self, call: Call, deadline: float = READ_SECONDS) -> Answer:
        if self._reader is None:
            self._reader = self._client(keep_alive=True)
        request = await self._request(self._reader, call)
        try:
            with anyio.fail_after(deadline):
                return await self._exchange(self._reader, request)
        except (httpx.HTTPError, TimeoutError, TooBig) as error:
            raise ProviderUnavailable(f"{self.spec.name} did not answer ({kind(error)}).") from None
        except Exception as error:  # connecting raises whatever the system does, in groups
            raise self._unreachable(error) from error

    # --- one exchange: made ready while nothing can have been sent, and then carried out -----------------------------

    def _client(self, *, keep_alive: bool) -> httpx.AsyncClient:
        """Raises CannotBegin, where the proxies or the authorities of the environment cannot be used."""
        # Connecting is given up before the whole deadline is, which would cut it off without closing what was opened.
        connect = min(READ_SECONDS, 0.75 * self._submit_seconds)
        limits = httpx.Limits() if keep_alive else httpx.Limits(max_keepalive_connections=0)
        verify = authorities()
        try:
            return httpx.AsyncClient(
                verify=verify,
                follow_redirects=False,
                limits=limits,
                transport=self._transport,
                timeout=httpx.Timeout(READ_SECONDS, connect=connect),
            )
        except (ImportError, ValueError, TypeError, OSError, httpx.InvalidURL) as error:
            raise unusable_proxy(error) from error

    async def _request(self, client: httpx.AsyncClient, call: Call, watch: Watch | None = None) -> httpx.Request:
        """Raises CannotBegin, InvalidRequest or MissingKey for what can be written in no request."""
        base, variable = self._address(call)
        headers = self._headers()
        files, data = await multipart(call)
        try:
            request = client.build_request(
                call.method, base + call.path, json=call.body, params=call.params or None, files=files, data=data,
                headers=headers, extensions={"trace": watch} if watch else {},
            )  # fmt: skip
        except httpx.InvalidURL as error:
            raise no_address(variable) from error
        except (ValueError, TypeError) as error:
            raise InvalidRequest(
                f"what was asked for cannot be written for {self.spec.name}; nothing was sent."
            ) from error
        url = request.url
        if (
            url.scheme not in ("http", "https")
            or not url.host
            or not 0 < (80 if url.port is None else url.port) < 65536
        ):
            raise no_address(variable)
        return request

    def _address(self, call: Call) -> tuple[str, str]:
        """Where a call goes, and the setting that says so."""
        if call.host == "upload":
            return self._account.upload_url, self._declared.addresses()[-1].name
        return self._account.base_url, self._declared.base_url.name

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request) -> Answer:
        response = await client.send(request, stream=True)
        try:
            raw = await limited(response.aiter_bytes())
        finally:
            await response.aclose()
        # Some providers repeat the key in their errors, which are shown and stored.
        secret = Redaction(self._key())
        said = clean_text(secret.text(raw[:2000].decode(errors="replace")), 300)
        return Answer(response.status_code, secret.value(parsed(raw)), said, retry_after(response.headers))

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"fermata-mcp/{__version__}",
        }

    def _key(self) -> str:
        variable = self.spec.key_variable
        if self._account.key is None or not self._account.key.get_secret_value().strip():
            raise MissingKey(f"{self.spec.name} needs a key.", f"set {variable}, or use provider local.")
        key = self._account.key.get_secret_value().strip()
        if key.lower().startswith("bearer ") or not all("!" <= c <= "~" for c in key):
            raise MissingKey(f"{variable} is not a bare key.", "set it to the key alone, without `Bearer`.")
        return key


def _refusal_of_http(code: int, answer: Answer) -> Refusal | None:
    if code == 503 and answer.retry_after is not None:
        return Refusal("provider_unavailable", later=True)
    if code == 429:
        return Refusal("rate_limited", later=True)
    return Refusal("invalid_request") if 400 <= code < 500 and code != 408 else None
