"""Audio for callers who share no disk with the server: brought by links, had by links, whatever keeps it."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

import pytest
from mcp.client import Client

from support.objects_server import ObjectsServer, needs_objects_server, objects_server
from support.processes import Home, Served, http_server, write_music

pytestmark = pytest.mark.anyio
SONG = "Lied — eins.flac"


class _AsItIs(HTTPErrorProcessor):
    """308 is an answer of ours and no redirection."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


def ask(url: str, method: str = "GET", data: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    try:
        with build_opener(_AsItIs).open(Request(url, data, headers or {}, method=method)) as got:
            return Answer(got.status, got.read(), {name.lower(): value for name, value in got.headers.items()})
    except HTTPError as error:  # pragma: no cover  (answers are taken as they are)
        raise AssertionError(error) from None


def announce(served: Served, **said: Any) -> Answer:
    return ask(f"{served.base}/uploads", "POST", json.dumps(said).encode(), {"content-type": "application/json"})


@dataclass(frozen=True)
class Place:
    served: Served
    objects: ObjectsServer | None = None


@contextmanager
def _plain(home: Home) -> Generator[Place]:
    with http_server(home, FERMATA_MAX_OPEN_UPLOADS="40") as served:
        yield Place(served)


@contextmanager
def _shared(home: Home) -> Generator[Place]:
    with http_server(home, FERMATA_OUTPUT_URL=str(home.root / "shared"), FERMATA_MAX_OPEN_UPLOADS="40") as served:
        yield Place(served)


@contextmanager
def _cloud(home: Home) -> Generator[Place]:
    with objects_server() as objects:
        settings = {"FERMATA_OUTPUT_URL": objects.url, "FERMATA_MAX_OPEN_UPLOADS": "40", **objects.environment}
        with http_server(home, **settings) as served:
            yield Place(served, objects)


PLACES = {"plain": _plain, "shared": _shared, "cloud": _cloud}


@pytest.fixture(scope="module", params=["plain", "shared", pytest.param("cloud", marks=needs_objects_server)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    home = Home(tmp_path_factory.mktemp(request.param))
    home.music.mkdir()
    with PLACES[request.param](home) as place:
        yield place


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_music(tmp_path_factory.mktemp("elsewhere") / SONG, 6.0).read_bytes()


async def called(served: Served, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    async with Client(f"{served.base}/mcp") as client:
        result = await client.call_tool(tool, arguments)
    assert result.content[0].type == "text"
    return result.content[0].text, result.structured_content or {}


async def test_up_longer_down(place: Place, song: bytes) -> None:
    said, upload = await called(place.served, "upload_track", name=SONG, size=len(song))
    assert upload["put_url"] in said
    assert upload["upload"] in said
    assert f"{len(song)} bytes" in said
    assert ask(upload["put_url"], "PUT", song).status in (200, 201)
    said, task = await called(
        place.served, "extend_track", source=upload["upload"], provider="local", add_seconds=4, save_as="longer.flac"
    )
    assert task["status"] == "succeeded", said
    audio = task["audio"]
    got = ask(audio["url"])
    assert got.status == 200
    assert got.headers["content-type"] == "audio/flac"
    assert "longer.flac" in urlsplit(str(audio["url"])).path
    part = ask(audio["url"], headers={"Range": "bytes=10-29"})
    assert (part.status, part.body) == (206, got.body[10:30])
    if place.objects is None:  # an object store answers as it does
        assert ask(audio["url"], headers={"Range": f"bytes={len(got.body)}-"}).status == 416
    assert task["clips"][0]["url"] == audio["url"]
    # On another machine nothing of it is here yet.
    shutil.rmtree(place.served.home.data / "scratch", ignore_errors=True)
    said, again = await called(place.served, "extend_track", source=task["task_id"], provider="local", add_seconds=4)
    assert again["status"] == "succeeded", said
    assert again["source"]["duration_seconds"] == task["audio"]["duration_seconds"]
    _, fresh = await called(place.served, "get_task", task_id=task["task_id"])
    assert ask(fresh["audio"]["url"]).body == got.body


async def test_the_same_bytes_are_the_same_source(place: Place, song: bytes) -> None:
    tasks: list[str] = []
    for _ in range(2):
        _, upload = await called(place.served, "upload_track", name="same.flac", size=len(song))
        ask(upload["put_url"], "PUT", song)
        _, task = await called(place.served, "extend_track", source=upload["upload"], provider="local", add_seconds=5)
        tasks.append(task["task_id"])
    assert tasks[0] == tasks[1]


async def test_what_was_not_all_brought_is_no_source(place: Place) -> None:
    announced = json.loads(announce(place.served, name="a.wav", size=1000, resumable=True).body)
    ask(announced["put_url"], "PUT", b"x" * 400, {"Content-Range": "bytes 0-399/1000"})
    said, _ = await called(place.served, "extend_track", source=announced["upload"], provider="local", add_seconds=4)
    assert said.startswith(f"invalid_request: {announced['upload']} is not complete: 400 of 1000 bytes are here.")
    said, _ = await called(place.served, "extend_track", source=f"upl_{0:032x}", provider="local", add_seconds=4)
    assert said.startswith("unknown_track: there is no upload")


def test_a_cut_upload_goes_on_where_it_was(place: Place) -> None:
    announced = json.loads(announce(place.served, name="a.wav", size=1_000_000, resumable=True).body)
    url: str = announced["put_url"]
    content = bytes(range(250)) * 4000
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as cut:
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        cut.sendall(head.encode() + content[:300_000])
    asked = ask(url, "PUT", b"", {"Content-Range": "bytes */1000000"})
    for _ in range(500):
        if asked.headers["upload-offset"] != "0":
            break
        asked = ask(url, "PUT", b"", {"Content-Range": "bytes */1000000"})
    held = int(asked.headers["upload-offset"])
    assert asked.status == 308
    assert 0 < held <= 300_000
    assert asked.headers["range"] == f"bytes=0-{held - 1}"
    wrong = ask(url, "PUT", content[:10], {"Content-Range": "bytes 0-9/1000000"})
    assert (wrong.status, wrong.headers["upload-offset"]) == (308, str(held))
    rest = ask(url, "PUT", content[held:], {"Content-Range": f"bytes {held}-999999/1000000"})
    assert rest.status == 201
    assert ask(url, "HEAD").headers["upload-offset"] == "1000000"
    assert ask(url, "PUT", b"z" * 10, {"Content-Range": "bytes 0-9/1000000"}).status == 403


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"name": "a.wav", "size": 2_000_000_000}, 413, "too_large"),
        ({"name": "a.wav", "size": 0}, 400, "invalid_request"),
        ({"name": "a.wav", "size": "12"}, 400, "invalid_request"),
        ({"name": "", "size": 12}, 400, "invalid_request"),
        ({"name": "a.wav", "size": 12, "owner": "me"}, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
    ],
)
def test_what_cannot_be_announced_is_told_in_words(place: Place, said: dict[str, Any], status: int, code: str) -> None:
    answer = announce(place.served, **said)
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert error["hint"]


def test_names_lead_nowhere(place: Place) -> None:
    announced = json.loads(announce(place.served, name="../../../../etc/passwd", size=3, resumable=True).body)
    assert ask(announced["put_url"], "PUT", b"abc").status == 201
    assert not list(place.served.home.root.glob("**/etc"))


def test_more_than_was_announced_is_refused(place: Place) -> None:
    announced = json.loads(announce(place.served, name="a.wav", size=10, resumable=True).body)
    assert ask(announced["put_url"], "PUT", b"x" * 11).status == 413
    assert ask(announced["put_url"], "PUT", b"x" * 9).status == 400
    assert ask(announced["put_url"], "PUT", b"", {"Content-Range": "bytes */11"}).status == 400


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with http_server(Home(tmp_path_factory.mktemp("links")), FERMATA_LINK_SECONDS="1") as served:
        yield served


async def test_our_links_expire_and_cannot_be_made_up(plain: Served, song: bytes) -> None:
    _, upload = await called(plain, "upload_track", name=SONG, size=len(song))
    ask(upload["put_url"], "PUT", song)
    _, task = await called(plain, "extend_track", source=upload["upload"], provider="local", add_seconds=4)
    link = str(task["audio"]["url"])
    scheme, host, path = urlsplit(link)[:3]
    _, files, expires, signature, of = path.split("/", 4)
    unknown = [
        f"{scheme}://{host}/{files}/{int(expires) + 9999}/{signature}/{of}",
        f"{scheme}://{host}/{files}/{expires}/{signature}/{of}x",
        f"{scheme}://{host}/{files}/{expires}/{'A' * 43}/objects/none",
        f"{scheme}://{host}/{files}/0{expires}/{signature}/{of}",
        f"{scheme}://{host}/uploads/{expires}/{signature}/{upload['upload']}",
    ]
    answers = [ask(url) for url in unknown[:4]]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert ask(unknown[4], "PUT", b"x").status == 404
    status, tries = 200, 0
    while status in (200, 206) and tries < 20_000:
        status, tries = ask(link, headers={"Range": "bytes=0-0"}).status, tries + 1
    assert status == 410
    _, fresh = await called(plain, "get_task", task_id=task["task_id"])
    head = ask(fresh["audio"]["url"], "HEAD")
    assert (head.status, head.body) == (200, b"")
    tag = head.headers["etag"]
    _, fresh = await called(plain, "get_task", task_id=task["task_id"])
    same = ask(fresh["audio"]["url"], headers={"Range": "bytes=0-3", "If-Range": tag})
    other = ask(fresh["audio"]["url"], headers={"Range": "bytes=0-3", "If-Range": '"another"'})
    assert (same.status, other.status) == (206, 200)
    assert len(other.body) == int(head.headers["content-length"])
