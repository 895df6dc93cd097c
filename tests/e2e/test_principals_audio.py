"""Uploads, links, posts and a provider's own ids: what is another's is answered as what never was."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp.client import Client

from support.engines import text_of
from support.music import silence
from support.remote import Remote
from support.team import ANNA, BERT, Team, team

pytestmark = pytest.mark.anyio
NOBODYS = "0" * 32
PUBLIC = "https://music.example.org"
TOOLS: dict[str, dict[str, Any]] = {
    "extend_track": {"add_seconds": 2}, "chain_extend": {"target_seconds": 9},
}  # fmt: skip
# How somebody asks for the state of an upload, goes on with it, or begins it.
WAYS: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "begin": ("PUT", b"x" * 100, {}),
    "go on": ("PUT", b"x" * 60, {"content-range": "bytes 40-99/100"}),
    "ask": ("PUT", b"", {"content-range": "bytes */100"}),
    "head": ("HEAD", b"", {}),
}


@dataclass
class Line:
    """Two people on one server: anna has uploads, a free and a paid result; bert looks for them."""

    team: Team
    whole: str
    part: dict[str, Any]
    task: dict[str, Any]
    paid: dict[str, Any]

    @property
    def clip(self) -> str:
        return self.paid["clips"][0]["provider_clip_id"]

    async def attempt(self) -> tuple[str, str]:
        """Of the paid task: its id here, and that of its work at the provider."""
        store = self.team.app.service._store  # pyright: ignore[reportPrivateUsage]
        task = await store.get(self.paid["task_id"])
        assert task is not None
        [attempt] = await store.attempts(task.steps[0].id)
        assert attempt.remote_id is not None
        return attempt.id, attempt.remote_id


async def announced(http: httpx2.AsyncClient, size: int, name: str = "song.wav") -> dict[str, Any]:
    answer = await http.post("/uploads", json={"name": name, "size": size, "resumable": True})
    assert answer.status_code == 201, answer.text
    return answer.json()


def here(url: str) -> str:
    """The path of an address of the server, by whatever name it goes."""
    return urlsplit(url).path


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: Remote) -> AsyncGenerator[Line]:
    track = silence(tmp_path / "song.wav")
    async with team(tmp_path, monkeypatch, public_url=PUBLIC) as at, at.client(ANNA) as anna, at.http(ANNA) as http:
        song = track.read_bytes()
        whole, part = await announced(http, len(song)), await announced(http, 100)
        assert (await http.put(here(whole["put_url"]), content=song)).status_code == 201
        begun = await http.put(here(part["put_url"]), content=b"x" * 40, headers={"content-range": "bytes 0-39/100"})
        assert begun.status_code == 308
        made = await anna.call_tool(
            "extend_track", {"source": whole["upload"], "provider": "local", "add_seconds": 2, "wait_seconds": 60}
        )
        paid = await anna.call_tool("extend_track", {"source": str(track), "provider": "paid", "wait_seconds": 60})
        assert made.structured_content is not None, made
        assert paid.structured_content is not None, paid
        assert made.structured_content["status"] == paid.structured_content["status"] == "succeeded", (made, paid)
        yield Line(at, whole["upload"], part, made.structured_content, paid.structured_content)


async def refusal(client: Client, tool: str, id_: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    return text_of(result).replace(id_, "ID")


async def test_anothers_upload_is_no_source(line: Line) -> None:
    async with line.team.client(BERT) as bert:
        for tool, provider, dry in product(TOOLS, (None, "local", "paid"), (True, False)):
            said = {
                await refusal(bert, tool, one, source=one, provider=provider, dry_run=dry, **TOOLS[tool])
                for one in (line.whole, line.part["upload"], f"upl_{NOBODYS}")
            }
            assert len(said) == 1, said
            assert "ID" in said.pop()


async def test_a_link_to_put_to_cannot_be_moved(line: Line) -> None:
    """Who knows another's upload, and has a link to one of his own, gets nowhere with both."""
    async with line.team.http(BERT) as bert:
        for method, body, headers in WAYS.values():
            own = here((await announced(bert, 100))["put_url"])
            assert (await bert.request(method, own, content=body, headers=headers)).status_code in (200, 201, 308)
            lead = own.rpartition("/")[0]
            answers: list[Any] = []
            for upload in (line.part["upload"], line.whole, f"upl_{NOBODYS}"):
                answer = await bert.request(method, f"{lead}/{upload}", content=body, headers=headers)
                answers.append((answer.status_code, answer.text.replace(upload, "ID"), _told(answer)))
            assert answers[0] == answers[1] == answers[2]
            assert answers[0][0] == 404
    async with line.team.http(None) as nobody:
        held = await nobody.head(here(line.part["put_url"]))
        assert held.headers["upload-offset"] == "40", "nothing came of it"


def _told(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}


async def test_only_who_is_known_announces(line: Line) -> None:
    async with line.team.http(None) as nobody:
        for path in ("/uploads", f"/uploads/{line.whole}"):
            answer = await nobody.post(path, json={"name": "a.wav", "size": 3})
            assert answer.status_code in (401, 404, 405), path
            assert line.whole not in answer.text


async def test_a_link_to_audio_cannot_be_moved(line: Line) -> None:
    async with line.team.client(BERT) as bert, line.team.http(BERT) as http, line.team.http(None) as nobody:
        theirs = here(line.task["audio"]["url"])
        assert (await nobody.get(theirs)).status_code == 200, "who has a link needs no other leave"
        upload = await announced(http, 5)
        await http.put(here(upload["put_url"]), content=b"12345")
        own = await bert.call_tool(
            "extend_track", {"source": str(Path(line.paid["source"]["ref"])), "provider": "local",
                             "add_seconds": 3, "wait_seconds": 60},
        )  # fmt: skip
        assert own.structured_content is not None
        lead = "/".join(here(own.structured_content["audio"]["url"]).split("/")[:4])
        of = theirs.split("/", 4)[4]
        task = line.task["task_id"]
        answers: list[Any] = []
        for target in (of, of.replace(task, f"tsk_{NOBODYS}"), f"tasks/{task}/0/song.wav", f"objects/{line.whole}"):
            for method in ("GET", "HEAD"):
                answer = await http.request(method, f"{lead}/{target}", headers={"range": "bytes=0-9"})
                answers.append((method, answer.status_code, answer.text, _told(answer)))
        assert {answer[1] for answer in answers} == {404}
        assert len({json.dumps(answer) for answer in answers}) == 2, "one for each method"


async def test_an_address_for_posts_tells_nobody_whose_it_is(line: Line) -> None:
    attempt, remote_id = await line.attempt()
    addresses = line.team.app.service.operating.hooks._addresses  # pyright: ignore[reportPrivateUsage]
    hook = addresses.of(attempt)
    assert hook is not None
    known = here(hook.address)
    made_up = [f"{known[:-1]}{'0' if known[-1] != '0' else '1'}", f"/hooks/{NOBODYS}{'0' * 40}", "/hooks/x"]
    bodies: list[Any] = [{}, {"taskId": remote_id, "status": "failed"}, {"id": "x"}, []]
    before = await line.team.app.service._store.get(line.paid["task_id"])  # pyright: ignore[reportPrivateUsage]
    async with line.team.http(BERT) as bert, line.team.http(None) as nobody:
        for client in (bert, nobody):
            for body in bodies:
                answers = [await client.post(path, json=body) for path in (known, *made_up)]
                assert {(one.status_code, one.text, json.dumps(_told(one))) for one in answers} == {
                    (200, answers[0].text, json.dumps(_told(answers[0])))
                }
    after = await line.team.app.service._store.get(line.paid["task_id"])  # pyright: ignore[reportPrivateUsage]
    assert after == before


NAMES = ("clip_id", "audioId", "task_id", "origin_task_id")
SHAPES: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "alone": lambda name, id_: {name: id_},
    "in a list": lambda name, id_: {name: [id_]},
    "deep": lambda name, id_: {"input": [{"more": {name: id_}}]},
    "with an index": lambda name, id_: {name: f"{id_}/1"},
}
ELSEWHERE: dict[str, Callable[[str], dict[str, Any]]] = {
    "an odd name": lambda id_: {"options": {"whatever": id_}},
    "a field": lambda id_: {"persona_id": id_},
    "a link": lambda id_: {"options": {"image": f"https://cdn.example.com/{id_}.png"}},
    "a name": lambda id_: {"options": {"x": [{id_: 1}]}},
}


async def test_no_id_of_anothers_is_let_through_in_options(line: Line, remote: Remote) -> None:
    """Where an id belongs, another's is answered as one that nobody has; the own one goes on."""
    _, remote_id = await line.attempt()
    sent, named = remote.sent, {"source": line.paid["source"]["ref"], "provider": "paid"}
    async with line.team.client(BERT) as bert, line.team.client(ANNA) as anna:
        for tool, known, name, shape in product(TOOLS, (line.clip, remote_id), NAMES, SHAPES):
            more = named | ({"target_seconds": 40} if tool == "chain_extend" else {})
            said = {
                await refusal(bert, tool, one, options=SHAPES[shape](name, one), **more)
                for one in (known, "9" * len(known))
            }
            assert len(said) == 1, said
            assert said.pop().startswith("unknown_track: no task of yours made "), (tool, name, shape)
        for shape in SHAPES.values():
            own = text_of(await anna.call_tool("extend_track", named | {"options": shape("clip_id", line.clip)}))
            assert not own.startswith("unknown_track"), own
    assert remote.sent == sent, "nothing was sent"


async def test_nor_anywhere_else(line: Line, remote: Remote) -> None:
    _, remote_id = await line.attempt()
    sent, named = remote.sent, {"source": line.paid["source"]["ref"], "provider": "paid"}
    async with line.team.client(BERT) as bert:
        for where, written in ELSEWHERE.items():
            said = await refusal(bert, "extend_track", remote_id, **named, **written(remote_id))
            assert said.startswith("unknown_track: no task of yours"), where
        clips = {
            await refusal(bert, "extend_track", one, source=f"clip:{one}", provider="paid")
            for one in (line.clip, remote_id, "9" * 9)
        }
        assert len(clips) == 1
    assert remote.sent == sent
