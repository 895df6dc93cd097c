"""A person whose credits are out is led to where their provider sells them, where the client can open pages."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import ClientCapabilities, ElicitRequest, ElicitRequestURLParams, InputRequiredResult

from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Task
from fermata_mcp.surface.clients import is_modern

QUESTION = "top_up"


async def offer_top_up(task: Task, spec: ProviderSpec, ctx: Context[Any, Any]) -> InputRequiredResult | None:
    """Show the provider's site to whoever has no credits left, or the question for clients that call again.

    Nothing is sent again because of it: that a page was opened does not say that anything was paid.
    """
    if task.error is None or task.error.code != "insufficient_credits" or spec.site is None or not _can_open(ctx):
        return None
    gone = "the credits are used up. Open its site to buy more?"
    message = (
        f"{spec.title} says that {gone if spec.unit == 'credits' else 'nothing is left to pay with. Open its site?'}"
    )
    if not is_modern(ctx):
        await ctx.session.elicit_url(message, spec.site, f"{QUESTION}-{task.id}", ctx.request_context.request_id)
        return None
    page = ElicitRequest(params=ElicitRequestURLParams(message=message, url=spec.site))
    return InputRequiredResult(input_requests={QUESTION: page}, request_state=f"{QUESTION}:{task.id}")


def offered_for(ctx: Context[Any, Any]) -> str | None:
    """The id of the task for which this call brings the answer to the offer; the call asks for nothing else."""
    state = ctx.request_state or ""
    if QUESTION not in (ctx.input_responses or {}) or not state.startswith(f"{QUESTION}:"):
        return None
    return state.removeprefix(f"{QUESTION}:")


def _can_open(ctx: Context[Any, Any]) -> bool:
    capabilities: ClientCapabilities | None = ctx.client_capabilities
    asking = capabilities.elicitation if capabilities else None
    return asking is not None and asking.url is not None
