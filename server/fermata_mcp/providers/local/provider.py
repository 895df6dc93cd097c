"""`local` as a provider: each piece of work is a worker process, so that the server stays responsive."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
from anyio.streams.text import TextReceiveStream

from fermata_mcp.domain.errors import Cancelled, FermataError, GenerationFailed, InvalidRequest, error_from
from fermata_mcp.domain.requests.option_forms import moment
from fermata_mcp.domain.task import Clip, Seam, Work
from fermata_mcp.media.atomic import sweep
from fermata_mcp.media.child_process import APART, environment
from fermata_mcp.providers.base import Accepted, ProviderContext, Snapshot, Submitted
from fermata_mcp.rearrange import job as engine
from fermata_mcp.spans import span

from .messages import Done, Failed, Message, Progress, decode, encode
from .spec import SPEC, engine_job

# Ended work is looked at within seconds; what is forgotten would only be done again.
REMEMBERED = 100
LONGEST_LINE = 1024 * 1024
WORKER = "fermata_mcp.providers.local.worker"
LEAVE_SECONDS = 1
logger = logging.getLogger(__name__)
_Identity = tuple[int, int] | None


@dataclass
class _Job:
    """One running worker, and what it last said. `before` tells what had the result's name when the work began."""

    work: Work
    fraction: float = 0.0
    message: str = "waiting for a free processor"
    done: Snapshot | None = None
    error: FermataError | None = None
    begun: bool = False
    before: _Identity = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)


class LocalProvider:
    """See `Provider`. Work is repeatable: lost with its process, it is simply done again."""

    spec = SPEC
    account_id = "local"
    configured = True

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._jobs: dict[str, _Job] = {}

    @property
    def renders(self) -> int:
        """How many workers are busy."""
        return sum(job.begun and not job.ended.is_set() for job in self._jobs.values())

    def check(self, work: Work) -> None:
        loops = work.options.get("ending") in ("loop", "intro_loop")
        if work.continue_at is not None and ("part" in work.options or loops):
            raise InvalidRequest(
                "continue_at cannot be combined with options.part or with an ending that loops: both say where it "
                "goes on.",
                "leave one of them out.",
            )
        fade = moment(work.options.get("fade_seconds"))
        if fade is not None and work.length_seconds is not None and fade > work.length_seconds:
            raise InvalidRequest(
                f"options.fade_seconds is {fade:g} s, and the result lasts {work.length_seconds:.2f} s.",
                "fade for less.",
            )

    def notes(self, work: Work) -> tuple[str, ...]:
        return ()

    async def prepare(self, work: Work) -> Work:
        return work

    async def submit(self, attempt_id: str, work: Work) -> Submitted:
        if attempt_id not in self._jobs:
            self._forget_old()
            job = self._jobs[attempt_id] = _Job(work)
            self._context.spawn(partial(self._carry_out, attempt_id, job))
        return Accepted(attempt_id)

    def _forget_old(self) -> None:
        ended = [remote_id for remote_id, job in self._jobs.items() if job.ended.is_set()]
        for remote_id in ended[:-REMEMBERED]:
            del self._jobs[remote_id]

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        job = self._jobs.get(remote_id)
        if job is None:
            return Snapshot("lost")
        if job.error is not None:
            return Snapshot("failed", error=job.error)
        return job.done or Snapshot("running", job.fraction, job.message)

    async def stop(self, remote_id: str) -> bool:
        """Its result is not wanted any more: also one that was just finished goes away."""
        job = self._jobs.get(remote_id)
        if job is not None:
            await _end(job)
            await anyio.to_thread.run_sync(_discard, job)
            job.done, job.error = None, job.error or Cancelled("the work was stopped.")
        return True

    async def find_clip(self, clip_id: str) -> Clip | None:
        return None

    async def balance(self) -> float | None:
        return None

    async def aclose(self) -> None:
        async with anyio.create_task_group() as group:
            for job in self._jobs.values():
                group.start_soon(_end, job)

    async def _carry_out(self, remote_id: str, job: _Job) -> None:
        try:
            with job.scope:
                async with self._context.processors:
                    with span("render", {"fermata.attempt": remote_id}):
                        await _run_worker(job, self._context.data_dir / "analysis")
            if job.scope.cancelled_caught:
                job.error = Cancelled("the work was stopped.")
        except OSError as error:
            job.error = GenerationFailed(f"the worker process could not be started ({error.strerror}).")
        except Exception:  # whatever a worker says or does must not end the program
            logger.exception("a worker could not be understood")
            if job.done is None:
                job.error = GenerationFailed("the worker process could not be understood.", "call again.")
        finally:
            job.ended.set()
            self._context.changed(remote_id)


async def _end(job: _Job) -> None:
    job.scope.cancel()
    await job.ended.wait()


def _discard(job: _Job) -> None:
    target = Path(job.work.save_as)
    if job.begun and _identity(target) != job.before:
        target.unlink(missing_ok=True)


def _begin(job: _Job) -> None:
    target = Path(job.work.save_as)
    sweep(target.parent)
    job.begun, job.before = True, _identity(target)


def _identity(path: Path) -> _Identity:
    with suppress(OSError):
        facts = path.stat()
        return facts.st_ino, facts.st_mtime_ns
    return None


async def _run_worker(job: _Job, cache: Path) -> None:
    await anyio.to_thread.run_sync(_begin, job)
    process = None
    with anyio.CancelScope(shield=True):  # once it has begun to start, it is ours to end
        process = await anyio.open_process([sys.executable, "-m", WORKER], stderr=None, env=environment(), **APART)
    assert process
    try:
        async with process:
            code = await _followed(process, job, cache)
    finally:
        if job.done is None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(sweep, Path(job.work.save_as).parent, process.pid)
    if job.done is None and job.error is None:
        job.error = GenerationFailed(f"the worker process ended early (exit code {code}).", "call again.")


async def _followed(process: anyio.abc.Process, job: _Job, cache: Path) -> int:
    """Give the worker its job and hear it to its end; however this ends, the worker is gone."""
    assert process.stdin
    assert process.stdout
    try:
        await process.stdin.send(encode(engine_job(job.work, cache)))
        await _listen(process.stdout, job)
        return await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _leave(process)


async def _leave(process: anyio.abc.Process) -> None:
    """Its standard input closes with us, which tells it to clean up and leave; what does not hear that is killed."""
    with suppress(ProcessLookupError):
        if process.returncode is None:
            process.terminate()
    with anyio.move_on_after(LEAVE_SECONDS):
        if process.stdin:
            await process.stdin.aclose()
        await process.wait()
        return
    process.kill()
    await process.wait()


async def _listen(stream: anyio.abc.ByteReceiveStream, job: _Job) -> None:
    rest = ""
    async for text in TextReceiveStream(stream):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            _take_in(decode(line), job)
        if len(rest) > LONGEST_LINE:
            raise ValueError("a line without end")


def _take_in(message: Message, job: _Job) -> None:
    match message:
        case Progress(fraction, text):
            job.fraction, job.message = fraction, text
        case Done():
            job.done = _snapshot(message, job.work)
        case Failed(code, text, hint):
            job.error = error_from(code, text, hint)
        case engine.Job():
            raise ValueError("a worker gives no jobs")


def _snapshot(done: Done, work: Work) -> Snapshot:
    seams = tuple(map(_seam, done.seams))
    clip = Clip(
        title=work.fields.get("title"),
        duration_seconds=done.duration_seconds,
        whole_track=True,
        continue_at=seams[0].at if seams else work.continue_at,
        file=work.save_as,
        seams=seams,
    )
    return Snapshot("succeeded", 1.0, "done", (clip,), done.warnings)


def _seam(seam: engine.Seam) -> Seam:
    """As it is told: to a tenth of a millisecond."""
    return Seam.model_validate(
        {
            "at": round(seam.at, 4),
            "from": round(seam.leave, 4),
            "to": round(seam.enter, 4),
            "blend_ms": round(seam.crossfade_ms, 1),
            "confidence": seam.confidence,
        }
    )


def make(context: ProviderContext) -> LocalProvider:
    return LocalProvider(context)
