"""Which provider carries out a request that names none, what is told of it, and what a refusal offers instead."""

from __future__ import annotations

from typing import Any

import pytest

from fermata_mcp.domain.errors import FermataError, UnknownTrack
from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.engine.intake import sources
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.http.client import HttpProvider
from support import hosts
from support.asked import begin, chain, extend
from support.engines import House, finished
from support.processes import write_beat

pytestmark = pytest.mark.anyio
KEYS: dict[str, dict[str, Any]] = {name: {f"{name}_api_key": "k"} for name in ("musicapi", "sunoapi", "kie", "apiin")}
NOWHERE: dict[str, Any] = {f"{name}_base_url": "http://127.0.0.1:9" for name in KEYS}
ALL_KEYS: dict[str, Any] = {name: "k" for keys in KEYS.values() for name in keys}


async def tried(service: Service, house: House, **fields: Any) -> Task:
    """What would be done; nothing is sent."""
    kind = chain if "target_seconds" in fields else extend
    return (await service.prepare(kind(**({"source": str(house.track), "dry_run": True} | fields)))).task


async def refusal(service: Service, house: House, **fields: Any) -> FermataError:
    with pytest.raises(FermataError) as refused:
        await tried(service, house, **fields)
    return refused.value


@pytest.mark.parametrize(
    ("keys", "fields", "provider"),
    [
        ({}, {}, "local"),
        (KEYS["musicapi"], {}, "local"),
        (KEYS["apiin"], {}, "local"),
        (KEYS["sunoapi"], {}, "sunoapi"),
        (KEYS["musicapi"] | KEYS["kie"], {}, "kie"),
        (ALL_KEYS, {}, "sunoapi"),
        (ALL_KEYS, {"options": {"ending": "fade"}}, "local"),
        (ALL_KEYS, {"options": {"personaModel": "voice_persona"}}, "sunoapi"),
        (ALL_KEYS, {"add_seconds": 20}, "local"),
        (ALL_KEYS, {"continue_at": 3}, "local"),
        (ALL_KEYS, {"continue_at": 0, "add_seconds": 20}, "local"),
        (ALL_KEYS, {"title": "Mine"}, "local"),
        (ALL_KEYS, {"max_credits": 0}, "local"),
        (ALL_KEYS, {"lyrics": "la", "style": "jazz"}, "sunoapi"),
        (ALL_KEYS, {"source": "clip:abc"}, "musicapi-sonic"),
        (ALL_KEYS, {"source": "clip:gen123/0"}, "apiin"),
        (ALL_KEYS, {"source": "clip:abc", "continue_at": 9, "add_seconds": 20}, "musicapi-producer"),
        (KEYS["musicapi"] | KEYS["sunoapi"], {"options": {"ending": "fade", "part": "outro"}}, "local"),
        (KEYS["kie"], {"source": "clip:abc", "prompt": "p", "style": "s", "title": "t", "continue_at": 9}, "kie"),
    ],
)
async def test_the_first_that_can_take_it(
    keys: dict[str, Any], fields: dict[str, Any], provider: str, house: House
) -> None:
    async with house.engine(**keys, **NOWHERE) as service:
        task = await tried(service, house, **fields)
    assert task.provider == provider
    assert (task.source.chosen or "").startswith(f"{provider}: ")


async def test_a_source_that_is_too_long_for_the_first_goes_to_the_next(house: House) -> None:
    write_beat(house.track, 481)
    async with house.engine(**KEYS["sunoapi"], **NOWHERE) as service:
        task = await tried(service, house)
        assert task.provider == "local"
        assert "480" in (task.source.chosen or "")
        error = await refusal(service, house, provider="sunoapi")
        assert error.code == "too_large"
        assert "local can" in error.hint


@pytest.mark.parametrize(
    ("default", "fields", "provider", "told"),
    [
        ("local", {}, "local", "FERMATA_DEFAULT_PROVIDER"),
        ("kie", {}, "kie", "FERMATA_DEFAULT_PROVIDER"),
        ("musicapi-sonic", {}, "sunoapi", "musicapi-sonic cannot take a file"),
        ("kie", {"add_seconds": 20}, "local", "kie cannot use add_seconds"),
    ],
)
async def test_the_operators_choice_comes_first_if_it_can(
    default: str, fields: dict[str, Any], provider: str, told: str, house: House
) -> None:
    async with house.engine(default_provider=default, **ALL_KEYS, **NOWHERE) as service:
        task = await tried(service, house, **fields)
    assert task.provider == provider
    assert told in (task.source.chosen or "")


async def test_a_default_without_its_key_is_passed_over_and_said(house: House) -> None:
    async with house.engine(default_provider="kie") as service:
        task = await tried(service, house)
    assert task.source.chosen == "local: it takes a file; kie, the default, has no key"


async def test_a_named_provider_needs_no_reason(house: House) -> None:
    async with house.engine() as service:
        assert (await tried(service, house, provider="local")).source.chosen is None
        assert (await tried(service, house)).source.chosen == "local: it takes a file; no key is set"


async def test_why_is_no_part_of_what_is_asked(house: House) -> None:
    async with house.engine() as service:
        one = (await begin(service, extend(source=str(house.track), provider="local"))).task
        other = await begin(service, extend(source=str(house.track)))
        assert (other.task.id, other.replayed) == (one.id, "request")
        await finished(service, one)


async def test_the_result_says_which_and_why(house: House) -> None:
    async with house.server() as client:
        result = await client.call_tool("extend_track", {"source": str(house.track), "dry_run": True})
        assert result.structured_content is not None
        assert result.structured_content["provider_reason"] == "local: it takes a file; no key is set"
        assert "Provider local: it takes a file; no key is set." in str(result.content)


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_a_form_that_cannot_be_taken_names_who_could(house: House) -> None:
    async with house.engine(**KEYS["kie"], **NOWHERE) as service:
        error = await refusal(service, house, provider="musicapi-sonic")
        assert error.code == "invalid_request"
        assert "cannot take a file" in error.message
        assert "kie, local can; sunoapi could with SUNOAPI_API_KEY set" in error.hint


async def test_a_field_that_cannot_be_used_names_who_could(house: House) -> None:
    async with house.engine() as service:
        error = await refusal(service, house, lyrics="la", style="s")
        assert error.code == "unsupported_field"
        assert "lyrics, style" in error.message
        assert "sunoapi could with SUNOAPI_API_KEY set; kie could with KIE_API_KEY set" in error.hint
        assert "musicapi" not in error.hint


async def test_where_none_can_each_says_why(house: House) -> None:
    async with house.engine(**KEYS["musicapi"], **NOWHERE) as service:
        error = await refusal(service, house, lyrics="la")
        for part in ("musicapi-sonic cannot take a file", "musicapi-producer cannot take", "local cannot use lyrics"):
            assert part in error.message
        assert "SUNOAPI_API_KEY" in error.hint


async def test_a_value_that_is_wrong_everywhere_is_told_of_one(house: House) -> None:
    async with house.engine(**KEYS["musicapi"], **NOWHERE) as service:
        error = await refusal(service, house, source="clip:abc", continue_at=9, title="x" * 81)
        assert "`title` has 81 characters; musicapi-sonic takes at most 80" in error.message


async def test_a_clip_without_any_key_names_the_keys(house: House) -> None:
    async with house.engine() as service:
        error = await refusal(service, house, source="clip:abc")
        assert "local cannot take a clip" in error.message
        for variable in ("MUSICAPI_API_KEY", "SUNOAPI_API_KEY", "KIE_API_KEY"):
            assert variable in error.hint
        assert "APIIN_API_KEY" not in error.hint


# --- tasks, links and clips -------------------------------------------------------------------------------------------


async def test_a_saved_file_of_an_earlier_task_is_a_file(house: House) -> None:
    async with house.engine(**ALL_KEYS, **NOWHERE) as service:
        asked = extend(source=str(house.track), provider="local", add_seconds=2)
        first = await finished(service, (await begin(service, asked)).task)
        again = await tried(service, house, source=first.id)
        assert (again.provider, again.source.file) == ("sunoapi", first.clips[0].file)
        error = await refusal(service, house, source=first.id, provider="musicapi-sonic")
        assert "another provider's task" in error.message
        assert "kie, local can" in error.hint


async def test_a_link_is_for_local_too(house: House) -> None:
    page = hosts.answer(hosts.audio("FLAC"), "application/octet-stream")
    async with hosts.serving(page) as host, house.engine(trusted_hosts=tuple(host.trusted)) as service:
        task = await tried(service, house, source=host.url("/My%20Song?sig=1"), add_seconds=20)
        assert task.provider == "local"
        assert (task.source.duration_seconds, task.source.audio_url) == (None, task.source.url)
        assert task.source.suffix == ".flac"
        assert any("once the work starts" in said for said in task.warnings)


async def test_a_link_that_cannot_be_reached_is_no_work_for_local(house: House) -> None:
    page = hosts.answer(b"", None, "503 Later")
    async with hosts.serving(page) as host, house.engine(trusted_hosts=tuple(host.trusted)) as service:
        assert (await refusal(service, house, source=host.url())).code == "provider_unavailable"


async def test_the_provider_is_asked_about_a_clip_that_we_do_not_know(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_clip(_: HttpProvider, clip_id: str) -> Clip | None:
        if clip_id == "gone":
            raise UnknownTrack("there is no such clip.")
        return Clip(duration_seconds=42.0, title="T", model="V4", url="https://a.test/c.mp3")

    monkeypatch.setattr(HttpProvider, "find_clip", find_clip)
    async with house.engine(**KEYS["kie"], **NOWHERE) as service:
        source = (await tried(service, house, source="clip:abc")).source
        assert (source.duration_seconds, source.title, source.model) == (42.0, "T", "V4")
        assert source.audio_url == "https://a.test/c.mp3"
        assert (await refusal(service, house, source="clip:gone")).code == "unknown_track"


async def test_a_provider_that_cannot_be_asked_is_no_obstacle(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find_clip(_: HttpProvider, clip_id: str) -> Clip | None:
        await sources.anyio.sleep_forever()

    monkeypatch.setattr(HttpProvider, "find_clip", find_clip)
    monkeypatch.setattr(sources, "CLIP_SECONDS", 0.05)
    async with house.engine(**KEYS["kie"], **NOWHERE) as service:
        assert (await tried(service, house, source="clip:abc")).source.duration_seconds is None
