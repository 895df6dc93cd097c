"""One account's line to its provider: requests made ready while nothing can have been sent, and then carried out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import anyio
import httpx2 as httpx

from fermata_mcp import __version__
from fermata_mcp.domain.errors import FermataError, InvalidRequest, MissingKey, ProviderUnavailable
from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.media.network.addresses import allowed_addresses
from fermata_mcp.providers.base import ARRIVED, ProviderContext

from .answers.arriving import Arrival
from .answers.redaction import Redaction
from .answers.reply import TooBig, headers_of, kind, limited, parsed, retry_after
from .outgoing import CannotBegin, Watch, authorities, content, innermost, no_address, unusable_proxy
from .wire import Answer, Call

READ_SECONDS = 30.0
# An answer that may hold audio is as large as a download.
AUDIO_SECONDS = 300.0
_BEFORE_KEYS = ("bearer ", "key ", "token ")

# Every request looks at all connections that are idle, and one that is not kept costs the next look a handshake. No
# provider's rate lets so many requests be on their way at once.
_AT_ONCE = httpx.Limits(max_connections=16, max_keepalive_connections=16)


@lru_cache(maxsize=64)
def _origin_of(written: str) -> tuple[str, str, int]:
    """Of one of the few addresses that are set. Raises httpx.InvalidURL or UnicodeError."""
    return _origin(httpx.URL(written))


def _with_query(written: str, params: Mapping[str, str]) -> str:
    """Written before it is parsed, which costs a look more than all else that is done here."""
    mark = "&" if "?" in written else "?"
    return f"{written}{mark}{httpx.QueryParams(dict(params))}" if params else written


class Line:
    """
    Args:
        transport: Replaces the network; for tests.
    """

    def __init__(
        self, spec: ProviderSpec, context: ProviderContext, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        assert spec.account is not None, "an adapter to HTTP declares its account"
        self._spec, self._declared, self._account = spec, spec.account, context.account
        self._seconds, self._trusted, self._transport = context.submit_timeout_seconds, context.trusted, transport
        self._reader: httpx.AsyncClient | None = None
        self.arrived = context.data_dir / ARRIVED

    @property
    def sees_network(self) -> bool:
        """Whether it can be told how far a request got."""
        return self._transport is None

    async def aclose(self) -> None:
        if self._reader is not None:
            await self._reader.aclose()

    # --- reading ----------------------------------------------------------------------------------------------------

    async def read(self, call: Call, deadline: float = READ_SECONDS, arrival: Arrival | None = None) -> Answer:
        """Ask what costs nothing; as often as one likes.

        Raises:
            ProviderUnavailable: No answer came.
            FermataError: As `request` does, or `exchange` of what is to be kept.
        """
        if call.url is not None and not self._is_own(self._url(call.url)):
            async with self.client(keep_alive=False, foreign=True) as client:
                return await self._read_by(client, call, deadline, arrival)
        if self._reader is None:
            self._reader = self.client(keep_alive=True)
        return await self._read_by(self._reader, call, deadline, arrival)

    async def _read_by(self, client: httpx.AsyncClient, call: Call, deadline: float, arrival: Arrival | None) -> Answer:
        request = await self.request(client, call)
        try:
            with anyio.fail_after(deadline):
                return await self.exchange(client, request, arrival)
        except (httpx.HTTPError, TimeoutError, TooBig) as error:
            unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise ProviderUnavailable(
                f"{self._spec.name} did not answer ({kind(error)}).", self._spec.start if unreached else None
            ) from None
        except FermataError:
            raise
        except Exception as error:  # connecting raises whatever the system does, in groups
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> ProviderUnavailable:
        """What is said where nothing can have been sent."""
        error = innermost(error)
        passing = isinstance(error, httpx.HTTPError | OSError)
        return (ProviderUnavailable if passing else CannotBegin)(
            f"{self._spec.name} cannot be reached ({kind(error)}); nothing was sent.",
            self._spec.start if passing else None,
        )

    # --- one exchange -----------------------------------------------------------------------------------------------

    def client(self, *, keep_alive: bool, foreign: bool = False) -> httpx.AsyncClient:
        """Raises CannotBegin, where the proxies or the authorities of the environment cannot be used.

        Args:
            foreign: To hosts that a provider named: their addresses are checked, so no proxy looks them up again.
        """
        # Connecting is given up before the whole deadline is, which would cut it off without closing what was opened.
        connect = min(READ_SECONDS, 0.75 * self._seconds)
        limits = _AT_ONCE if keep_alive else httpx.Limits(max_keepalive_connections=0)
        verify = authorities()
        try:
            return httpx.AsyncClient(
                verify=verify,
                follow_redirects=False,
                limits=limits,
                transport=self._transport,
                trust_env=not foreign,
                timeout=httpx.Timeout(max(READ_SECONDS, self._spec.answer_seconds or 0), connect=connect),
            )
        except (ImportError, ValueError, TypeError, OSError, httpx.InvalidURL) as error:
            raise unusable_proxy(error) from error

    async def request(self, client: httpx.AsyncClient, call: Call, watch: Watch | None = None) -> httpx.Request:
        """Raises CannotBegin, InvalidRequest or MissingKey for what can be written in no request."""
        base, variable = self._address(call)
        url = self._url(_with_query(call.url or base + call.path, call.params), variable)
        own = call.url is None or self._is_own(url)
        extensions: dict[str, Any] = {"trace": watch} if watch else {}
        headers = {**_HEADERS, **(self._key_header() if own else {}), **call.headers}
        if not own:
            url, more, named = await self._checked(url)
            headers, extensions = headers | more, extensions | named
        try:
            body, content_headers = await content(call)
            request = client.build_request(
                call.method, url, headers=headers | content_headers, extensions=extensions, **body
            )
        except httpx.InvalidURL as error:
            raise no_address(variable) from error
        except (ValueError, TypeError) as error:
            raise InvalidRequest(
                f"what was asked for cannot be written for {self._spec.name}; nothing was sent."
            ) from error
        self._check(request.url, variable)
        return request

    async def exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, arrival: Arrival | None = None
    ) -> Answer:
        """Send it and hear the answer to its end.

        Args:
            arrival: Where an answer that is no error goes, which may hold audio.
        """
        response = await client.send(request, stream=True)
        try:
            file = None
            if arrival is None or response.status_code >= 400:
                raw = await limited(response.aiter_bytes())
            else:
                await arrival.take(response.aiter_bytes())  # as it comes: in larger pieces, the last would be lost
                found = await arrival.unpack(response.headers.get("content-type", ""))
                raw, file = found.said, found.file
        finally:
            await response.aclose()
        # Some providers repeat the key in their errors, which are shown and stored.
        secret = Redaction(self._key()) if self._account.key else None
        clean = secret.text if secret else str
        said = clean_text(clean(raw[:2000].decode(errors="replace")), 300)
        told = parsed(raw)
        headers = {name: clean(value) for name, value in headers_of(response.headers).items()}
        return Answer(
            response.status_code, secret.value(told) if secret else told, said, retry_after(response.headers), headers,
            file,
        )  # fmt: skip

    # --- where it goes, and what it carries -------------------------------------------------------------------------

    def _address(self, call: Call) -> tuple[str, str]:
        """Where a call goes, and the setting that says so."""
        if call.host == "upload":
            return self._account.upload_url, self._declared.addresses()[-1].name
        if not self._account.base_url:
            raise MissingKey(f"{self._spec.name} needs {self._spec.needed}.", f"set {self._spec.set_by}.")
        return self._account.base_url, self._declared.base_url.name

    def _url(self, written: str, variable: str | None = None) -> httpx.URL:
        """Raises CannotBegin where a setting is no address, InvalidRequest where a provider's is none."""
        try:
            url = httpx.URL(written)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise self._no_address(variable) from error
        self._check(url, variable)
        return url

    def _check(self, url: httpx.URL, variable: str | None) -> None:
        port = 80 if url.port is None else url.port
        if url.scheme not in ("http", "https") or not url.host or not 0 < port < 65536:
            raise self._no_address(variable)

    def _no_address(self, variable: str | None) -> FermataError:
        named = f"{self._spec.name} named no usable address."
        return no_address(variable) if variable else InvalidRequest(named)

    def _is_own(self, url: httpx.URL) -> bool:
        """Whether it is a host of this account, which may see the key."""
        own = (self._account.base_url, self._account.upload_url)
        return _origin(url) in {_origin_of(address) for address in own if address}

    async def _checked(self, url: httpx.URL) -> tuple[httpx.URL, dict[str, str], dict[str, str]]:
        """The address that was looked up and may be spoken to; the name only tells the server who is meant.

        Raises:
            AddressRefused: It is none that anybody on the internet reaches.
        """
        host = url.raw_host.decode("ascii")
        if url.userinfo:
            raise InvalidRequest(f"{self._spec.name} named an address with a password.")
        found = await allowed_addresses(url.scheme, host, _origin(url)[2], self._trusted)
        named = {"sni_hostname": host.rstrip(".")}
        return url.copy_with(host=found[0]), {"Host": url.netloc.decode("ascii")}, named

    def _key_header(self) -> dict[str, str]:
        if self._account.key is None and self._declared.keyless:
            return {}
        return {self._declared.key_header: self._declared.key_form.format(self._key())}

    def _key(self) -> str:
        variable = self._declared.key.name if self._declared.key else self._spec.set_by
        if self._account.key is None or not self._account.key.get_secret_value().strip():
            raise MissingKey(f"{self._spec.name} needs a key.", f"set {variable}, or use provider local.")
        key = self._account.key.get_secret_value().strip()
        if key.lower().startswith(_BEFORE_KEYS) or not all("!" <= c <= "~" for c in key):
            word = self._declared.key_form.partition("{")[0].strip()
            without = f", without `{word}`" if word else ""
            raise MissingKey(f"{variable} is not a bare key.", f"set it to the key alone{without}.")
        return key


_HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"fermata-mcp/{__version__}",
}


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)
