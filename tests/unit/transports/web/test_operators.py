"""What operators ask: alive, ready, how much; and who may know."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fermata_mcp.domain.access.principal import Principal
from fermata_mcp.domain.errors import ProviderUnavailable, StoreUnavailable
from fermata_mcp.engine import operating
from fermata_mcp.engine.service import Service
from fermata_mcp.surface.access.callers import PRINCIPAL
from fermata_mcp.transports.web.operators import operator_routes
from support.asked import begin
from support.engines import House, finished
from support.remote import Remote

pytestmark = pytest.mark.anyio
FAR = ("203.0.113.9", 5000)
ADMIN, GUEST = Principal("root", frozenset({"admin"})), Principal("guest", frozenset({"read", "extend", "spend"}))
NAMES = {
    "fermata_tasks", "fermata_credits", "fermata_usd", "fermata_provider_errors", "fermata_hooks",
    "fermata_detection_seconds",
    "fermata_build_info", "fermata_queue_seconds", "fermata_renders", "fermata_waiters",
}  # fmt: skip


@asynccontextmanager
async def asking(
    service: Service, principal: Principal = GUEST, client: tuple[str, int] = ("127.0.0.1", 5000)
) -> AsyncGenerator[httpx.AsyncClient]:
    def identified(route: Route) -> Route:
        app = route.app

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, PRINCIPAL: principal}, receive, send)

        route.app = known
        return route

    app = Starlette(routes=operator_routes(service.operating, identified))
    transport = httpx.ASGITransport(app, client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321") as asked:
        yield asked


def measured(text: str, name: str, **labels: str) -> float:
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return next(one.value for one in families[name].samples if labels.items() <= one.labels.items())


async def test_it_is_alive_and_ready(house: House) -> None:
    async with house.engine() as service, asking(service, client=FAR) as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_it_is_not_ready_once_it_leaves_though_alive(house: House) -> None:
    async with house.engine() as service, asking(service) as client:
        assert (await client.get("/readyz")).status_code == 200
        service.changes.drain()
        told = await client.get("/readyz")
        assert (told.status_code, told.json()) == (503, {"status": "unready", "reasons": ["it is leaving"]})
        assert (await client.get("/healthz")).status_code == 200


async def test_what_is_wrong_is_told_without_secrets(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise StoreUnavailable("the task database is locked.")

    async def hanging() -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(operating, "CHECK_SECONDS", 0.05)
    async with house.engine() as service, asking(service) as client:
        service.operating.also_check("objects", broken)
        service.operating.also_check("links", hanging)
        told = await client.get("/readyz")
        assert told.status_code == 503
        assert told.json()["reasons"] == ["objects: the task database is locked.", "links: no answer within 0.05 s"]


async def test_figures_can_be_read_by_prometheus(house: House, remote: Remote) -> None:
    async with house.engine() as service, asking(service) as client:
        task = (await begin(service, house.request())).task
        assert (await finished(service, task)).status == "succeeded"
        dear = (await begin(service, house.request(provider="paid-usd"))).task
        await finished(service, dear)
        told = await client.get("/metrics")
        assert told.headers["content-type"].startswith("text/plain")
        text = told.text
        assert {family.name for family in text_string_to_metric_families(text)} == NAMES
        assert measured(text, "fermata_tasks", state="succeeded") == 2
        assert measured(text, "fermata_tasks", state="running") == 0
        assert measured(text, "fermata_credits", kind="hold", provider="paid") == 10
        assert measured(text, "fermata_credits", kind="charge", provider="paid") == 10
        assert measured(text, "fermata_usd", kind="charge", provider="paid-usd") == 0.0488
        assert 'fermata_credits_total{kind="charge",provider="paid"} 10.0' in text
        assert 'fermata_detection_seconds_bucket{le="+Inf"} 2.0' in text
        assert measured(text, "fermata_waiters") == 0


async def test_what_goes_wrong_at_a_provider_is_counted(house: House, remote: Remote) -> None:
    remote.readings.append(ProviderUnavailable("away."))
    async with house.engine() as service, asking(service) as client:
        await finished(service, (await begin(service, house.request())).task)
        text = (await client.get("/metrics")).text
        assert measured(text, "fermata_provider_errors", provider="paid", code="provider_unavailable") == 1


@pytest.mark.parametrize(
    ("principal", "client", "headers", "status"),
    [
        (GUEST, ("127.0.0.1", 1), {}, 200),
        (GUEST, ("::1", 1), {"host": "localhost:8321"}, 200),
        (GUEST, FAR, {}, 403),
        (ADMIN, FAR, {}, 200),
        (GUEST, ("127.0.0.1", 1), {"x-forwarded-for": "203.0.113.9"}, 403),
        (GUEST, ("127.0.0.1", 1), {"host": "music.example"}, 403),
        (ADMIN, ("127.0.0.1", 1), {"host": "music.example", "via": "1.1 proxy"}, 200),
    ],
)
async def test_figures_are_for_this_machine_and_for_admins(
    house: House, principal: Principal, client: tuple[str, int], headers: dict[str, str], status: int
) -> None:
    async with house.engine() as service, asking(service, principal, client) as asked:
        assert (await asked.get("/metrics", headers=headers)).status_code == status
