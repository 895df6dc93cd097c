"""Spans, by OpenTelemetry's API alone: without its SDK they cost next to nothing and go nowhere.

What a task belongs to is kept with it (`traceparent`), so that a step in another process joins the same trace.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fermata_mcp import __version__
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.store.base import Store

_PARENT = "traceparent"
_FORM = TraceContextTextMapPropagator()
Attributes = Mapping[str, str | int]


def current_parent() -> str | None:
    """What names the span that is open here to other processes; None where nobody traces."""
    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        _FORM.inject(carrier)
    return carrier.get(_PARENT)


def traces() -> bool:
    """Whether an SDK is there, so that it is worth a look into the store."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


async def context_of(task_id: str, store: Store) -> Context | None:
    """The trace of a task, where anybody traces and it is not the open one already."""
    if not traces() or trace.get_current_span().get_span_context().is_valid:
        return None
    with suppress(FermataError):
        parent = await store.trace_of(task_id)
        return _FORM.extract({_PARENT: parent}) if parent else None
    return None


async def keep_trace(task_id: str, store: Store) -> None:
    """Remember the open trace with a new task; what cannot be remembered is only not traced."""
    parent = current_parent() if traces() else None
    if parent is not None:
        with suppress(FermataError):
            await store.keep_trace(task_id, parent)


@contextmanager
def span(name: str, attributes: Attributes, context: Context | None = None) -> Generator[Span]:
    """A span around what happens inside; errors are told by their kind, without words that may hold anything."""
    tracer = trace.get_tracer("fermata_mcp", __version__)
    with tracer.start_as_current_span(
        name, context=context, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            fail(opened, getattr(error, "code", type(error).__name__))
            raise


def fail(opened: Span, code: str) -> None:
    opened.set_attribute("error.type", str(code))
    opened.set_status(StatusCode.ERROR)
