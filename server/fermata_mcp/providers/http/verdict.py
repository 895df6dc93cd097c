"""What an answer means that is no success: a refusal, nothing certain, or a reason not to know anything now."""

from __future__ import annotations

from fermata_mcp.domain.errors import (
    AuthenticationFailed,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedResponse,
    error_from,
)
from fermata_mcp.domain.spec import ProviderSpec, Refusal
from fermata_mcp.providers.base import Refused, Submitted, Unclear

from .wire import Answer
from .words import about_money, named_id

RETRY_SECONDS = 10.0


def not_accepted(answer: Answer, told: Refusal | None, spec: ProviderSpec) -> Submitted:
    """What a submit came to that names no work.

    Args:
        told: What the adapter reads in the answer's words.
    """
    refusal = _refusal(answer, told, spec)
    if refusal is None:
        named = named_id(answer.body)
        beside = f"beside the id {named}: {answer.message()}" if named else "without a task id"
        return Unclear(f"{spec.name} answered {answer.code()} {beside}")
    error = error_from(refusal.code, f"{spec.name} refused: {answer.message().rstrip('.')}.", refusal.hint)
    return Refused(error, (answer.retry_after or RETRY_SECONDS) if refusal.later else None)


def _refusal(answer: Answer, told: Refusal | None, spec: ProviderSpec) -> Refusal | None:
    """What the provider documents, else what HTTP itself says about a request that was not taken on."""
    code = answer.code()
    if code == 429 and about_money(answer.message()):
        return Refusal("insufficient_credits")
    if told is not None or code in spec.refusals:
        return told or spec.refusals[code]
    return None if named_id(answer.body, strictly=True) else _refusal_of_http(code, answer)


def _refusal_of_http(code: int, answer: Answer) -> Refusal | None:
    if code == 503 and answer.retry_after is not None:
        return Refusal("provider_unavailable", later=True)
    if code == 429:
        return Refusal("rate_limited", later=True)
    return Refusal("invalid_request") if 400 <= code < 500 and code != 408 else None


def reading_error(answer: Answer, spec: ProviderSpec) -> ProviderError:
    """Why an answer that was asked for for free says nothing."""
    error = _kind_of_trouble(answer.code(), spec)(f"{spec.name}: {answer.message()}.")
    error.retry_after = answer.retry_after
    return error


def _kind_of_trouble(code: int, spec: ProviderSpec) -> type[ProviderError]:
    refusal = spec.refusals.get(code)
    if code == 401:
        return AuthenticationFailed
    if code == 429 or (refusal and refusal.later):
        return RateLimited
    return ProviderUnavailable if code >= 500 else UnexpectedResponse
