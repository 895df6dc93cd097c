"""What is documented to be refused never leaves the house: of each refusal, no provider hears anything."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from emulators.base import Emulator
from emulators.paid import Paid, named
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.engine.service import Service
from support import hosts
from support.asked import begin, chain, extend
from support.engines import House, finished
from support.paid import ALL
from support.processes import write_beat
from support.shop import quick, trading

APIIN = named("apiin")
KIE = named("kie")
PRODUCER = named("musicapi-producer")
SONIC = named("musicapi-sonic")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
LINKS = pytest.mark.parametrize("paid", [SONIC, PRODUCER, SUNOAPI, KIE], ids=lambda one: one.name)
FULL: dict[str, Any] = {"prompt": "p", "style": "s", "title": "t", "continue_at": 10}
SONG = "1b2c3d4e-0000-4abc-8def-0123456789ab"


@dataclass(frozen=True)
class Border:
    service: Service
    emulator: Emulator

    async def refused(self, asked: Any) -> FermataError:
        """The refusal, of which nobody heard and of which nothing was recorded."""
        before = [seen.kind for seen in self.emulator.seen].count("submit")
        with pytest.raises(FermataError) as refusal:
            await begin(self.service, asked)
        assert [seen.kind for seen in self.emulator.seen].count("submit") == before
        assert {seen.kind for seen in self.emulator.seen} <= {"submit", "poll", "audio"}
        return refusal.value


@asynccontextmanager
async def border(house: House, paid: Paid, **settings: Any) -> AsyncGenerator[Border]:
    emulator = quick(paid)
    async with trading(house, paid.family, emulator, uploads=paid.uploads, **settings) as (service, _):
        yield Border(service, emulator)
        assert emulator.violations == []


WRONG: list[tuple[Paid, dict[str, Any], str]] = [
    *((paid, FULL | {"continue_at": 0}, "continue_at") for paid in (SUNOAPI, KIE)),
    (SONIC, {"continue_at": 0}, "continue_at"),
    (APIIN, {"continue_at": 0, "prompt": "p"}, "continue_at"),
    (SUNOAPI, {"options": {"negativeTags": "polka"}}, "prompt, style, title"),
    (KIE, {"options": {"negative_tags": "polka"}}, "prompt, style, title"),
    (APIIN, {"options": {"tags": "polka"}}, "prompt"),
    (SONIC, {"options": {"prompt": "la la"}}, "custom_mode"),
    (SUNOAPI, FULL | {"model": "V4", "style": "x" * 201}, "style"),
    (KIE, FULL | {"model": "V4", "title": "x" * 81}, "title"),
    (SUNOAPI, FULL | {"model": "V4_5ALL", "title": "x" * 81}, "title"),
    (SUNOAPI, FULL | {"options": {"model": "V3_5", "prompt": "x" * 3001}}, "options.prompt"),
    (SONIC, {"model": "sonic-v4", "lyrics": "x" * 3001}, "lyrics"),
    (SONIC, {"options": {"gpt_description_prompt": "x" * 401, "custom_mode": False}}, "gpt_description_prompt"),
    (PRODUCER, {"continue_at": 10, "title": "x" * 81}, "title"),
    (PRODUCER, {"continue_at": 10, "add_seconds": 0.5}, "add_seconds"),
    (PRODUCER, {"continue_at": 10, "options": {"length": 241}}, "240"),
    (SONIC, {"options": {"style_weight": 1.01}}, "style_weight"),
    (SUNOAPI, FULL | {"options": {"audioWeight": -1}}, "audioWeight"),
    (KIE, FULL | {"options": {"audio_weight": -1}}, "audio_weight"),
]


@pytest.mark.parametrize(("paid", "fields", "named"), WRONG, ids=[f"{p.name}-{n}" for p, _, n in WRONG])
async def test_what_the_provider_would_refuse_is_refused_here(
    paid: Paid, fields: dict[str, Any], named: str, house: House
) -> None:
    async with border(house, paid) as at:
        error = await at.refused(extend(**{"source": paid.call["source"], "provider": paid.name} | fields))
    assert error.code == "invalid_request"
    assert named in error.message


@EACH
async def test_prompts_of_a_chain_switch_custom_mode_alone(paid: Paid, house: House) -> None:
    async with border(house, paid) as at:
        asked = chain(**paid.call, provider=paid.name, target_seconds=200, prompts=["one"], dry_run=True)
        if "prompt" not in _fields(at, paid):
            assert "prompt" in (await at.refused(asked)).message
        elif paid in (SUNOAPI, KIE):
            assert "needs continue_at, style, title too" in (await at.refused(asked)).message
        else:
            assert (await at.service.prepare(asked)).task.status == "queued"


@EACH
async def test_a_point_at_the_very_end_of_a_known_clip(paid: Paid, house: House) -> None:
    async with border(house, paid) as at:
        first = await finished(at.service, (await begin(at.service, extend(**paid.call, provider=paid.name))).task)
        end = first.clips[0].duration_seconds
        fields = FULL | {"continue_at": end} if paid in (SUNOAPI, KIE) else {"continue_at": end}
        fields |= {"prompt": "p"} if paid is APIIN else paid.besides
        asked = extend(source=first.id, provider=paid.name, dry_run=True, **fields)
        if at.service.spec(paid.name).point.within == "inside":
            assert "before the end" in (await at.refused(asked)).message
        else:
            assert (await at.service.prepare(asked)).task.status == "queued"


@pytest.mark.parametrize("paid", [SUNOAPI, KIE], ids=lambda one: one.name)
async def test_more_than_a_minute_for_the_short_model(paid: Paid, house: House) -> None:
    write_beat(house.track, 61)
    async with border(house, paid) as at:
        asked = extend(source=str(house.track), provider=paid.name, model="V4_5ALL", dry_run=True)
        assert (await at.refused(asked)).code == "too_large"
        assert (await at.service.prepare(asked.model_copy(update={"model": "V5"}))).task.status == "queued"


@EACH
async def test_everything_is_named_at_once(paid: Paid, house: House) -> None:
    fields = {"options": {"style_weight": 2} if paid is SONIC else {}, "title": "x" * 101, "persona_id": "p"}
    fields |= {"vocal_gender": "m", "add_seconds": 5, "max_credits": 1}
    async with border(house, paid) as at:
        error = await at.refused(extend(source=paid.call["source"], provider=paid.name, **fields))
    assert error.code == "invalid_request"
    named = [name for name in ("persona_id", "vocal_gender", "add_seconds", "title") if name not in _fields(at, paid)]
    for part in (*named, *([] if "title" in named else ["`title` has 101"]), "max_credits 1"):
        assert part in error.message


def _fields(at: Border, paid: Paid) -> set[str]:
    return set(at.service.spec(paid.name).fields)


@EACH
async def test_only_unsupported_names_are_an_unsupported_field(paid: Paid, house: House) -> None:
    value = {"add_seconds": 5, "vocal_gender": "f"}.get(paid.unsupported, "x")
    async with border(house, paid) as at:
        error = await at.refused(extend(**paid.call, provider=paid.name, **{paid.unsupported: value}))
    assert error.code == "unsupported_field"


# --- nothing is nothing -----------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("value", ["", " ", None, [], {}], ids=repr)
async def test_nothing_changes_no_paid_request(paid: Paid, value: Any, house: House) -> None:
    names = ("prompt", "lyrics", "style", "exclude_style", "title", "model", "persona_id", "options", "vocal_gender")
    async with border(house, paid) as at:
        blank = dict.fromkeys(names, value) | {"instrumental": False, "take": value, "stitch": value}
        task = await finished(
            at.service, (await begin(at.service, extend(**{**blank, **paid.call}, provider=paid.name))).task
        )
        assert task.status == "succeeded", task.error
        assert at.emulator.ledger.submits[0]["body"] == paid.seed
        again = await begin(at.service, extend(**paid.call, provider=paid.name))
        assert (again.task.id, again.replayed) == (task.id, "request")


# --- links ------------------------------------------------------------------------------------------------------------

PAGES: dict[str, hosts.Page] = {
    "/page": hosts.answer(b"<!doctype html>", "text/html"),
    "/gone": hosts.answer(b"", None, "410 Gone"),
    "/secret": hosts.answer(b"", None, "403 Forbidden"),
    "/song.wav": hosts.answer(hosts.audio(), "audio/wav"),
    "/later": hosts.answer(b"", None, "503 Later"),
}


def least(paid: Paid, source: str, **more: Any) -> Any:
    return extend(source=source, provider=paid.name, dry_run=True, **more)


@LINKS
@pytest.mark.parametrize(
    ("path", "code"), [("/page", "not_audio"), ("/gone", "invalid_request"), ("/secret", "invalid_request")]
)
async def test_a_link_that_is_no_audio_is_refused(paid: Paid, path: str, code: str, house: House) -> None:
    async with hosts.serving(PAGES) as host, border(house, paid, trusted_hosts=tuple(host.trusted)) as at:
        assert (await at.refused(least(paid, host.url(path)))).code == code
        assert len(host.asked) == 1


@LINKS
@pytest.mark.parametrize("link", ["http://127.0.0.1:9/a.mp3", "https://192.168.0.3/a.mp3", "https://nas.local/a.mp3"])
async def test_a_link_that_only_this_network_could_reach_is_refused(paid: Paid, link: str, house: House) -> None:
    async with border(house, paid) as at:
        assert (await at.refused(least(paid, link))).code == "invalid_request"


@LINKS
@pytest.mark.parametrize("path", ["/later", "/song.wav"])
async def test_a_link_that_may_be_audio_is_passed_on(paid: Paid, path: str, house: House) -> None:
    async with hosts.serving(PAGES) as host, border(house, paid, trusted_hosts=tuple(host.trusted)) as at:
        task = (await begin(at.service, least(paid, host.url(path)))).task
        assert any("may still reach it" in said for said in task.warnings) == (path == "/later")


@LINKS
async def test_a_call_that_repeats_is_not_refused_for_its_link(paid: Paid, house: House) -> None:
    pages = dict(PAGES)
    async with hosts.serving(pages) as host, border(house, paid, trusted_hosts=tuple(host.trusted)) as at:
        asked = extend(source=host.url("/song.wav"), provider=paid.name)
        first = (await begin(at.service, asked)).task
        pages["/song.wav"] = PAGES["/gone"]
        assert (await begin(at.service, asked)).task.id == first.id
        await finished(at.service, first)
        assert (await begin(at.service, asked)).task.id == first.id
        assert (await at.refused(asked.model_copy(update={"take": 2}))).code == "invalid_request"
        house.time.skip(601)
        assert (await at.refused(asked)).code == "invalid_request"


@pytest.mark.parametrize("paid", [SONIC, SUNOAPI, KIE], ids=lambda one: one.name)
async def test_a_song_page_is_taken_as_its_clip(paid: Paid, house: House) -> None:
    async with border(house, paid) as at:
        task = (await begin(at.service, least(paid, f"https://suno.com/song/{SONG}"))).task
        assert task.source.clip == SONG
        assert any(f"clip:{SONG}" in said for said in task.warnings)


@pytest.mark.parametrize("provider", ["local", "musicapi-producer", "apiin"])
async def test_a_song_page_of_another_names_its_clip(provider: str, house: House) -> None:
    async with border(house, SUNOAPI) as at:
        error = await at.refused(extend(source=f"https://suno.com/song/{SONG}", provider=provider))
        assert f"clip:{SONG}" in error.message
        assert f"clip:{SONG}" in error.hint
        assert "sunoapi can" in error.hint
