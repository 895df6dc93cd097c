"""Looking at a link before anything is paid for: audio, a page, nothing, or nobody there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest, NotAudio, ProviderUnavailable
from fermata_mcp.media.formats.kinds import name_in, suffix_in
from fermata_mcp.media.network.addresses import AddressRefused
from fermata_mcp.media.network.links import FIRST_BYTES, Look, look
from support.hosts import BARE_MP3, M4A, AudioHost, Page, answer, audio, moved, serving

pytestmark = pytest.mark.anyio
HTML = b"<!doctype html><title>Sign in</title>"


async def seen(host: AudioHost, path: str = "/a", **chosen: Any) -> Look:
    return await look(host.url(path), trusted=host.trusted, **chosen)


@pytest.mark.parametrize(
    ("body", "kind", "suffix"),
    [
        (audio("WAV"), "audio/wav", ".wav"),
        (audio("FLAC"), "application/octet-stream", ".flac"),
        (audio("OGG"), "text/plain", ".ogg"),
        (audio("MP3"), None, ".mp3"),
        (BARE_MP3, "audio/mpeg", ".mp3"),
        (M4A, "video/mp4", ".m4a"),
        (b"\x00odd", "audio/mpeg", ".mp3"),
        (b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", None, ".webm"),
        (b"\x00odd", "audio/webm", ".webm"),
    ],
)
async def test_audio_is_recognised_by_what_it_is(body: bytes, kind: str | None, suffix: str | None) -> None:
    async with serving(answer(body, kind)) as host:
        assert await seen(host) == Look(suffix, certain=True)


async def test_unknown_bytes_may_be_audio_but_nobody_can_tell() -> None:
    async with serving(answer(b"\x00odd", "application/octet-stream")) as host:
        assert await seen(host) == Look(None, certain=False)


async def test_no_more_than_the_first_bytes_are_asked_for_and_read() -> None:
    """A host that sends for ever is left after them."""

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\n\r\n" + audio()[:64])
        while not writer.is_closing():
            writer.write(b"\x00" * 65536)
            await writer.drain()

    async with serving(endless) as host:
        assert await seen(host) == Look(".wav", certain=True)
        assert f"range: bytes=0-{FIRST_BYTES - 1}" in host.asked[0].lower()
        assert host.asked[0].startswith("GET ")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (HTML, "text/html; charset=utf-8"),
        (HTML, "audio/mpeg"),
        (b"plain words", "text/plain"),
        (b'{"error": "no"}', "application/json"),
        (b"#EXTM3U\n", "audio/mpegurl"),
        (b"\x89PNG\r\n\x1a\n", "application/octet-stream"),
        (b"PK\x03\x04", "application/octet-stream"),
        (b"", "audio/mpeg"),
    ],
)
async def test_what_is_not_audio_is_refused(body: bytes, kind: str) -> None:
    async with serving(answer(body, kind)) as host:
        with pytest.raises(NotAudio, match=r"not audio|web page"):
            await seen(host)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 441, 451])
async def test_what_is_not_there_or_not_public_is_refused_in_words(status: int) -> None:
    async with serving(answer(HTML, "text/html", f"{status} No")) as host:
        with pytest.raises(InvalidRequest, match=f"HTTP {status}") as refused:
            await seen(host)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize("status", [408, 416, 429, 500, 503])
async def test_a_host_that_is_away_says_nothing_about_the_link(status: int) -> None:
    async with serving(answer(b"", None, f"{status} Later")) as host:
        with pytest.raises(ProviderUnavailable):
            await seen(host)


async def test_a_host_that_never_answers_is_left_in_time() -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as host:
        with pytest.raises(ProviderUnavailable, match="did not answer within"):
            await seen(host, deadline_seconds=0.05)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/a.mp3", "https://127.0.0.1/a.mp3", "https://192.168.1.7/a.mp3", "https://[::1]/a.mp3",
        "https://localhost/a.mp3", "https://nas/a.mp3", "https://nas.local/a.mp3", "https://box.lan/a.mp3",
        "https://music.home.arpa/a.mp3", "https://2130706433/a.mp3", "http://example.com/a.mp3",
        "https://me:secret@example.com/a.mp3",
    ],
)  # fmt: skip
async def test_what_only_this_network_could_reach_is_refused(url: str) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host}:{port} was asked for")

    with pytest.raises(AddressRefused):
        await look(url, trusted=frozenset(), resolve=nowhere)


async def test_a_redirect_leads_no_further_than_a_link() -> None:
    pages: dict[str, Page] = {"/a": moved("http://127.0.0.1:9/b"), "/c": moved("/d"), "/d": answer(audio())}
    async with serving(pages) as host:
        with pytest.raises(AddressRefused):
            await seen(host)
        assert (await seen(host, "/c")).suffix == ".wav"


@pytest.mark.parametrize(
    ("url", "suffix", "name"),
    [
        ("https://x.test/My%20Song.FLAC?sig=a.b", ".flac", "My Song"),
        ("https://x.test/song", "", "song"),
        ("https://x.test/", "", "x.test"),
        ("https://x.test/a.mp3/../b.toolongsuffix", "", "b"),
    ],
)
def test_what_an_address_calls_its_file(url: str, suffix: str, name: str) -> None:
    assert (suffix_in(url), name_in(url)) == (suffix, name)
