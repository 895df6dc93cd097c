"""Answers of http instead of a service: JSON-RPC errors with a status."""

from __future__ import annotations

from collections.abc import Sequence

from mcp.types import INVALID_REQUEST, JSONRPCError, RequestId
from starlette.responses import Response

from .messages import BUSY, on_the_wire, refusal

RETRY = {"retry-after": "1"}


class Refused(Exception):
    """An answer instead of a service."""

    def __init__(self, status: int, *errors: JSONRPCError, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = error_response(status, errors, headers)


def refused(
    status: int, message: str, code: int = INVALID_REQUEST, request: RequestId | None = None, **headers: str
) -> Refused:
    return Refused(status, refusal(code, message, request), headers=headers)


def busy(message: str, request: RequestId | None = None) -> Refused:
    return Refused(503, refusal(BUSY, message, request), headers=RETRY)


def error_response(status: int, errors: Sequence[JSONRPCError], headers: dict[str, str] | None = None) -> Response:
    """One error as itself, several (of a batch) as a list."""
    written = [on_the_wire(error) for error in errors]
    body = written[0] if len(written) == 1 else b"[%b]" % b",".join(written)
    return Response(body, status, headers, "application/json")


def too_many(message: str, seconds: int, request: RequestId | None = None) -> Refused:
    """For one of several principals that asks for more than its share."""
    said = f"rate_limited: {message}. Next: wait {seconds} s, or have the operator raise the limit"
    return Refused(429, refusal(BUSY, said, request), headers={"retry-after": str(seconds)})
