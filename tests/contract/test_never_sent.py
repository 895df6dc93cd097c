"""What fails before the first byte of a paid request leaves costs nothing and says so; what comes later is unclear."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from fermata_mcp.domain.errors import FermataError, ProviderUnavailable
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import NotSent, Submitted, Unclear
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.suno import sunoapi
from support.accounts import context_of

pytestmark = pytest.mark.anyio
PATIENCE = 180.0
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
WORK = Work(source_clip="abc", save_as="/x")


@dataclass
class Wire:
    """What a host on loopback got to see."""

    url: str = ""
    got: bytearray = field(default_factory=bytearray)


Answers = Callable[[Wire, SocketStream], Awaitable[None]]


async def silent(wire: Wire, stream: SocketStream) -> None:
    async for data in stream:
        wire.got += data


async def cut(wire: Wire, stream: SocketStream) -> None:
    wire.got += await stream.receive()
    await stream.aclose()


@asynccontextmanager
async def host(answers: Answers) -> AsyncGenerator[Wire]:
    wire = Wire()

    async def serve(stream: SocketStream) -> None:
        async with stream:
            try:
                await answers(wire, stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        wire.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        group.start_soon(listener.serve, serve)
        yield wire
        group.cancel_scope.cancel()


def provider(url: str, **fields: Any) -> HttpProvider:
    """A real one, also with an address that the settings themselves refuse."""
    usual: dict[str, Any] = {"sunoapi_api_key": "k", "patience": PATIENCE}
    led: dict[str, Any] = {"sunoapi_base_url": url, "sunoapi_upload_url": url}
    made = sunoapi.make(context_of(sunoapi.SPEC, **(usual | led | fields)))
    assert isinstance(made, HttpProvider)
    return made


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is set that concerns connections."""
    for name in (*PROXIES, *map(str.lower, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


# What is set, and a word that the answer must have.
SURROUNDINGS = [
    ({"ALL_PROXY": "socks5://user:secret@127.0.0.1:1080"}, "ALL_PROXY"),
    ({"all_proxy": "socks5h://127.0.0.1:1080"}, "ALL_PROXY"),
    ({"HTTP_PROXY": "socks4://user:secret@127.0.0.1:1080"}, "HTTP_PROXY"),
    ({"HTTPS_PROXY": "gopher://127.0.0.1:1"}, "HTTPS_PROXY"),
    ({"HTTP_PROXY": "http://[::1"}, "HTTP_PROXY"),
    ({"SSL_CERT_FILE": "/nonexistent/authorities.pem"}, "SSL_CERT_FILE"),
    ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
]
ADDRESSES = [
    "127.0.0.1:9",
    "//127.0.0.1",
    "ftp://127.0.0.1",
    "http://",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:nine",
    "http://[::1",
]
UNWRITABLE = [
    Work(source_clip="abc", save_as="/x", fields={"prompt": "half a \ud800 character", "title": "t", "style": "s"}),
    Work(source_clip="abc", save_as="/x", options={"seed": float("nan")}),
    Work(source_clip="abc", save_as="/x", options={"seed": object()}),
]
KEYS = ["two words", "line\nfeed", "bell\x07", "\x7f", "schlüssel", ""]


def never_sent(outcome: Submitted) -> FermataError:
    assert isinstance(outcome, NotSent), outcome
    return outcome.error


@pytest.mark.parametrize(("given", "named"), SURROUNDINGS, ids=str)
async def test_surroundings_in_which_nothing_can_be_sent(
    given: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host(cut) as wire:
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        made = provider(wire.url)
        error = never_sent(await made.submit("att", WORK))
        assert named in str(error)
        assert "secret" not in str(error)
        assert (error.code, error.retryable) == ("provider_unavailable", False)
        with pytest.raises(ProviderUnavailable, match=named):
            await made.poll("r", WORK)
        with pytest.raises(ProviderUnavailable, match=named):
            await made.balance()
        await made.aclose()
        assert wire.got == b""


@pytest.mark.parametrize("url", ADDRESSES)
async def test_addresses_that_are_none(url: str) -> None:
    made = provider(url)
    error = never_sent(await made.submit("att", WORK))
    assert "SUNOAPI_BASE_URL" in str(error)
    assert (error.code, error.retryable) == ("provider_unavailable", False)
    with pytest.raises(ProviderUnavailable, match="SUNOAPI_BASE_URL"):
        await made.poll("r", WORK)
    with pytest.raises(ProviderUnavailable, match="SUNOAPI_UPLOAD_URL"):
        await made.prepare(Work(source_file=__file__, save_as="/x"))
    await made.aclose()


@pytest.mark.parametrize("work", UNWRITABLE, ids=range(len(UNWRITABLE)))
async def test_requests_that_cannot_be_written(work: Work) -> None:
    async with host(cut) as wire:
        error = never_sent(await provider(wire.url).submit("att", work))
        assert error.code == "invalid_request"
        assert wire.got == b""


@pytest.mark.parametrize("key", KEYS)
async def test_keys_that_cannot_be_written(key: str) -> None:
    async with host(cut) as wire:
        error = never_sent(await provider(wire.url, sunoapi_api_key=key).submit("att", WORK))
        assert error.code == "missing_key"
        assert wire.got == b""


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", f"http://{'a' * 70}.test", "http://no-such-host.invalid"],
    ids=["port", "label", "name"],
)
async def test_hosts_that_are_not_there(url: str) -> None:
    made = provider(url)
    assert never_sent(await made.submit("att", WORK)).code == "provider_unavailable"
    with pytest.raises(ProviderUnavailable):
        await made.poll("r", WORK)
    await made.aclose()


async def test_a_proxy_at_an_impossible_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:99999")
    async with host(cut) as wire:
        made = provider(wire.url)
        assert never_sent(await made.submit("att", WORK)).code == "provider_unavailable"
        with pytest.raises(ProviderUnavailable):
            await made.poll("r", WORK)
        await made.aclose()
        assert wire.got == b""


async def test_a_host_that_never_shakes_hands_was_sent_no_request() -> None:
    async with host(silent) as wire:
        impatient = provider(wire.url.replace("http", "https"), patience=0.5)
        outcome = await impatient.submit("att", WORK)
        assert never_sent(outcome).retryable
        assert b"POST" not in wire.got


async def _answered(answers: Answers, patience: float) -> tuple[Submitted, bytes]:
    """The outcome of a submit, and what its host was sent."""
    async with host(answers) as wire:
        return await provider(wire.url, patience=patience).submit("att", WORK), bytes(wire.got)


@pytest.mark.parametrize(("answers", "patiences"), [(silent, (0.4, 4.0, 40.0)), (cut, (PATIENCE,))])
async def test_once_the_request_has_begun_nothing_is_known_without_an_answer(
    answers: Answers, patiences: tuple[float, ...]
) -> None:
    patience, *longer = patiences
    outcome, got = await _answered(answers, patience)
    while longer and not got:  # the machine was too busy to bring it there in time
        outcome, got = await _answered(answers, longer.pop(0))
    assert isinstance(outcome, Unclear)
    assert got.startswith(b"POST")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE"])
async def test_a_call_is_told_before_a_task_is_made_of_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/nonexistent")
    with pytest.raises(ProviderUnavailable, match=variable):
        provider("http://127.0.0.1:1").check(WORK)
