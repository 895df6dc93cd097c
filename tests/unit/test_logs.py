"""What is said on standard error: a line each, a stack for our own mistakes only, and never at anybody's cost."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from fermata_mcp import logs
from fermata_mcp.domain.errors import NotFound
from fermata_mcp.logs import in_json, in_words, logging_to_stderr

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
NOT_OURS = {
    "full disk": FULL,
    "no descriptors": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "client left": anyio.ClosedResourceError(),
    "reset": ConnectionResetError(errno.ECONNRESET, "reset"),
    "refused": NotFound("no such task."),
    "many at once": ExceptionGroup("unhandled errors", [ExceptionGroup("deeper", [FULL, FULL]), anyio.EndOfStream()]),
}


def record(error: BaseException | None, message: str = "it failed", *args: Any) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("fermata_mcp.test", logging.ERROR, __file__, 1, message, args, info)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001
        return caught


@pytest.mark.parametrize("error", NOT_OURS.values(), ids=NOT_OURS)
def test_what_others_did_is_one_line_and_no_error(error: Exception) -> None:
    line = in_words(record(raised(error)))
    assert "\n" not in line
    assert " WARNING " in line
    assert logs.leaves(error)[0].__class__.__name__ in line


def test_a_mistake_of_ours_shows_where_it_was_made() -> None:
    told = in_words(record(raised(ExceptionGroup("all", [raised(KeyError("x")) for _ in range(20)]))))
    assert " ERROR " in told
    assert "KeyError" in told
    assert "test_logs.py" in told
    assert told.count("\n") < 40


def test_a_clients_words_stay_on_their_line() -> None:
    line = in_words(record(None, "invalid host: %s", "a\r\nERROR forged\u202e" + "x" * 10_000))
    assert "\n" not in line
    assert len(line) < 700


def test_one_object_a_line() -> None:
    told = json.loads(in_json(record(raised(ValueError("a\nb")))))
    assert (told["level"], told["logger"], told["message"]) == (
        "error",
        "fermata_mcp.test",
        "it failed: ValueError: a b",
    )
    assert any("test_logs.py" in line for line in told["stack"])
    assert "stack" not in json.loads(in_json(record(FULL)))


@contextmanager
def on_a_pipe(monkeypatch: pytest.MonkeyPatch) -> Generator[int]:
    """Standard error is a pipe; its reading end."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        yield reading
    os.close(reading)


def test_levels_and_leaving_are_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("fermata_mcp.somewhere")
    with on_a_pipe(monkeypatch) as reading:
        with logging_to_stderr("warning", "json"):
            logger.info("not told")
            logger.warning("told")
            logger.error("cut", exc_info=asyncio.CancelledError())
        told = os.read(reading, 1 << 16).splitlines()
    assert [json.loads(line)["message"] for line in told] == ["told"]


def test_nobody_waits_for_a_reader_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe takes 64 KB; far more is logged than fits, and what did not fit is counted once it is read."""
    logger = logging.getLogger("fermata_mcp.somewhere")
    with on_a_pipe(monkeypatch) as reading, logging_to_stderr():
        for number in range(logs.QUEUED_RECORDS * 3):
            logger.warning("%d %s", number, "x" * 400)
        told = b""
        while b"more lines were not written" not in told:
            told += os.read(reading, 1 << 16)
    assert b" WARNING fermata_mcp.logs: " in told


def test_the_sdk_sets_up_no_logging_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp.server.mcpserver import server as sdk

    from fermata_mcp.surface import server as ours

    asked: list[str] = []
    monkeypatch.setattr(sdk, "configure_logging", asked.append)
    with ours._logging_left_alone():  # pyright: ignore[reportPrivateUsage]
        sdk.MCPServer("quiet")
    assert asked == []
    sdk.MCPServer("loud")
    assert asked != []
