"""Requests as a caller would make them."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest


def extend(**fields: Any) -> ExtendRequest:
    return ExtendRequest.model_validate({"source": "/a.wav"} | fields)


def chain(**fields: Any) -> ChainRequest:
    return ChainRequest.model_validate({"source": "/a.wav", "target_seconds": 60} | fields)
