"""Asking the person before a call that may cost more than the operator lets pass unasked."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from fermata_mcp.domain.errors import OverBudget

from .clients import can_be_asked, is_modern

QUESTION = "confirm_cost"
# A form without fields: accepting is the answer, and takes one key.
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


async def confirm(
    quoted: float, agreed: float | None, limit: float | None, ctx: Context[Any, Any]
) -> InputRequiredResult | None:
    """Nothing once the cost is agreed to, or the question for clients that answer questions by calling again.

    Args:
        quoted: The most that it can cost, in credits.
        agreed: The caller's `max_credits`; one that covers the quote is agreement, for whoever set it thought of it.
        limit: Credits from which on the operator wants a person asked; None for never.

    Raises:
        OverBudget: The person said no, or the client cannot ask; the hint names the cap to pass.
    """
    if limit is None or quoted <= limit or (agreed is not None and agreed >= quoted):
        return None
    question = f"This can cost up to {quoted:g} credits. Go ahead?"
    if not can_be_asked(ctx.client_capabilities):
        raise OverBudget(f"this can cost {quoted:g} credits, which a person must confirm.", _way_out(quoted))
    if is_modern(ctx):
        return _by_calling_again(ctx, question, quoted)
    answer = await ctx.session.elicit_form(question, SCHEMA, related_request_id=ctx.request_context.request_id)
    _weigh(answer, quoted)
    return None


def _by_calling_again(ctx: Context[Any, Any], question: str, quoted: float) -> InputRequiredResult | None:
    answer = (ctx.input_responses or {}).get(QUESTION)
    if isinstance(answer, ElicitResult):
        _weigh(answer, quoted)
        return None
    form = ElicitRequestFormParams(message=question, requested_schema=SCHEMA)
    return InputRequiredResult(input_requests={QUESTION: ElicitRequest(params=form)}, request_state=QUESTION)


def _weigh(answer: ElicitResult, quoted: float) -> None:
    if answer.action != "accept" or (answer.content or {}).get("go_ahead") is False:
        raise OverBudget(f"the person did not agree to {quoted:g} credits; nothing was sent.", _way_out(quoted))


def _way_out(quoted: float) -> str:
    return f"ask the person, then pass max_credits {quoted:g}, or choose provider local."
