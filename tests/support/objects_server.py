"""A real object store on this machine: a process that speaks S3, and checks every signature and its time."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from .processes import SERVERS_OF_TESTS

BUCKET = "audio"
_LISTENS = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class ObjectsServer:
    """Where it listens, and what has to be set for a program that uses it."""

    endpoint: str
    folder: Path

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/team"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret",
        }  # fmt: skip


def _free_port() -> int:
    with socket.socket() as taken:  # it takes no socket and no port 0
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


needs_objects_server = pytest.mark.skipif(
    find_spec("nanio") is None or find_spec("obstore") is None,
    reason="needs nanio and obstore (pip install 'fermata-mcp[test]')",
)


@contextmanager
def objects_server() -> Generator[ObjectsServer]:
    """One that is ready, with an empty bucket, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="fermata-objects-") as folder:
        (Path(folder) / BUCKET).mkdir()
        keys = {"NANIO_ACCESS_KEY": "someone", "NANIO_SECRET_KEY": "not-a-real-secret"}
        program = [sys.executable, "-c", "from nanio.cli import main; raise SystemExit(main())"]
        command = [*program, "serve", "--data-dir", folder, "--host", "127.0.0.1", "--port", str(_free_port())]
        with subprocess.Popen(
            [*command, "--no-access-log"], stderr=subprocess.PIPE, text=True, env={**os.environ, **keys}
        ) as process:
            assert process.stderr
            SERVERS_OF_TESTS.add(process.pid)
            try:
                said = ""
                while not (found := _LISTENS.search(said)):
                    line = process.stderr.readline()
                    assert line, f"it ended: {said}"
                    said += line
                yield ObjectsServer(found[1], Path(folder))
            finally:
                process.terminate()
                process.stderr.read()
