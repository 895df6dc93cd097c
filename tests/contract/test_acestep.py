"""Both builds of an ACE-Step server, from a call to a file in its place: what is sent, and what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from emulators.acestep import AceStep, AceStepCpp, AceStepPython
from emulators.faults import Fault, Front
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Task, Work
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.acestep.acestep import SPEC, AceStepAdapter
from fermata_mcp.providers.acestep.common import span_of
from support.asked import begin, chain, extend
from support.engines import House, eventually, finished, is_step

pytestmark = pytest.mark.anyio
HZ, SECONDS = 44_100, 12.0
BUILDS: dict[str, type[AceStep]] = {"python": AceStepPython, "cpp": AceStepCpp}
EACH = pytest.mark.parametrize("build", BUILDS)


@dataclass
class Studio:
    """A service that is led to one server, and a track of twelve seconds."""

    service: Service
    server: Any
    track: Path

    async def start(self, **fields: Any) -> Task:
        asked = {"source": str(self.track), "provider": "acestep", "add_seconds": 8.0} | fields
        return (await begin(self.service, extend(**asked))).task

    async def made(self, **fields: Any) -> Task:
        return await finished(self.service, await self.start(**fields))

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [job.body for job in self.server.jobs.values()]


@asynccontextmanager
async def studio(house: House, build: str, key: str = "", **settings: Any) -> AsyncGenerator[Studio]:
    server = BUILDS[build](key)
    track = house.folder / "track.wav"
    soundfile.write(track, music(SECONDS), HZ, subtype="PCM_16")
    async with Front(server) as url:
        led = {"acestep_base_url": url} | ({"acestep_api_key": key} if key else {})
        async with house.engine(**led, **settings) as service:
            yield Studio(service, server, track)
    assert server.violations == []


def music(seconds: float) -> NDArray[np.float64]:
    time = np.arange(round(seconds * HZ)) / HZ
    melody = 220 * 2 ** (np.floor(time * 2) % 7 / 12)
    return 0.3 * np.sin(2 * np.pi * melody * time) * (0.6 + 0.4 * np.cos(2 * np.pi * 2 * time))


def read(file: str | None) -> NDArray[np.float64]:
    found: tuple[Any, int] = soundfile.read(file or "")
    samples, rate = found
    assert rate == HZ
    return samples if samples.ndim == 1 else samples[:, 0]


@EACH
async def test_a_file_is_extended_and_its_beginning_is_untouched(build: str, house: House) -> None:
    async with studio(house, build) as there:
        task = await there.made(prompt="brushed drums", style="warm piano")
        (sent,) = there.sent
    assert (task.status, task.error, task.charged) == ("succeeded", None, 0)
    assert task.audio is not None
    assert task.audio.whole_track
    result, source = read(task.audio.file), read(str(there.track))
    assert len(result) / HZ == pytest.approx(SECONDS + 8, abs=0.6)
    kept = round((SECONDS - 5) * HZ)
    assert np.array_equal(result[:kept], source[:kept])
    assert "warm piano, brushed drums" in (sent.get("prompt"), sent.get("caption"))
    assert float(sent["repainting_start"]) == pytest.approx(SECONDS - 4, abs=0.1)
    assert float(sent["repainting_end"]) == pytest.approx(SECONDS + 8, abs=0.1)
    assert not list((house.folder / "data" / "arrived").iterdir())
    assert int(sent["bpm"]) in (60, 120, 240)  # two notes a second


@EACH
async def test_more_than_one_span_is_a_chain(build: str, house: House) -> None:
    async with studio(house, build) as there:
        asked = chain(source=str(there.track), provider="acestep", target_seconds=110.0)
        task = await finished(there.service, (await begin(there.service, asked)).task)
    assert (task.status, task.error) == ("succeeded", None)
    assert len(there.sent) == 2
    assert task.audio is not None
    assert task.audio.duration_seconds == pytest.approx(110, abs=1.5)
    joins = [seam.at for seam in task.clips[0].seams]
    assert joins == pytest.approx([SECONDS, 98.0], abs=5.0)


@EACH
async def test_what_a_restarted_server_lost_is_done_again(build: str, house: House) -> None:
    async with studio(house, build) as there:
        there.server.ready_after_polls, there.server.forgets_after = 40, 0
        task = await there.start()
        await eventually(lambda: _has_jobs(there, 2))
        there.server.forgets_after = None
        task = await finished(there.service, task)
    assert (task.status, task.error) == ("succeeded", None)


async def _has_jobs(there: Studio, count: int) -> bool:
    return len(there.server.jobs) >= count


@EACH
async def test_work_that_is_lost_every_time_is_given_up(build: str, house: House) -> None:
    async with studio(house, build) as there:
        there.server.ready_after_polls, there.server.forgets_after = 40, 0
        task = await there.made()
    assert task.error is not None
    assert (task.status, task.error.code) == ("failed", "provider_unavailable")
    assert "start the server" in task.error.hint
    assert 2 <= len(there.sent) <= 8


@EACH
async def test_a_server_that_ignored_the_source_is_found_out(build: str, house: House) -> None:
    async with studio(house, build) as there:
        there.server.ignores_source = True
        task = await there.made()
    assert any("ignored the source" in said for said in task.warnings), task.warnings


@EACH
@pytest.mark.parametrize("outcome", ["failed", "no file"])
async def test_work_that_failed_says_so(build: str, outcome: str, house: House) -> None:
    async with studio(house, build) as there:
        there.server.outcome = outcome
        task = await there.made()
    assert task.error is not None
    assert (task.status, task.error.code) == ("failed", "generation_failed")


@EACH
async def test_cancelled_work_ends_at_once(build: str, house: House) -> None:
    async with studio(house, build) as there:
        there.server.ready_after_polls = 10_000
        task = await there.start()
        await eventually(lambda: is_step(there.service, task, "waiting"))
        await there.service.cancel(task.id)
        task = await finished(there.service, task)
        stopped = [job.data.get("cancelled") for job in there.server.jobs.values()]
    assert task.status == "cancelled"
    assert stopped == [True if build == "cpp" else None]


@pytest.mark.parametrize(("given", "asked", "code"), [("k", "k", None), ("", "k", "authentication_failed")])
async def test_a_key_goes_along_where_one_is_set(given: str, asked: str, code: str | None, house: House) -> None:
    async with studio(house, "python", given) as there:
        there.server.key = asked
        task = await there.made()
    assert (task.error and task.error.code) == code


@pytest.mark.parametrize("how", ["400", "500"])
async def test_a_build_that_takes_no_uploads_is_named(how: str, house: House) -> None:
    async with studio(house, "python") as there:
        there.server.takes_uploads = how
        task = await there.made()
    assert task.error is not None
    assert (task.status, len(there.sent)) == ("failed", 0)
    assert "update the ACE-Step server" in task.error.hint


@pytest.mark.parametrize("lacks", ["dit", "embedding", "vae"])
async def test_weights_that_are_not_there_are_named_before_anything_is_sent(lacks: str, house: House) -> None:
    async with studio(house, "cpp") as there:
        there.server.weights = tuple(kind for kind in there.server.weights if kind != lacks)
        task = await there.made()
    assert task.error is not None
    assert lacks in task.error.message
    assert "model files" in task.error.hint
    assert there.sent == []


async def test_a_full_queue_is_waited_for(house: House) -> None:
    async with studio(house, "python") as there:
        there.server.script("submit", Fault.answer(429, {"detail": "Server busy: queue is full"}), 2)
        task = await there.made()
    assert (task.status, len(there.sent)) == ("succeeded", 1)


async def test_a_build_of_april_sends_its_audio_bare(house: House) -> None:
    async with studio(house, "cpp") as there:
        there.server.plain = True
        task = await there.made()
    assert (task.status, task.error) == ("succeeded", None)


@EACH
@pytest.mark.parametrize("deed", ["reset", "close", "half_body", "half_head"])
async def test_an_answer_that_is_lost_is_asked_for_again_since_it_is_free(build: str, deed: Any, house: House) -> None:
    async with studio(house, build) as there:
        there.server.script("submit", Fault.wire(deed), 1)
        task = await there.made()
    assert (task.status, len(there.sent)) == ("succeeded", 2)


async def test_nobody_there_says_how_to_start_it(house: House) -> None:
    async with studio(house, "cpp") as there, Front(AceStepCpp()) as gone:
        pass
    async with house.engine(acestep_base_url=gone) as service:
        task = (await begin(service, extend(source=str(there.track), provider="acestep", add_seconds=8.0))).task
        task = await finished(service, task)
    assert task.error is not None
    assert (task.error.code, "ACESTEP_BASE_URL" in task.error.hint) == ("provider_unavailable", True)


@EACH
async def test_the_server_says_what_it_is_or_how_it_is_started(build: str, house: House) -> None:
    async with studio(house, build) as there:
        (row,) = (await there.service.credits("acestep")).providers
        assert (row.error, row.configured) == (None, True)
        assert "acestep" in (row.note or "")
    async with house.engine(acestep_base_url="http://127.0.0.1:9") as service:
        (row,) = (await service.credits("acestep")).providers
    assert "start the server" in (row.error or "")


async def test_it_is_no_choice_of_ours_until_it_is_set_up(house: House) -> None:
    async with house.engine() as service:
        assert service.default_provider() == "local"
        task = (await begin(service, extend(source=str(house.track), provider="local", add_seconds=3.0))).task
        assert (await finished(service, task)).provider == "local"


# --- the grid ---------------------------------------------------------------------------------------------------------


def test_every_place_on_the_grid_is_rounded_to_itself() -> None:
    """By both builds, which take frames of 0.04 s off 32-bit numbers, downwards."""
    for pairs in range(1, 7499):
        work = Work(save_as="x", sent_seconds=pairs * 0.08, add_seconds=8.0)
        span = span_of(work)
        assert int(np.float32(span.start) * 25) == max(0, pairs * 2 - 100), pairs
        assert int(np.float32(span.end) * 25) == pairs * 2 + 200, pairs


@pytest.mark.parametrize("add", [3.0, 7.77, 30.0, 59.99, 86.0])
def test_no_less_is_asked_for_than_was_wanted(add: float) -> None:
    span = span_of(Work(save_as="x", sent_seconds=80.0, add_seconds=add))
    assert 0 <= span.end - 80 - add < 0.082


# --- what is declared -------------------------------------------------------------------------------------------------


def test_it_is_ready_with_its_address_and_not_the_choice_of_anybody_before() -> None:
    spec: ProviderSpec = SPEC
    assert (spec.set_by, spec.key_variable, spec.submit) == ("ACESTEP_BASE_URL", None, "repeatable")


@pytest.mark.parametrize("build", ["python", "cpp"])
def test_takes_differ_in_their_seed_alone(build: str) -> None:
    bodies = [
        _body(Work(save_as="x", sent_file="/a.wav", sent_seconds=8.0, take=take, dialect=build)) for take in (1, 2)
    ]
    assert {name for name in bodies[0] if bodies[0][name] != bodies[1][name]} == {"seed"}


def _body(work: Work) -> dict[str, Any]:
    call = AceStepAdapter().submit_call(work)
    return dict(call.form or call.body or {})
