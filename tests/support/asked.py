"""Requests as a caller would make them."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.requests.fields import raise_all
from fermata_mcp.domain.requests.plan import Plan, plan_of, plan_problems
from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest, Request
from fermata_mcp.domain.requests.wire_request import fill_in, sent_problems
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts
from fermata_mcp.engine.service import Service
from fermata_mcp.store.base import Created


def extend(**fields: Any) -> ExtendRequest:
    return ExtendRequest.model_validate({"source": "/a.wav"} | fields)


def chain(**fields: Any) -> ChainRequest:
    return ChainRequest.model_validate({"source": "/a.wav", "target_seconds": 60} | fields)


async def begin(service: Service, request: Request) -> Created:
    """What a tool does with a request that nobody has to confirm."""
    return await service.start(await service.prepare(request))


def make_plan(request: Request, spec: ProviderSpec, source: SourceFacts) -> Plan:
    """The plan of a request. Raises everything that is wrong with it."""
    raise_all(plan_problems(request, spec, source))
    return plan_of(request, spec, source)


def filled_in(request: Request, spec: ProviderSpec, source: SourceFacts) -> dict[str, Any]:
    """What is sent for a request. Raises everything that the provider would refuse."""
    raise_all(sent_problems(request, spec, source))
    return fill_in(request, spec, source)
