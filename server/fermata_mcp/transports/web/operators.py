"""For whoever operates the server: is it alive, can it serve, and how much of everything is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fermata_mcp import __version__
from fermata_mcp.domain.foreign.address import is_this_machine
from fermata_mcp.engine.operating import Operating
from fermata_mcp.surface.access.callers import principal_of
from fermata_mcp.transports.guard import LOCAL_HOSTS

MISSING = "metrics are not installed here. Next: pip install 'fermata-mcp[metrics]'"
REFUSED = "metrics are for this machine itself, or a token with the scope admin"
# What a proxy adds: then the nearest address is the proxy's, and says nothing.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_NOT_STORED = {"cache-control": "no-store"}
Identified = Callable[[Route], Route]


def operator_routes(operating: Operating | None, identified: Identified) -> list[Route]:
    """`/healthz`, and with an engine `/readyz` and `/metrics`; `identified` lets only known callers through."""
    routes = [Route("/healthz", _healthy, methods=["GET"])]
    if operating is None:
        return routes

    async def ready(_: Request) -> Response:
        troubles = await operating.troubles()
        told = {"status": "unready", "reasons": list(troubles)} if troubles else {"status": "ready"}
        return JSONResponse(told, 503 if troubles else 200, _NOT_STORED)

    async def metrics(request: Request) -> Response:
        if not (_is_near(request) or principal_of(request).may("admin")):
            return PlainTextResponse(REFUSED, 403)
        try:
            body, kind = await _exposed(operating, request.headers.get("accept", ""))
        except ImportError:
            return PlainTextResponse(MISSING, 501)
        return Response(body, headers=_NOT_STORED | {"content-type": kind})

    near, far = Route("/metrics", metrics, methods=["GET"]), identified(Route("/metrics", metrics, methods=["GET"]))
    return [*routes, Route("/readyz", ready, methods=["GET"]), Route("/metrics", _Either(near.app, far.app))]


class _Either:
    """One app for requests from this machine, another for all others."""

    def __init__(self, near: ASGIApp, far: ASGIApp) -> None:
        self._near, self._far = near, far

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._near if _is_near(Request(scope)) else self._far
        await app(scope, receive, send)


async def _healthy(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})


def _is_near(request: Request) -> bool:
    """Whether it comes from this machine, and not from afar through a proxy on it."""
    name = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    forwarded = any(header in request.headers for header in _FORWARDED)
    return (
        not forwarded and name.lower() in LOCAL_HOSTS and is_this_machine(request.client.host if request.client else "")
    )


async def _exposed(operating: Operating, accepted: str) -> tuple[bytes, str]:
    """In the form that is asked for. Raises ImportError where the extra is missing."""
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import CollectorRegistry

    families = [*await _families(operating)]

    class _AsNow:
        def collect(self) -> Iterator[Any]:
            return iter(families)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_AsNow())
    encode, kind = choose_encoder(accepted)
    return encode(registry), kind


async def _families(operating: Operating) -> list[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    figures, meter = await operating.figures(), operating.meter
    tasks = GaugeMetricFamily("fermata_tasks", "Tasks in the store, the same from every process.", labels=["state"])
    for status, count in figures.tasks.items():
        tasks.add_metric([status], count)
    # One family a unit, so that no sum over one adds credits to dollars.
    credits = CounterMetricFamily("fermata_credits", "Credits booked by this process.", labels=["kind", "provider"])
    dollars = CounterMetricFamily("fermata_usd", "US dollars booked by this process.", labels=["kind", "provider"])
    for family, booked in ((credits, meter.money_in("credits")), (dollars, meter.money_in("usd"))):
        for labels, amount in booked.items():
            family.add_metric(list(labels), amount)
    errors = CounterMetricFamily(
        "fermata_provider_errors", "Requests and work that failed at a provider.", labels=["provider", "code"]
    )
    for labels, count in meter.errors.items():
        errors.add_metric(list(labels), count)
    hooks = CounterMetricFamily(
        "fermata_hooks", "Posts of providers, by what became of them.", labels=["provider", "fate"]
    )
    for (provider, fate), count in meter.hooks.items():
        hooks.add_metric([provider, fate], count)
    seen = meter.detection
    detection = HistogramMetricFamily("fermata_detection_seconds", "The most that finished work went unnoticed.")
    detection.add_metric([], _cumulated(seen.bounds, seen.counts), seen.sum)
    build = GaugeMetricFamily("fermata_build_info", "Which version this is.", labels=["version"])
    build.add_metric([__version__], 1)
    return [
        tasks, credits, dollars, errors, hooks, detection, build,
        GaugeMetricFamily("fermata_queue_seconds", "Age of the oldest step that is due and not begun.",
                          value=figures.queued_seconds),
        GaugeMetricFamily("fermata_renders", "Local renders that this process carries out.", value=figures.renders),
        GaugeMetricFamily("fermata_waiters", "Calls that wait in this process.", value=figures.waiters),
    ]  # fmt: skip


def _cumulated(bounds: tuple[float, ...], counts: list[int]) -> list[tuple[str, float]]:
    names = [*(f"{bound:g}" if bound != int(bound) else f"{bound:.1f}" for bound in bounds), "+Inf"]
    return [(name, float(sum(counts[: index + 1]))) for index, name in enumerate(names)]
