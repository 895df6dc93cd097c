"""Whatever a person asks of a chain is sent with every extension, or a warning says which go without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulators.audio import origin
from emulators.paid import Paid, named
from fermata_mcp.domain.task import Task
from fermata_mcp.providers.suno import kie, sunoapi
from support.asked import begin, chain
from support.engines import House, finished
from support.shop import trading

KIE = named("kie")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio
SOURCE_SECONDS, ADDS_SECONDS = 20.0, 10.0
SPECS = {"sunoapi": sunoapi.SPEC, "kie": kie.SPEC}
ASKED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no voice": {"instrumental": True, "style": "calm", "title": "Song"},
    "no voice, said in words": {"instrumental": True, "style": "calm", "title": "Song", "prompt": "go on"},
    "all of custom mode": {"style": "calm", "title": "Song", "prompt": "go on", "exclude_style": "drums"},
    "a prompt for each": {"style": "calm", "title": "Song", "prompts": ["one", "two", "three"]},
    "an option": {"options": {"vocalGender": "f"}, "style": "calm", "title": "Song", "prompt": "go on"},
}


async def bought(paid: Paid, house: House, asked: dict[str, Any]) -> tuple[Task, list[Any]]:
    """A chain of three extensions of a file, and the bodies that were paid for."""
    emulator = paid.emulator("key")
    emulator.adds_seconds, emulator.audio_format = ADDS_SECONDS, "wav"
    house.track.write_bytes(emulator.studio.render(origin("song", SOURCE_SECONDS), "wav"))
    wanted = chain(source=str(house.track), provider=paid.name, target_seconds=42, max_steps=3, **asked)
    async with trading(house, paid.family, emulator, uploads=True) as (service, _):
        task = await finished(service, (await begin(service, wanted)).task, 30)
    assert emulator.violations == []
    return task, [submit["body"] for submit in emulator.ledger.submits]


# What a provider refuses before anything is paid is no case for it.
CASES = [(SUNOAPI, what) for what in ASKED] + [
    (KIE, what) for what in ("nothing", "no voice", "all of custom mode", "a prompt for each")
]


@pytest.mark.parametrize(("paid", "what"), CASES, ids=lambda one: one if isinstance(one, str) else one.name)
async def test_it_is_sent_with_every_extension_or_told(paid: Paid, what: str, house: House) -> None:
    asked = ASKED[what]
    task, bodies = await bought(paid, house, asked)
    assert (task.status, len(bodies)) == ("succeeded", 3), (task.warnings, task.error)
    told = [said for said in task.warnings if said.startswith("The further extensions go without")]
    assert len(told) <= 1
    for name in asked.keys() - {"options", "prompts"}:
        wire = f'"{SPECS[paid.name].fields[name].wire}"'
        carried = all(wire in json.dumps(body) for body in bodies[1:])
        assert carried != any(name in said for said in told), name


async def test_a_point_among_the_options_is_one_of_the_first_clip(house: House) -> None:
    asked = {"style": "calm", "title": "Song", "prompt": "go on", "options": {"continueAt": 12.5}}
    _, bodies = await bought(SUNOAPI, house, asked)
    points = [body["continueAt"] for body in bodies]
    assert points[0] == 12.5
    assert points == sorted(set(points))
