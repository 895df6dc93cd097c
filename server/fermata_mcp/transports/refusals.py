"""Answers of http instead of a service: JSON-RPC errors with a status."""

from __future__ import annotations

from collections.abc import Sequence

from mcp.types import INVALID_REQUEST, JSONRPCError, RequestId
from starlette.responses import Response
from starlette.types import Scope

from fermata_mcp.domain.access.principal import Principal
from fermata_mcp.domain.access.principal import Scope as Needed
from fermata_mcp.domain.errors import ScopeMissing
from fermata_mcp.surface.access.callers import CHALLENGE, PRINCIPAL, Challenge

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


def check_scope(scope: Scope, needed: Needed, request: RequestId | None = None, *, always: bool = False) -> None:
    """Refuse a request whose caller lacks a scope with what their client can ask for more by.

    Args:
        always: Also where there is nobody to ask: else the call is left to say it in its own words.
    """
    who: Principal = scope[PRINCIPAL]
    challenge: Challenge | None = scope.get(CHALLENGE)
    if who.may(needed) or challenge is None or not (always or challenge.can_ask):
        return
    error = refusal(INVALID_REQUEST, str(ScopeMissing(needed)), request)
    raise Refused(403, error, headers={"www-authenticate": challenge.header(needed)})


def too_many(message: str, seconds: int, request: RequestId | None = None) -> Refused:
    """For one of several principals that asks for more than its share."""
    said = f"rate_limited: {message}. Next: wait {seconds} s, or have the operator raise the limit"
    return Refused(429, refusal(BUSY, said, request), headers={"retry-after": str(seconds)})
