"""Bad days of a download: whatever happens, there is the whole file or none, and an error that says which way on."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import zlib
from pathlib import Path
from typing import Any

import anyio
import pytest

from fermata_mcp.domain.errors import FermataError, ProviderUnavailable, StoreUnavailable, TooLarge, UnexpectedResponse
from fermata_mcp.media.network.download import download
from support.hosts import Talk, answer, audio, serving

pytestmark = pytest.mark.anyio
FULL = Path("/dev/full")
MIB = 1024 * 1024
START = audio("WAV", 1)


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


async def refused(pages: bytes | Talk, folder: Path, kind: type[FermataError], match: str, **chosen: Any) -> None:
    """The download fails as told, and leaves nothing."""
    async with serving(pages) as host:
        with anyio.fail_after(180), pytest.raises(kind, match=match):
            await download(host.url(), folder / "song", trusted=host.trusted, **chosen)
    assert left_in(folder) == []


def taken_away(folder: Path) -> bytes:
    """What became of the song, which is removed; nothing else may be there."""
    song = folder / "song.wav"
    found = song.read_bytes() if song.exists() else b""
    song.unlink(missing_ok=True)
    assert left_in(folder) == []
    return found


def head(**headers: str) -> bytes:
    return answer(b"", "audio/wav", **{"content_length": "100000000", **headers})


CHUNKED = head(transfer_encoding="chunked").replace(b"content-length: 100000000\r\n", b"")


def endless(first: bytes, piece: bytes, pause: float = 0) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


def reset_after(said: bytes) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    return talk


class TestTheNetwork:
    async def test_nobody_there(self, tmp_path: Path) -> None:
        async with serving(b"") as host:
            pass
        with pytest.raises(ProviderUnavailable, match="ConnectError"):
            await download(host.url(), tmp_path / "song", trusted=host.trusted)

    @pytest.mark.parametrize(
        "said",
        [b"", b"HTTP/1.1 200", head(), head() + START, b"garbage\r\n\r\n", CHUNKED + b"zz\r\n"],
        ids=["nothing", "half a head", "no body", "half a body", "garbage", "bad chunk"],
    )  # fmt: skip
    @pytest.mark.parametrize("reset", [False, True])
    async def test_a_connection_that_ends_early(self, said: bytes, reset: bool, tmp_path: Path) -> None:
        await refused(reset_after(said) if reset else said, tmp_path, ProviderUnavailable, "Error")

    async def test_a_body_shorter_than_promised(self, tmp_path: Path) -> None:
        short = answer(START, content_length=str(len(START) + 1))
        await refused(short, tmp_path, ProviderUnavailable, "RemoteProtocolError")

    @pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nx: ", head() + START], ids=["silence", "head", "body"])
    async def test_a_byte_at_a_time_ends_at_the_deadline(self, first: bytes, tmp_path: Path) -> None:
        piece = b"" if not first else b"a"
        await refused(
            endless(first, piece, 0.05), tmp_path, ProviderUnavailable, r"within 0\.4 s", deadline_seconds=0.4
        )

    async def test_a_name_server_that_never_answers(self, tmp_path: Path) -> None:
        async def never(host: str, port: int) -> list[str]:
            await anyio.sleep_forever()
            return []

        with pytest.raises(ProviderUnavailable, match="within"):
            await download(
                "https://music.test/a", tmp_path / "a", trusted=frozenset(), deadline_seconds=0.1, resolve=never
            )

    async def test_a_head_without_end(self, tmp_path: Path) -> None:
        await refused(
            endless(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 60_000 + b"\r\n"),
            tmp_path,
            ProviderUnavailable,
            "did not send",
        )


class TestTooMuch:
    async def test_a_length_beyond_the_cap_is_not_even_begun(self, tmp_path: Path) -> None:
        await refused(head(), tmp_path, TooLarge, "larger than 1 MiB", max_bytes=MIB)

    async def test_a_stream_without_end_stops_at_the_cap(self, tmp_path: Path) -> None:
        chunk = b"40000\r\n" + b"\x00" * 0x40000 + b"\r\n"
        first = CHUNKED + b"%x\r\n%s\r\n" % (len(START), START)
        await refused(endless(first, chunk), tmp_path, TooLarge, "larger than 4 MiB", max_bytes=4 * MIB)

    async def test_a_bomb_stops_at_the_cap(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[int] = []
        really = Path.unlink

        def unlink(path: Path) -> None:
            sizes.append(path.stat().st_size)
            really(path)

        monkeypatch.setattr(Path, "unlink", unlink)
        bomb = gzip.compress(START + b"\x00" * 64 * MIB)
        assert len(bomb) < MIB
        packed = answer(bomb, "audio/wav", content_encoding="gzip")
        await refused(packed, tmp_path, TooLarge, "larger than 2 MiB", max_bytes=2 * MIB)
        assert sizes[0] <= 2 * MIB

    async def test_a_packed_stream_that_holds_nothing_stops_too(self, tmp_path: Path) -> None:
        nothing = zlib.compressobj(0, zlib.DEFLATED, 31)
        first = CHUNKED.replace(b"connection: close", b"content-encoding: gzip")
        piece = nothing.compress(START) + nothing.flush(zlib.Z_FULL_FLUSH)
        empty = b"\x00\x00\x00\xff\xff" * 50_000
        talk = endless(first + b"%x\r\n%s\r\n" % (len(piece), piece), b"%x\r\n%s\r\n" % (len(empty), empty))
        await refused(talk, tmp_path, FermataError, "larger|within", max_bytes=MIB, deadline_seconds=1)

    async def test_packed_but_honest_is_taken(self, tmp_path: Path) -> None:
        async with serving(answer(gzip.compress(START), "audio/wav", content_encoding="gzip")) as host:
            got = await download(host.url(), tmp_path / "song", trusted=host.trusted)
        assert got.path.read_bytes() == START

    async def test_badly_packed_is_an_odd_answer(self, tmp_path: Path) -> None:
        broken = answer(START, "audio/wav", content_encoding="gzip")
        await refused(broken, tmp_path, UnexpectedResponse, "cannot be unpacked")


class TestTheDisk:
    @pytest.mark.parametrize(
        ("code", "words"),
        [(errno.ENOSPC, "no room left"), (errno.EDQUOT, "no room left"), (errno.EIO, "cannot be written")],
    )
    async def test_bytes_that_do_not_stay(
        self, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fail)
        await refused(answer(START), tmp_path, StoreUnavailable, words)

    @pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
    async def test_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`/dev/full` can be opened, and has room for no byte."""
        really = Path.open

        def opened(path: Path, *_: str) -> Any:
            return really(FULL if path.suffix == ".part" else path, "wb")

        monkeypatch.setattr(Path, "open", opened)
        await refused(answer(START * 40), tmp_path, StoreUnavailable, "no room left")

    async def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        async with serving(answer(START)) as host:
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                await download(host.url(), tmp_path / "file" / "song", trusted=host.trusted)

    async def test_a_target_that_is_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "song.wav").mkdir()
        async with serving(answer(START)) as host:
            with pytest.raises(StoreUnavailable):
                await download(host.url(), tmp_path / "song", trusted=host.trusted)
        assert left_in(tmp_path) == ["song.wav"]


class TestGivingUp:
    @pytest.mark.parametrize("first", [b"", head(), head() + START * 40], ids=["silence", "head", "body"])
    @pytest.mark.parametrize("native", [False, True], ids=["scope", "task"])
    async def test_cancelled_while_it_comes(self, first: bytes, native: bool, tmp_path: Path) -> None:
        async with serving(endless(first, b"" if not first else b"a", 0.01)) as host:
            coming = download(host.url(), tmp_path / "song", trusted=host.trusted)
            if native:
                task = asyncio.create_task(coming)
                await asyncio.sleep(0.2)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                with anyio.move_on_after(0.2) as scope:
                    await coming
                assert scope.cancelled_caught
        assert left_in(tmp_path) == []

    async def test_cancelled_at_every_moment(self, tmp_path: Path) -> None:
        """Whole or nothing, wherever it is cut."""
        seen: set[bytes] = set()
        async with serving(answer(START * 40)) as host:
            for step in (*range(40), 180_000):
                with anyio.move_on_after(step * 0.001):
                    await download(host.url(), tmp_path / "song", trusted=host.trusted)
                seen.add(taken_away(tmp_path))
        assert seen == {b"", START * 40}
