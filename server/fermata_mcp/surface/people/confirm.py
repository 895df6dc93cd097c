"""Asking the person before a call that may cost more than the operator lets pass unasked."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from fermata_mcp.domain.credits import Quote
from fermata_mcp.domain.errors import OverBudget
from fermata_mcp.surface.clients import can_be_asked, is_modern

QUESTION = "confirm_cost"
# A form without fields: accepting is the answer, and takes one key.
NOTHING_TO_FILL_IN: dict[str, Any] = {"type": "object", "properties": {}}


async def confirm(
    quote: Quote, agreed: float | None, limit: float | None, ctx: Context[Any, Any]
) -> InputRequiredResult | None:
    """Nothing once the cost is agreed to, or the question for clients that answer questions by calling again.

    Args:
        agreed: The caller's cap in the quote's unit; one that covers it is agreement, for whoever set it thought of it.
        limit: Credits or dollars from which on the operator wants a person asked; None for never.

    Raises:
        OverBudget: The person said no, or the client cannot ask; the hint names the cap to pass.
    """
    quoted = quote.most
    if limit is None or quoted <= limit or (agreed is not None and agreed >= quoted):
        return None
    question = f"This can cost up to {quote.words}. Go ahead?"
    if not can_be_asked(ctx.client_capabilities):
        raise OverBudget(f"this can cost {quote.words}, which a person must confirm.", _way_out(quote))
    answer = await ask(QUESTION, question, NOTHING_TO_FILL_IN, ctx)
    if isinstance(answer, InputRequiredResult):
        return answer
    _weigh(answer, quote)
    return None


async def ask(
    name: str, question: str, schema: dict[str, Any], ctx: Context[Any, Any]
) -> ElicitResult | InputRequiredResult:
    """What a person answers, or the question for clients that answer questions by calling again."""
    if not is_modern(ctx):
        return await ctx.session.elicit_form(question, schema, related_request_id=ctx.request_context.request_id)
    answer = (ctx.input_responses or {}).get(name)
    if isinstance(answer, ElicitResult):
        return answer
    form = ElicitRequestFormParams(message=question, requested_schema=schema)
    return InputRequiredResult(input_requests={name: ElicitRequest(params=form)}, request_state=name)


def _weigh(answer: ElicitResult, quote: Quote) -> None:
    if answer.action != "accept" or (answer.content or {}).get("go_ahead") is False:
        raise OverBudget(f"the person did not agree to {quote.words}; nothing was sent.", _way_out(quote))


def _way_out(quote: Quote) -> str:
    return f"ask the person, then pass max_{quote.unit} {quote.number}, or choose provider local."
