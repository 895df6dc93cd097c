"""One task is one trace, whichever processes carry it out; and without an SDK nothing of it is kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fermata_mcp import spans
from fermata_mcp.logs import about, in_json, logging_to_stderr
from fermata_mcp.providers.base import Snapshot
from support.asked import begin
from support.engines import House, eventually, finished
from support.remote import Remote

pytestmark = pytest.mark.anyio


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_a_task_is_one_trace_across_processes(
    house: House, remote: Remote, recorded: InMemorySpanExporter
) -> None:
    remote.finishes = False
    async with house.engine() as service:
        with spans.span("call", {}) as call:
            task = (await begin(service, house.request())).task

        async def was_looked_at() -> bool:
            return remote.looks.total() > 0

        await eventually(was_looked_at, 30)
    told = len(recorded.get_finished_spans())
    remote.finishes = True
    async with house.engine() as service:
        assert (await finished(service, task, 30)).status == "succeeded"
    ours = [
        one for one in recorded.get_finished_spans() if dict(one.attributes or {}).get("fermata.provider") == "paid"
    ]
    names = {one.name for one in ours}
    assert {"step queued", "submit paid", "step waiting", "poll paid"} <= names
    told_traces = {context.trace_id for one in ours if (context := one.get_span_context())}
    assert told_traces == {call.get_span_context().trace_id}
    assert len(recorded.get_finished_spans()) > told


async def test_what_goes_wrong_is_told_by_its_code_alone(
    house: House, remote: Remote, recorded: InMemorySpanExporter
) -> None:
    remote.readings.append(Snapshot("running"))
    with pytest.raises(ValueError, match="secret"), spans.span("x", {}):
        raise ValueError("secret words")
    (one,) = recorded.get_finished_spans()
    assert dict(one.attributes or {}) == {"error.type": "ValueError"}
    assert (one.status.description, list(one.events)) == (None, [])


async def test_without_an_sdk_nothing_is_kept(house: House, remote: Remote) -> None:
    assert not spans.are_recorded()
    store = house.store()
    async with house.engine(store) as service:
        task = (await begin(service, house.request())).task
        await finished(service, task, 30)
        assert await store.trace_of(task.id) is None


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_the_standard_variables_say_where_spans_go(environ: dict[str, str], wanted: bool) -> None:
    assert spans.wants_export(environ) is wanted


def test_spans_on_the_console_keep_off_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(provider: TracerProvider) -> None:
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    monkeypatch.setattr(trace, "set_tracer_provider", taken)
    with spans.exported({"OTEL_TRACES_EXPORTER": "console"}), spans.span("seen", {}):
        pass
    told = capsys.readouterr()
    assert told.out == ""
    assert '"name": "seen"' in told.err


def test_an_exporter_nobody_knows_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with spans.exported({"OTEL_TRACES_EXPORTER": "zipkin"}):
        assert not spans.are_recorded()
    assert "zipkin" in caplog.text


# --- lines of the log -------------------------------------------------------------------------------------------------


def test_a_line_tells_whom_it_concerns(recorded: InMemorySpanExporter, capfd: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr("info", "json"), about(principal="ann"), about(task="tsk_1"), spans.span("x", {}) as opened:
        logging.getLogger("fermata").info("something")
        expected = f"{opened.get_span_context().trace_id:032x}"
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"something"' in line]
    assert (line["principal"], line["task"], line["trace"]) == ("ann", "tsk_1", expected)


def test_a_line_that_concerns_nobody_says_nothing_of_it() -> None:
    record: Any = logging.LogRecord("fermata", logging.INFO, "", 0, "something", (), None)
    assert set(json.loads(in_json(record))) == {"time", "level", "logger", "message"}
