"""A model on the loopback that speaks every dialect of `dialects.py` and says what a `Script` says."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .dialects import Event, dialect_of
from .script import Script

_NUMBERS = itertools.count(1)
_MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model", "created": 1, "owned_by": "here"}]}


@contextmanager
def model(script: Script) -> Generator[str]:
    """The address of a model that follows the script, while a thread serves it."""

    class Handler(_Handler):
        following = script

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="model", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    following: Script
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # clients leave as they please
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is in the script."""

    def do_HEAD(self) -> None:
        self._send(200, "application/json", b"")

    def do_GET(self) -> None:
        self._json(200, _MODELS if self.path.partition("?")[0].endswith("/models") else {})

    def do_POST(self) -> None:
        body = json.loads(self._body() or b"{}")
        path = self.path.partition("?")[0]
        dialect = dialect_of(path)
        if dialect is None:
            self._json(*_aside(path))
            return
        answer, number = self.following.next(dialect.read(body)), next(_NUMBERS)
        if body.get("stream") or "streamGenerate" in path:
            self._send(200, "text/event-stream", b"".join(_lines(dialect.stream(answer, number))))
        else:
            self._json(200, dialect.whole(answer, number))

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            raw = b"".join(self._chunks())
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        match self.headers.get("content-encoding"):
            case "gzip":
                return gzip.decompress(raw)
            case "deflate":
                return zlib.decompress(raw)
            case _:
                return raw

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _json(self, status: int, value: Any) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _aside(path: str) -> tuple[int, Any]:
    """What hosts ask besides: how long something is."""
    if path.endswith("/count_tokens"):
        return 200, {"input_tokens": 1}
    if path.endswith(":countTokens"):
        return 200, {"totalTokens": 1}
    return 404, {"error": {"type": "not_found_error", "message": f"no {path} here"}}


def _lines(events: Iterator[Event]) -> Iterator[bytes]:
    for name, data in events:
        head = f"event: {name}\n" if name else ""
        said = data if isinstance(data, str) else json.dumps(data)
        yield f"{head}data: {said}\n\n".encode()
