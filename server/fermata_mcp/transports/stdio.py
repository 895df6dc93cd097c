"""MCP over standard input and output, as hosts really use it.

What the SDK's own runner does not do: it answers what cannot be parsed, it bounds what a client can make us hold, it
lets a client ask `server/discover` first and then shake hands in the older way, and it leaves promptly and cleanly on
signals and when its parent dies.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NoReturn

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from anyio.streams.memory import MemoryObjectSendStream
from mcp.types import JSONRPCRequest

from fermata_mcp.domain.errors import ConfigurationError, FermataError
from fermata_mcp.logs import leaves

from .connection import Connection, NotReading, Read, Write
from .front.front import Handed
from .messages import HEAD_BYTES, TAIL_BYTES, read_message, too_long
from .serving import Opened, Serving
from .signals import parent_is_gone, told_to_leave

# After a signal the client may still be reading: its waiting calls get their "still running" answers.
LAST_WORDS_SECONDS = 0.3
# A few thousand messages at most, however short they are.
# The one client of a pipe may be told by the tool itself what is too large; over http nobody reads that far.
LONGEST_LINE_BYTES = 16 * 1024 * 1024
READ_BYTES = 16 * 1024
DONE, NO_CLIENT = 0, 2


class NoClient(ConfigurationError):
    code = "invalid_request"
    default_hint = "start it from an MCP host, or see `fermata-mcp --help`."


def run_stdio(opened: Opened, handed: Handed | None = None) -> NoReturn:
    """Serve until the client leaves, a signal comes or the parent dies; then end the process with code 0.

    Args:
        handed: The conversation so far, where it has begun.

    Raises:
        NoClient: There is no standard input or output to serve on.
    """
    source, sink = _claim_standard_streams()
    handed = handed or Handed([], lambda: _some(source))
    anyio.run(_run, opened, handed, sink)
    _leave(DONE)


async def _run(opened: Opened, handed: Handed, sink: int) -> None:
    trouble: list[FermataError] = []
    async with anyio.create_task_group() as outer:
        async with opened() as serving:
            leaving = anyio.Event()
            outer.start_soon(_then(leaving, lambda: _serve(serving, handed, sink, trouble)))
            outer.start_soon(_then(leaving, lambda: _asked_to_leave(serving)))
            await leaving.wait()
        # The thread that reads standard input cannot be interrupted, so the group would never end by itself.
        for error in trouble:
            print(error, file=sys.stderr)  # noqa: T201
        _leave(NO_CLIENT if any(isinstance(error, NoClient) for error in trouble) else DONE)


def _then(event: anyio.Event, work: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
    async def run() -> None:
        await work()
        event.set()

    return run


async def _asked_to_leave(serving: Serving) -> None:
    async with anyio.create_task_group() as group:

        async def first(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            group.cancel_scope.cancel()

        group.start_soon(first, told_to_leave)
        group.start_soon(first, parent_is_gone)
    serving.drain()
    await anyio.sleep(LAST_WORDS_SECONDS)


def _leave(code: int) -> NoReturn:
    os._exit(code)


async def _serve(serving: Serving, handed: Handed, sink: int, trouble: list[FermataError]) -> None:
    replay = _Replay(handed.heard, lambda data: _write(sink, data + b"\n"))
    try:
        await Connection(serving, replay.write).serve(replay.then(_messages(handed.read)))
    except* (NotReading, NoClient) as errors:
        trouble += [error for error in leaves(errors) if isinstance(error, FermataError)]
    except* BrokenPipeError:  # the client has left without a word
        pass


class _Replay:
    """Lets the server hear first what the client has had its answers to already, one by one, and keeps it silent."""

    def __init__(self, heard: list[bytes], write: Write) -> None:
        self._heard = heard
        self._write = write
        self._answered: anyio.Event | None = None

    async def write(self, data: bytes) -> None:
        if self._answered is None:
            await self._write(data)
        else:
            self._answered.set()

    async def then(self, messages: AsyncIterator[Read]) -> AsyncIterator[Read]:
        for line in self._heard:
            message = read_message(line)
            if isinstance(message, JSONRPCRequest):
                self._answered = anyio.Event()
            yield message
            if self._answered is not None:
                await self._answered.wait()
                self._answered = None
        async for message in messages:
            yield message


# --- reading and writing ----------------------------------------------------------------------------------------------


async def _messages(read: Callable[[], bytes]) -> AsyncIterator[Read]:
    """Every line of standard input, read by a thread that waits while we are busy."""
    send, receive = anyio.create_memory_object_stream[list[Read]](0)
    token = anyio.lowlevel.current_token()
    threading.Thread(target=_read, args=(read, send, token), name="stdin", daemon=True).start()
    async with receive:
        async for messages in receive:
            for message in messages:
                yield message


def _read(read: Callable[[], bytes], send: MemoryObjectSendStream[list[Read]], token: Any) -> None:
    try:
        for messages in _lines(read):
            anyio.from_thread.run(send.send, messages, token=token)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.RunFinishedError):
        return
    anyio.from_thread.run(send.aclose, token=token)


def _lines(read: Callable[[], bytes]) -> Iterator[list[Read]]:
    """What each read brings to an end. Of a line without end only so much is kept as shows who asked."""
    line, cut = bytearray(), b""
    while data := read():
        *ends, rest = data.split(b"\n")
        found: list[Read] = []
        for end in ends:
            found.append(_of_line(cut, bytes(line) + end))
            line, cut = bytearray(), b""
        line += rest
        if len(line) > LONGEST_LINE_BYTES:
            cut = cut or bytes(line[:HEAD_BYTES])
            del line[:-TAIL_BYTES]
        if found:
            yield found
    if line:
        yield [_of_line(cut, bytes(line))]


def _of_line(cut: bytes, line: bytes) -> Read:
    """The message of a line; of one that was `cut`, only its beginning and its end are known."""
    if cut:
        return (too_long(cut, line[-TAIL_BYTES:], LONGEST_LINE_BYTES),)
    return read_message(line, LONGEST_LINE_BYTES)


def _some(source: int) -> bytes:
    try:
        return os.read(source, READ_BYTES)
    except OSError:  # whoever wrote is gone
        return b""


async def _write(sink: int, data: bytes) -> None:
    await anyio.to_thread.run_sync(_write_all, sink, data, abandon_on_cancel=True)


def _write_all(sink: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(sink, data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NoClient(f"standard output cannot be written ({error.strerror}).") from None


# --- the standard streams ---------------------------------------------------------------------------------------------


def _claim_standard_streams() -> tuple[int, int]:
    """Descriptors of our own for the client; what anything else prints goes to standard error."""
    try:
        source, sink = os.dup(0), os.dup(1)
    except OSError:
        raise NoClient("standard input or output is closed, so there is no client to serve.") from None
    _point(0, lambda: os.open(os.devnull, os.O_RDONLY))
    _point(1, _standard_error)
    if sys.platform == "win32":
        _as_bytes(source, sink)
    return source, sink


def _point(standard: int, make: Callable[[], int]) -> None:
    target = make()
    os.dup2(target, standard)
    os.close(target)


def _standard_error() -> int:
    try:
        return os.dup(2)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _as_bytes(*descriptors: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        from mcp.os.win32.utilities import rebind_std_handle_to_fd

        for descriptor in descriptors:
            msvcrt.setmode(descriptor, os.O_BINARY)
        for standard in (0, 1):
            rebind_std_handle_to_fd(standard)
