"""What belongs to another principal cannot be named, wherever an id is written."""

from __future__ import annotations

from fermata_mcp.domain.errors import UnknownTrack
from fermata_mcp.domain.requests.named_ids import named_ids
from fermata_mcp.domain.requests.request import Request
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store


async def check_named(request: Request, principal: str, store: Store, registry: Registry) -> None:
    """Raise UnknownTrack where the options name a clip or a work that no task of this principal's made.

    What stands where an id belongs must be known as theirs; what stands elsewhere must not be known as another's.
    """
    named = named_ids({"persona_id": request.persona_id, "options": request.options})
    if not named:
        return
    asked = {one for value in named for one in value.ids}
    accounts = [registry.get(name).account_id for name in registry.configured()]
    known = await store.whose(asked, providers=registry.names(), accounts=accounts)
    own = {one for one, who in known if who == principal}
    others = {one for one, _ in known} - own
    for value in named:
        if value.ids & others or (value.certain and not value.ids & own):
            raise UnknownTrack(
                f"no task of yours made {value.value:.80}, which options name.",
                "give a tsk_… of list_tasks as source, or leave it out; the operator may name any clip and work.",
            )
