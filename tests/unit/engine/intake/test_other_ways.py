"""What a refusal offers instead is what helps, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.intake.other_ways import brief, with_ways
from fermata_mcp.engine.service import Service
from support.asked import chain, extend
from support.engines import House

pytestmark = pytest.mark.anyio
KEY: dict[str, Any] = {"sunoapi_api_key": "k", "sunoapi_base_url": "http://127.0.0.1:9"}
CLIP = "clip:0f0e1b1f-1d0e-4f0e-8f0e-0123456789ab"


async def tried(service: Service, house: House, **fields: Any) -> Task:
    kind = chain if "target_seconds" in fields else extend
    return (await service.prepare(kind(**({"source": str(house.track), "dry_run": True} | fields)))).task


async def refused(service: Service, house: House, **fields: Any) -> FermataError:
    with pytest.raises(FermataError) as refusal:
        await tried(service, house, **fields)
    return refusal.value


def test_other_providers_are_spoken_of_once_and_only_where_there_are_some() -> None:
    error = InvalidRequest("no.", "do a, or choose another provider; do b, or choose another provider.")
    assert with_ways(error, "").hint == "do a; do b."
    assert with_ways(error, "local can").hint == "do a; do b, or choose another provider: local can."
    assert brief("leave x out (p takes a, b; options: c (d, e)), or choose another provider.") == "leave x out"


async def test_a_clip_without_a_key_asks_for_a_key_and_not_for_less(house: House) -> None:
    async with house.engine() as service:
        error = await refused(service, house, source=CLIP, prompt="guitar solo")
    assert "prompt" not in str(error)
    assert "sunoapi could with SUNOAPI_API_KEY set" in error.hint


async def test_a_chain_that_comes_nowhere_near_is_not_paid_for_unasked(house: House) -> None:
    async with house.engine(**KEY) as service:
        task = await tried(service, house, target_seconds=36000)
        assert (task.provider, task.quote.high) == ("local", 0)
        assert "sunoapi would stop far before the target" in (task.source.chosen or "")
        named = await tried(service, house, target_seconds=36000, provider="sunoapi")
        assert any("short of the 36000 s" in said for said in named.warnings)
        assert (await tried(service, house, target_seconds=36000, max_steps=3)).provider == "sunoapi"


async def test_nobody_is_named_who_could_not_reach_a_target(house: House) -> None:
    async with house.engine() as service:
        assert "could with" not in (await refused(service, house, target_seconds=86400)).hint


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        ("a perfect loop", '{"ending": "loop"}'),
        ("fade out", '{"ending": "fade"}'),
        ("longer intro", '{"part": "intro"}'),
    ],
)
async def test_what_a_free_provider_does_exactly_is_told_beside_a_paid_one(
    house: House, prompt: str, options: str
) -> None:
    async with house.engine(**KEY) as service:
        error = await refused(service, house, prompt=prompt)
        assert f"with provider local and options {options}" in error.hint
        assert "provider local" not in (await refused(service, house, prompt="more drums")).hint


async def test_an_ending_in_words_is_warned_of_before_it_is_paid_for(house: House) -> None:
    async with house.engine(**KEY) as service:
        task = await tried(service, house, prompt="seamless loop", style="ambient")
        assert any("only as words" in said and '"ending": "loop"' in said for said in task.warnings)
        plain = await tried(service, house, prompt="strings", style="ambient")
        assert not any("only as words" in said for said in plain.warnings)


async def test_an_option_of_local_alone_is_why_it_was_chosen(house: House) -> None:
    async with house.engine(**KEY) as service:
        assert (await tried(service, house, options={"ending": "loop"})).source.chosen == (
            "local: it alone knows options.ending"
        )


async def test_where_several_cannot_each_is_told_what_would_help(house: House) -> None:
    async with house.engine(**KEY) as service:
        hint = (await refused(service, house, prompt="strings", add_seconds=45)).hint
    assert "provider sunoapi: leave add_seconds out; add style" in hint
    assert "provider local: leave prompt out" in hint


async def test_a_missing_key_names_those_that_are_ready(house: House) -> None:
    async with house.engine(**KEY) as service:
        assert "or use provider sunoapi or local" in (await refused(service, house, provider="kie")).hint
