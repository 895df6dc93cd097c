"""Files of others are looked at in a process of its own, so that none can hurt the server: the server's side of it.

What goes wrong there is an error in words. A file that ends the process, or keeps it busy for too long, is known by its
bytes from then on, and nobody decodes it again.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import anyio.abc
import anyio.to_thread

from fermata_mcp.domain.errors import FermataError, InternalError, NotAudio, TooLarge, error_from
from fermata_mcp.domain.foreign.paths import shown
from fermata_mcp.domain.placement import Likeness
from fermata_mcp.domain.spec import Window
from fermata_mcp.media.atomic import sweep
from fermata_mcp.media.child_process import APART, environment
from fermata_mcp.media.facts import (
    AudioFacts,
    AudioReport,
    JoinedFile,
    MusicFacts,
    PreviewFacts,
    SeamFacts,
    WindowFacts,
)

from .messages import (
    Answer,
    Broken,
    Compare,
    Cut,
    Hear,
    Join,
    Judge,
    Label,
    Listen,
    Preview,
    Probe,
    Request,
    answer_of,
    request_line,
)
from .quarantine import Quarantine
from .time_limits import seconds_for

COMMAND = [sys.executable, "-m", "fermata_mcp.media.decoding.process"]
AT_ONCE = 2
START_SECONDS = 60.0
# On a busy machine even one that has just started may have left before it is asked.
MOST_STARTS = 3
# A processor may be shared with many: the process itself is stopped by what it used.
PATIENCE = 4.0
KEPT = "undecodable"
_LONGEST_ANSWER = 1 << 20
_OUT_OF_TIME = -24  # SIGXCPU
logger = logging.getLogger(__name__)


class Undecodable(NotAudio):
    """The file ended a decoder, or kept it busy for too long, now or before."""


class _Ended(Exception):
    """The process is gone before it answered; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class _Child:
    process: anyio.abc.Process

    async def ready(self) -> None:
        await self._line()

    async def asked(self, line: bytes) -> bytes:
        assert self.process.stdin
        try:
            await self.process.stdin.send(line)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise _Ended(await self.process.wait()) from None
        return await self._line()

    async def _line(self) -> bytes:
        assert self.process.stdout
        said = b""
        while not said.endswith(b"\n"):
            try:
                said += await self.process.stdout.receive()
            except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
                raise _Ended(await self.process.wait()) from None
            if len(said) > _LONGEST_ANSWER:
                raise _Ended(-1)
        return said

    async def end(self) -> None:
        """Kill it if it still runs; however it was, it is gone."""
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                if self.process.returncode is None:
                    self.process.kill()
            await self.process.aclose()


class Decoder:
    """Up to two processes, started when they are needed, and replaced when a file ended one.

    Args:
        data_dir: Where what must not be decoded again is remembered.
    """

    def __init__(self, data_dir: Path) -> None:
        self._quarantine = Quarantine(data_dir / KEPT)
        self._places = anyio.Semaphore(AT_ONCE)
        self._idle: deque[_Child] = deque()

    async def probe(self, path: Path) -> AudioFacts:
        """What an audio file holds.

        Raises:
            InvalidRequest: It is no file, no audio that can be read, or too large.
        """
        return cast("AudioFacts", await self._ask(Probe(path)))

    async def hear(self, path: Path) -> AudioReport:
        """What a file that arrived holds; of one that nobody can decode, that."""
        try:
            return cast("AudioReport", await self._ask(Hear(path)))
        except (NotAudio, TooLarge) as error:
            note = f"The audio was kept as it came, unexamined: {error.message}"
            return AudioReport(None, decodable=False, note=note)

    async def likeness(self, path: Path, reference: Path, begins_at: float, seconds: float) -> Likeness | None:
        """Whether `path` begins as `reference` goes on from `begins_at` for `seconds`; None where nobody can tell."""
        try:
            return cast("Likeness | None", await self._ask(Compare(path, reference, begins_at, seconds)))
        except (NotAudio, TooLarge):
            return None

    async def join(
        self, before: Path, path: Path, begins_at: float, earliest: float, latest: float, stem: Path
    ) -> JoinedFile:
        """Write `path` behind `before`. The result is at `stem` with the ending of `before`.

        Args:
            begins_at: Second of the track `before` at which `path` begins.
            earliest, latest: Between which the join may be; `path` is a copy of the track before the first.

        Raises:
            NotAudio, TooLarge: They cannot be joined here.
            StoreUnavailable: The result cannot be written.
        """
        return cast("JoinedFile", await self._ask(Join(path, before, begins_at, earliest, latest, stem)))

    async def judge(self, path: Path, at: float) -> SeamFacts | None:
        """How sure a join is that somebody else made at second `at` of `path`; None where nobody can tell."""
        try:
            return cast("SeamFacts", await self._ask(Judge(path, at)))
        except (NotAudio, TooLarge):
            return None

    async def cut(self, path: Path, seal: str | None, until: float, window: Window, target: Path) -> WindowFacts:
        """Write the stretch of `path` before second `until` that `window` wants to `target`.

        Args:
            seal: What tells that it is still the file that was checked; None where nobody checked it.

        Raises:
            FileNotAllowed: It is another file by now.
            NotAudio, TooLarge: It cannot be decoded here.
            StoreUnavailable: `target` cannot be written.
        """
        wanted = (window.context, window.rate, window.channels, window.form, window.grid)
        return cast("WindowFacts", await self._ask(Cut(path, seal, until, *wanted, target)))

    async def listen(self, path: Path) -> MusicFacts:
        """Tempo, key and metre, as far as they can be told; never an error: a model does without."""
        try:
            return cast("MusicFacts", await self._ask(Listen(path)))
        except FermataError:
            return MusicFacts()

    async def label(self, path: Path, title: str | None, origin: str) -> None:
        """Write tags. They are a courtesy: what cannot carry them stays as it is."""
        with suppress(FermataError):
            await self._ask(Label(path, title, origin))

    async def preview(self, path: Path, folder: Path, most: int) -> PreviewFacts:
        """A compressed copy of `path` in `folder` with at most `most` bytes, made now or before.

        Raises:
            NotAudio, TooLarge: It cannot be decoded here.
            StoreUnavailable: The folder cannot be written.
        """
        return cast("PreviewFacts", await self._ask(Preview(path, folder, most)))

    async def warm(self) -> None:
        """Have a process ready before it is needed; what keeps it from starting is told when it is."""
        if self._idle or self._places.value < AT_ONCE:
            return
        async with self._places:
            with suppress(FermataError):
                self._idle.append(await _started())

    async def aclose(self) -> None:
        """End the processes; those that are at work end with whoever waits for them."""
        while self._idle:
            await self._idle.pop().end()

    async def _ask(self, request: Request) -> Answer:
        if await anyio.to_thread.run_sync(self._quarantine.holds, request.path):
            raise Undecodable(f"{request.path.name} is damaged so that no decoder survives it.")
        async with self._places:
            answer = await self._answer(request)
        if isinstance(answer, Broken):
            raise error_from(answer.code, answer.message, answer.hint)
        return answer

    async def _answer(self, request: Request) -> Answer | Broken:
        tries = AT_ONCE + MOST_STARTS
        while True:
            tries -= 1
            child = self._idle.pop() if self._idle else await _started()
            try:
                return await self._answer_of(child, request)
            except _Ended as ended:
                if tries and ended.code == 0:  # it had waited for work for too long, and left meanwhile
                    continue
                did = "kept the decoder busy for too long" if ended.code == _OUT_OF_TIME else "ended the decoder"
            except TimeoutError:
                did = "kept the decoder busy for too long"
            raise await self._set_aside(request, did)

    async def _answer_of(self, child: _Child, request: Request) -> Answer | Broken:
        done = False
        try:
            with anyio.fail_after(PATIENCE * seconds_for(request)):
                answer = answer_of(await child.asked(request_line(request)))
            done = True
            self._idle.append(child)
            return answer
        except (ValueError, KeyError, TypeError):
            raise _Ended(-1) from None
        finally:
            if not done:
                await child.end()
                if isinstance(request, Join | Cut | Label | Preview):
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(sweep, request.folder, child.process.pid)

    async def _set_aside(self, request: Request, did: str) -> Undecodable:
        logger.warning("%s %s; it is not decoded again", shown(request.path.name), did)
        await anyio.to_thread.run_sync(self._quarantine.add, request.path)
        return Undecodable(f"{request.path.name} is damaged so that it {did}.")


async def _started() -> _Child:
    """Raises InternalError where no process can be had: that is no fault of any file."""
    child = None
    with anyio.CancelScope(shield=True):  # once it has begun to start, it is ours to end
        child = await _opened()
    assert child
    try:
        with anyio.fail_after(START_SECONDS):
            await child.ready()
    except (_Ended, TimeoutError):
        await child.end()
        raise InternalError("the decoder could not be started.", "run `fermata-mcp doctor`.") from None
    except BaseException:
        await child.end()
        raise
    return child


async def _opened() -> _Child:
    try:
        return _Child(await anyio.open_process(COMMAND, stderr=subprocess.DEVNULL, env=environment(), **APART))
    except OSError as error:
        raise InternalError(f"the decoder could not be started ({error.strerror}).", "call again.") from None
