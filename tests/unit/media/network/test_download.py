"""Which addresses are spoken to, and what becomes of what they send."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import (
    FermataError,
    InvalidRequest,
    ProviderUnavailable,
    TooLarge,
    UnexpectedResponse,
)
from fermata_mcp.media.formats.kinds import sniff
from fermata_mcp.media.network.addresses import AddressRefused, allowed_addresses, is_public, is_trusted
from fermata_mcp.media.network.download import Downloaded, download
from support.hosts import BARE_MP3, M4A, AudioHost, answer, audio, certified, moved, serving

pytestmark = pytest.mark.anyio
PUBLIC = "93.184.216.34"
NOBODY: frozenset[str] = frozenset()
NOT_PUBLIC = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.0.1", "168.63.129.16", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "5f00::1", "example.com", "", "1.2.3",
)  # fmt: skip
ODD_HOSTS = (
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1", "0177.0.0.1", "127.1", "127.0.0.1.", "1.2.3.4.5", "0",
    "8.8.8.0x8", "0x", "-a.example", "a..example", "%31%32%37.1", ".", "..",
)  # fmt: skip


class Names:
    """A name server that gives each of its answers once, and the last for ever."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found


HERE = Names(["127.0.0.1"])


async def fetched(host: AudioHost, folder: Path, path: str = "/a", **chosen: Any) -> Downloaded:
    return await download(host.url(path), folder / "song", trusted=host.trusted, **chosen)


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


class TestAddresses:
    @pytest.mark.parametrize("address", NOT_PUBLIC)
    def test_special_addresses_are_not_public(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])
    def test_ordinary_addresses_are_public(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize("address", [a for a in NOT_PUBLIC if "." in a or ":" in a])
    async def test_a_name_that_leads_to_one_is_refused(self, address: str) -> None:
        with pytest.raises(AddressRefused, match="not a public address"):
            await allowed_addresses("https", "music.test", 443, NOBODY, Names([address]))

    @pytest.mark.parametrize("host", ODD_HOSTS)
    async def test_odd_ways_to_write_a_host_are_refused_unasked(self, host: str) -> None:
        names = Names([PUBLIC])
        with pytest.raises(AddressRefused):
            await allowed_addresses("https", host.lower(), 443, NOBODY, names)
        assert names.asked == []

    async def test_without_tls_is_refused(self) -> None:
        with pytest.raises(AddressRefused, match="https"):
            await allowed_addresses("http", "music.test", 80, NOBODY, Names([PUBLIC]))

    async def test_only_the_public_ones_of_several_are_used(self) -> None:
        names = Names(["10.0.0.1", PUBLIC, "::1", "8.8.8.8"])
        assert await allowed_addresses("https", "music.test", 443, NOBODY, names) == [PUBLIC, "8.8.8.8"]
        assert names.asked == ["music.test"]

    @pytest.mark.parametrize("trouble", [OSError("no such name"), UnicodeError("label too long"), []])
    async def test_a_name_that_is_not_found_is_worth_another_try(self, trouble: Any) -> None:
        with pytest.raises(ProviderUnavailable, match=r"music\.test was not found") as caught:
            await allowed_addresses("https", "music.test", 443, NOBODY, Names(trouble))
        assert caught.value.retryable

    @pytest.mark.parametrize("entry", ["music.test", "music.test:8080", "Music.TEST:8080"])
    async def test_a_trusted_host_may_be_private_and_without_tls(self, entry: str) -> None:
        found = await allowed_addresses("http", "music.test", 8080, frozenset({entry}), Names(["10.0.0.1"]))
        assert found == ["10.0.0.1"]

    @pytest.mark.parametrize("entry", ["music.test:80", "test", "other.music.test", "music.test:", "c.test", ""])
    def test_trust_is_for_that_host_and_port_alone(self, entry: str) -> None:
        assert not is_trusted("music.test", 8080, frozenset({entry}))

    @pytest.mark.parametrize("entry", ["::1", "[::1]", "[::1]:8080"])
    def test_ipv6_can_be_trusted(self, entry: str) -> None:
        assert is_trusted("::1", 8080, frozenset({entry}))

    def test_a_refusal_is_an_error_of_the_request(self) -> None:
        assert isinstance(AddressRefused("x"), InvalidRequest)
        assert AddressRefused("x").code == "invalid_request"
        assert "FERMATA_TRUSTED_HOSTS" in AddressRefused("x").hint


class TestLinks:
    @pytest.mark.parametrize(
        "url",
        [
            "", "song.mp3", "/etc/passwd", "file:///etc/passwd", "ftp://music.test/a", "https://", "https:///a",
            "http://music.test/a", "https://127.0.0.1/a", "https://[::1]/a", "https://[::ffff:127.0.0.1]/a",
            "https://localhost/a", "https://2130706433/a", "https://0x7f.1/a", "https://①②⑦.⓪.⓪.①/a",
            "https://127。0。0。1/a", "https://user:secret@music.test/a", "https://music.test@127.0.0.1/a",
            "https://music.test:99999/a", "https://music.test:x/a", "https://xn--0/a", "https://a b/", "https://[fe80::1%25lo]/",
        ],
    )  # fmt: skip
    async def test_what_is_no_public_https_link_is_refused(self, url: str, tmp_path: Path) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        with pytest.raises(AddressRefused):
            await download(url, tmp_path / "song", trusted=NOBODY, resolve=resolve)
        assert left_in(tmp_path) == []

    @given(url=st.text(max_size=40) | st.text(max_size=40).map("https://".__add__))
    def test_no_text_at_all_breaks_anything(self, url: str) -> None:
        async def attempt() -> None:
            with pytest.raises(FermataError):
                await download(url, Path("/nowhere/song"), trusted=NOBODY, resolve=HERE)

        anyio.run(attempt)

    async def test_no_query_is_ever_told(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        pages = {"/a?sig=hush": moved("/b?sig=hush"), "/b?sig=hush": answer(b"", status="404 Not Found")}
        async with serving(pages) as host:
            with pytest.raises(UnexpectedResponse) as caught:
                await fetched(host, tmp_path, "/a?sig=hush")
        assert "hush" not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caplog.text}"


class TestPinning:
    async def test_the_checked_address_is_the_one_connected_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connected: list[str] = []

        async def connect(remote_host: str, remote_port: int, **_: Any) -> Any:
            connected.append(remote_host)
            raise OSError("no network in tests")

        monkeypatch.setattr(anyio, "connect_tcp", connect)
        names = Names([PUBLIC, "2606:4700::1111"], ["127.0.0.1"])
        with pytest.raises(ProviderUnavailable):
            await download("https://music.test/a", tmp_path / "song", trusted=NOBODY, resolve=names)
        assert connected == [PUBLIC, "2606:4700::1111"]
        assert names.asked == ["music.test"]

    async def test_every_hop_is_looked_up_and_checked_again(self, tmp_path: Path) -> None:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        async with serving(moved("https://music.test/b")) as host:
            with pytest.raises(AddressRefused, match=r"music\.test is not a public address"):
                await download(
                    host.url(host="gateway.test"), tmp_path / "song", trusted=frozenset({"gateway.test"}), resolve=names
                )
        assert names.asked == ["gateway.test", "music.test"]
        assert left_in(tmp_path) == []

    async def test_the_name_still_reaches_the_server_and_its_certificate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tls, known = certified(tmp_path, "music.test")
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        async with serving(answer(audio()), tls) as host:
            url = host.url("/a%20b?x=%2F&y=1", "music.test", "https")
            got = await download(url, tmp_path / "song", trusted=frozenset({"music.test"}), resolve=HERE)
        assert got.path.read_bytes() == audio()
        assert host.names == ["music.test"]
        assert host.asked[0].startswith("GET /a%20b?x=%2F&y=1 HTTP/1.1\r\n")
        assert f"host: music.test:{host.port}\r\n" in host.asked[0].lower()

    async def test_a_certificate_for_another_name_is_not_accepted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tls, known = certified(tmp_path, "other.test")
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        async with serving(answer(audio()), tls) as host:
            with pytest.raises(ProviderUnavailable, match="ConnectError"):
                await download(
                    host.url(host="music.test", scheme="https"),
                    tmp_path / "song",
                    trusted=frozenset({"music.test"}),
                    resolve=HERE,
                )
        assert host.asked == []

    async def test_the_next_address_is_tried_where_one_does_not_answer(self, tmp_path: Path) -> None:
        async with serving(answer(audio())) as host:
            await download(
                host.url(host="music.test"),
                tmp_path / "song",
                trusted=frozenset({"music.test"}),
                resolve=Names(["127.0.0.2", "127.0.0.1"]),
            )
        assert len(host.asked) == 1

    async def test_proxies_of_the_environment_are_ignored(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with serving(answer(audio())) as host:
            await fetched(host, tmp_path)
        assert len(host.asked) == 1


class TestRedirects:
    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    async def test_they_are_followed(self, status: str, tmp_path: Path) -> None:
        async with serving({"/a": moved("/b", status), "/b": moved("c?d=1"), "/c?d=1": answer(audio())}) as host:
            got = await fetched(host, tmp_path)
        assert got.path == tmp_path / "song.wav"

    async def test_five_are_enough(self, tmp_path: Path) -> None:
        pages = {f"/{n}": moved(f"/{n + 1}") for n in range(6)} | {"/6": answer(audio())}
        async with serving(pages) as host:
            await fetched(host, tmp_path, "/1")
            with pytest.raises(UnexpectedResponse, match="more than 5 times"):
                await fetched(host, tmp_path, "/0")

    @pytest.mark.parametrize(
        "where",
        [
            "http://127.0.0.1:1/b", "http://169.254.169.254/latest/meta-data", "https://10.0.0.1/b", "https://[::1]/b",
            "https://2130706433/b", "file:///etc/passwd", "//localhost/b", "https://user@music.test/b",
        ],
    )  # fmt: skip
    async def test_they_lead_to_nothing_that_would_be_refused_itself(self, where: str, tmp_path: Path) -> None:
        async with serving(moved(where)) as host:
            with pytest.raises(AddressRefused):
                await fetched(host, tmp_path)
        assert left_in(tmp_path) == []

    @pytest.mark.parametrize("where", ["http://[/b", "https://music.test:99999/", "http://xn--0/\x01"])
    async def test_nonsense_is_no_crash(self, where: str, tmp_path: Path) -> None:
        async with serving(moved(where)) as host:
            with pytest.raises(FermataError):
                await fetched(host, tmp_path)

    async def test_a_redirect_without_an_address_is_an_odd_answer(self, tmp_path: Path) -> None:
        async with serving(answer(b"", None, "302 Found")) as host:
            with pytest.raises(UnexpectedResponse, match="HTTP 302"):
                await fetched(host, tmp_path)

    async def test_cookies_are_not_carried_along(self, tmp_path: Path) -> None:
        pages = {"/a": answer(b"", None, "302 Found", location="/b", set_cookie="a=1"), "/b": answer(audio())}
        async with serving(pages) as host:
            await fetched(host, tmp_path)
        assert "cookie" not in host.asked[1].lower()


class TestWhatItIs:
    @pytest.mark.parametrize(
        ("body", "suffix"),
        [
            (audio("WAV"), ".wav"), (audio("RF64"), ".wav"), (audio("FLAC"), ".flac"), (audio("OGG"), ".ogg"),
            (audio("MP3"), ".mp3"), (BARE_MP3, ".mp3"), (b"ID3\x04" + b"\x00" * 50, ".mp3"), (M4A, ".m4a"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("content_type", ["audio/x-something", "application/octet-stream", None])
    async def test_the_bytes_decide(self, body: bytes, suffix: str, content_type: str | None, tmp_path: Path) -> None:
        async with serving(
            answer(body, content_type, content_disposition='attachment; filename="../../x.exe"')
        ) as host:
            got = await fetched(host, tmp_path, "/../evil.sh")
        assert got == Downloaded(tmp_path / f"song{suffix}", content_type, len(body))
        assert got.path.read_bytes() == body
        assert left_in(tmp_path) == [f"song{suffix}"]

    @pytest.mark.parametrize(
        ("content_type", "suffix"),
        [("audio/mpeg", ".mp3"), ("Audio/X-M4A; codecs=alac", ".m4a"), ("audio/flac", ".flac"), ("audio/opus", ".ogg")],
    )
    async def test_else_what_the_server_calls_them(self, content_type: str, suffix: str, tmp_path: Path) -> None:
        async with serving(answer(b"\x00" * 400, content_type)) as host:
            assert (await fetched(host, tmp_path)).path.suffix == suffix

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"<!DOCTYPE html><p>Sorry", "audio/mpeg"), (b"\xef\xbb\xbf \n<html>", "audio/mpeg"),
            (b'{"error": 1}', "audio/mpeg"), (b"[]", "audio/wav"), (audio(), "text/html; charset=utf-8"),
            (audio(), "application/problem+json"), (b"plain words", "text/plain"), (b"\x89PNG\r\n", "image/png"),
            (b"MZ\x90", None), (b"\xff\xff\xff\xff", None), (b"\xff\xfb", None), (b"RIFF____AVI ", None),
        ],
    )  # fmt: skip
    async def test_pages_and_other_files_are_refused(
        self, body: bytes, content_type: str | None, tmp_path: Path
    ) -> None:
        async with serving(answer(body, content_type)) as host:
            with pytest.raises(UnexpectedResponse, match="not audio"):
                await fetched(host, tmp_path)
        assert left_in(tmp_path) == []

    @given(st.binary(max_size=16))
    def test_any_bytes_can_be_looked_at(self, start: bytes) -> None:
        assert (sniff(start) or "").rstrip("0123456789abcdefghijklmnopqrstuvwxyz") in ("", ".")

    async def test_dots_in_a_title_are_no_suffix(self, tmp_path: Path) -> None:
        async with serving(answer(audio())) as host:
            got = await download(host.url(), tmp_path / "deep" / "No. 5", trusted=host.trusted)
        assert got.path == tmp_path / "deep" / "No. 5.wav"

    async def test_an_earlier_file_of_that_name_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "song.wav").write_bytes(b"old")
        async with serving(answer(audio())) as host:
            got = await fetched(host, tmp_path)
        assert got.path.read_bytes() == audio()


class TestAnswers:
    @pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "403 Forbidden", "401 Unauthorized"])
    async def test_expired_links_are_called_that(self, status: str, tmp_path: Path) -> None:
        async with serving(answer(b"<Error/>", "application/xml", status)) as host:
            with pytest.raises(UnexpectedResponse, match="expired") as caught:
                await fetched(host, tmp_path)
        assert not caught.value.retryable

    @pytest.mark.parametrize("status", ["500 Oops", "502 Bad", "503 Busy", "504 Late", "429 Slow", "408 Timeout"])
    async def test_trouble_on_their_side_is_worth_another_try(self, status: str, tmp_path: Path) -> None:
        async with serving(answer(b"<html>", "text/html", status)) as host:
            with pytest.raises(ProviderUnavailable, match=status[:3]) as caught:
                await fetched(host, tmp_path)
        assert caught.value.retryable

    @pytest.mark.parametrize("status", ["204 Nothing", "206 Part", "304 Same", "400 Bad", "418 Teapot"])
    async def test_anything_else_is_odd(self, status: str, tmp_path: Path) -> None:
        async with serving(answer(b"", "audio/mpeg", status)) as host:
            with pytest.raises(UnexpectedResponse, match=status[:3]):
                await fetched(host, tmp_path)

    async def test_nothing_at_all_is_not_audio(self, tmp_path: Path) -> None:
        async with serving(answer(b"")) as host:
            with pytest.raises(UnexpectedResponse, match="empty"):
                await fetched(host, tmp_path)
        assert left_in(tmp_path) == []

    async def test_it_looks_like_a_browser_and_takes_nothing_packed(self, tmp_path: Path) -> None:
        async with serving(answer(audio())) as host:
            await fetched(host, tmp_path)
        asked = host.asked[0].lower()
        assert "user-agent: mozilla/5.0" in asked
        assert "accept-encoding: identity\r\n" in asked
        assert "authorization" not in asked

    async def test_as_much_as_is_allowed_is_taken(self, tmp_path: Path) -> None:
        body = audio()
        async with serving(answer(body)) as host:
            assert (await fetched(host, tmp_path, max_bytes=len(body))).bytes == len(body)
            with pytest.raises(TooLarge):
                await fetched(host, tmp_path, max_bytes=len(body) - 1)
