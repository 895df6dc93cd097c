"""Web hosts on the loopback that send audio, or anything else, byte for byte as a test says."""

from __future__ import annotations

import asyncio
import datetime
import io
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]
Page = bytes | Talk
M4A = b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00" + b"\x00" * 100
BARE_MP3 = b"\xff\xfb\x90\x64" + b"\x00" * 413


@dataclass
class AudioHost:
    """A running host. `asked` holds the heads of the requests it got, `names` those its TLS clients asked for."""

    port: int = 0
    asked: list[str] = field(default_factory=list[str])
    names: list[str | None] = field(default_factory=list[str | None])

    @property
    def trusted(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    def url(self, path: str = "/a", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def audio(kind: str = "WAV", seconds: float = 0.2) -> bytes:
    """A file that really is what it says."""
    file = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(int(8000 * seconds)) / 10)
    soundfile.write(file, wave, 8000, format=kind)
    return file.getvalue()


def answer(body: bytes, content_type: str | None = "audio/mpeg", status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer; `content_length="900"` says something else than is true."""
    said = {"content-length": str(len(body)), "connection": "close"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    said |= {"content-type": content_type} if content_type else {}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def moved(where: str, status: str = "302 Found") -> bytes:
    return answer(b"", None, status, location=where)


def saying(words: bytes) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()

    return talk


@asynccontextmanager
async def serving(
    pages: Mapping[str, Page] | Page, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[AudioHost, None]:
    """A host that answers every path alike, or each by its own page."""
    host = AudioHost()
    talks: set[asyncio.Task[Any]] = set()
    if tls is not None:
        tls.sni_callback = lambda _, name, __: host.names.append(name)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this
        talks.add(this)
        try:
            with suppress(OSError, EOFError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                host.asked.append(head)
                page = pages if isinstance(pages, bytes) or callable(pages) else pages[head.split()[1]]
                await (page if callable(page) else saying(page))(writer)
        finally:
            talks.discard(this)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for `name`, and the file whoever trusts it must know."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public
