"""A collector of traces on loopback (OTLP over HTTP): it keeps every request as it came.

Strict: spans are taken at one path, as protobuf; everything else is refused and noted.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from .threads import answering

PATH, FORM = "/v1/traces", "application/x-protobuf"


@dataclass
class Collector:
    """Attributes:
    taken: Head and body of each request.
    violations: What was refused.
    """

    address: str = ""
    taken: list[bytes] = field(default_factory=list[bytes])
    violations: list[str] = field(default_factory=list[str])

    def everything(self) -> bytes:
        return b"\n".join(self.taken)


@contextmanager
def collecting() -> Generator[Collector]:
    """A running collector."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.taken.append(f"{self.path}\n{self.headers}".encode() + body)
            fine = self.path == PATH and self.headers["content-type"] == FORM
            collector.violations += [] if fine else [f"POST {self.path} as {self.headers['content-type']}"]
            self.send_response(200 if fine else 400)
            self.send_header("content-type", FORM)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with answering(Handler) as collector.address:
        yield collector
