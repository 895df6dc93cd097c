"""Spans, by OpenTelemetry's API alone: without its SDK they cost next to nothing and go nowhere.

`OTEL_…` variables start an exporter where the extra `tracing` is installed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from . import __version__

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER, DISABLED = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"
# What is still to be sent when the program leaves is waited for no longer.
LAST_SPANS_MS = 500
_PARENT = "traceparent"
_FORM = TraceContextTextMapPropagator()
logger = logging.getLogger(__name__)


def are_recorded() -> bool:
    """Whether an SDK is there, so that a trace is worth anything."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def is_open() -> bool:
    """Whether a span is open here."""
    return trace.get_current_span().get_span_context().is_valid


def current_parent() -> str | None:
    """What names the open span to other processes (a `traceparent`); None where there is none."""
    carrier: dict[str, str] = {}
    if is_open():
        _FORM.inject(carrier)
    return carrier.get(_PARENT)


def under(parent: str) -> Context:
    """The context of a span that another process has named."""
    return _FORM.extract({_PARENT: parent})


@contextmanager
def span(name: str, attributes: Mapping[str, str | int], context: Context | None = None) -> Generator[Span]:
    """A span around what happens inside; errors are told by their code alone, without words that may hold anything."""
    if not are_recorded():
        yield trace.INVALID_SPAN
        return
    tracer = trace.get_tracer("fermata_mcp", __version__)
    with tracer.start_as_current_span(
        name, context=context, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            fail(opened, getattr(error, "code", type(error).__name__))
            raise


def fail(opened: Span, code: object) -> None:
    opened.set_attribute("error.type", str(code))
    opened.set_status(StatusCode.ERROR)


# --- where they go ----------------------------------------------------------------------------------------------------


def wants_export(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for spans to be sent anywhere."""
    if environ.get(DISABLED, "").lower() == "true" or environ.get(EXPORTER, "") == "none":
        return False
    return bool(environ.get(EXPORTER)) or any(environ.get(name) for name in ENDPOINTS)


@contextmanager
def exported(environ: Mapping[str, str]) -> Generator[None]:
    """Send spans where the standard variables say; nothing happens where they say nothing."""
    provider = _provider(environ) if wants_export(environ) and not are_recorded() else None
    if provider is not None:
        trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        if provider is not None:
            provider.force_flush(LAST_SPANS_MS)


def _provider(environ: Mapping[str, str]) -> Any:
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = _exporter(environ.get(EXPORTER) or "otlp")
    except ImportError:
        logger.warning("OTEL_ variables are set, but nothing can send spans; pip install 'fermata-mcp[tracing]'")
        return None
    if exporter is None:
        return None
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "fermata-mcp"}
    provider = TracerProvider(resource=Resource.create(named | {"service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str) -> Any:
    match name:
        case "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
        case "console":
            from opentelemetry.sdk.trace.export import ConsoleSpanExporter

            return ConsoleSpanExporter(out=sys.stderr)  # standard output belongs to the protocol
        case _:
            logger.warning("%s names %r, which is not known here; use otlp, console or none", EXPORTER, name[:40])
            return None
