"""What an adapter may ask for besides JSON in and JSON out, each carried over a real connection."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypedDict, Unpack

import anyio
import pytest
from pydantic import SecretStr

from fermata_mcp.domain.account import Account, AccountSpec, Variable, host, own_server
from fermata_mcp.domain.errors import InvalidRequest, MissingKey, ProviderUnavailable
from fermata_mcp.domain.spec import Pace, ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Accepted, Made, NotSent, ProviderContext, Snapshot, Submitted, Unclear
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.http.wire import Answer, Call
from support.hosts import answer, audio

pytestmark = pytest.mark.anyio
KEY = "secret-of-the-account"
ACCOUNT = AccountSpec(Variable("SHOP_KEY", "a key"), host("SHOP_BASE_URL", "https://shop.test"))
SPEC = ProviderSpec(
    name="shop",
    title="Shop",
    summary="Sells.",
    sources=frozenset({"file"}),
    fields={},
    pace=Pace(1, 1, 60),
    submit="at_most_once",
    verified="here",
    account=ACCOUNT,
)
FORMS = {
    "bearer": (ACCOUNT, f"authorization: Bearer {KEY}"),
    "a word of its own": (replace(ACCOUNT, key_form="Key {}"), f"authorization: Key {KEY}"),
    "a header of its own": (replace(ACCOUNT, key_header="xi-api-key", key_form="{}"), f"xi-api-key: {KEY}"),
}
WORK = Work(save_as="/out/x", fields={"seed": 7})
SOUND = audio("FLAC", 0.5)


class Calls(TypedDict, total=False):
    """What a test wants said, by the names of `HttpAdapter`."""

    submit_call: Call
    poll_call: Call | None
    read_poll: Callable[[Answer, str], Snapshot]
    result_call: Callable[[Answer, str], Call | None]
    read_result: Callable[[Answer, str], Snapshot]
    cancel_call: Call
    read_cancel: Callable[[Answer], bool]
    greeting_call: Call
    read_greeting: Callable[[Answer, Work], Work]
    read_answer: Callable[[Answer, str], Made | None]
    upload_call: Callable[[Path], Call]
    upload_next: Callable[[Answer, Path], Call]
    read_upload: Callable[[Answer], Any]


class Dialect(HttpAdapter):
    """Says what a test wants said; without that, no more than it must."""

    spec = SPEC

    def __init__(self, **calls: Unpack[Calls]) -> None:
        super().__init__()
        vars(self).update({name: call if callable(call) else _always(call) for name, call in calls.items()})

    def submit_call(self, work: Work) -> Call:
        return Call("POST", "/submit", {"seed": 7})

    def poll_call(self, remote_id: str) -> Call | None:
        return Call("GET", f"/poll/{remote_id}")

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return Snapshot("running", message=str(answer.get("state")))


def _always(value: Any) -> Callable[..., Any]:
    def always(*_: Any) -> Any:
        return value

    return always


@dataclass
class Far:
    """A host on loopback: what it says by its paths, and every request that it got."""

    SAYS_NOTHING: ClassVar[bytes] = answer(b"{}", "application/json")
    pages: dict[str, bytes] = field(default_factory=dict[str, bytes])
    heads: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = re.search(r"content-length: (\d+)", head, re.I)
        self.bodies.append(await reader.readexactly(int(size[1]) if size else 0))
        self.heads.append(head)
        writer.write(self.pages.get(head.split()[1], self.SAYS_NOTHING))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def far(**pages: bytes) -> AsyncGenerator[Far]:
    there = Far({f"/{name}": page for name, page in pages.items()})
    server = await asyncio.start_server(there.talk, "127.0.0.1", 0)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()
        await server.wait_closed()


def provider(
    folder: Path, there: Far, spec: ProviderSpec = SPEC, key: str | None = KEY, **calls: Unpack[Calls]
) -> HttpProvider:
    adapter = Dialect(**calls)
    adapter.spec = spec
    context = ProviderContext(
        account=Account(SecretStr(key) if key else None, there.url, trusted=(there.url,)),
        callback_url=None,
        submit_timeout_seconds=20.0,
        data_dir=folder,
        spawn=lambda _: None,
        changed=lambda _: None,
        processors=anyio.Semaphore(1),
        trusted=frozenset({"127.0.0.1"}),
    )
    return HttpProvider(adapter, context)


def js(told: Any, status: str = "200 OK") -> bytes:
    return answer(json.dumps(told).encode(), "application/json", status)


async def submitted(made: HttpProvider, work: Work = WORK) -> Submitted:
    return await made.submit("att_1", work)


# --- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
async def test_the_key_goes_in_the_header_and_form_of_the_account(form: str, tmp_path: Path) -> None:
    account, header = FORMS[form]
    async with far(submit=js({"task_id": "t-1"})) as there:
        made = provider(tmp_path, there, replace(SPEC, account=account))
        assert await submitted(made) == Accepted("t-1")
    assert header.lower() in [line.lower() for line in there.heads[0].splitlines()]
    assert there.heads[0].count(KEY) == 1


@pytest.mark.parametrize("key", [KEY, None])
async def test_one_that_is_set_up_by_its_address_needs_no_key(key: str | None, tmp_path: Path) -> None:
    account = AccountSpec(Variable("SHOP_KEY", "a key"), own_server("SHOP_BASE_URL", "a shop"), keyless=True)
    spec = replace(SPEC, account=account)
    assert (spec.key_variable, spec.set_by, spec.lacking) == (None, "SHOP_BASE_URL", "server")
    async with far(submit=js({"task_id": "t-1"})) as there:
        made = provider(tmp_path, there, spec, key)
        assert made.configured
        assert await submitted(made) == Accepted("t-1")
    assert ("authorization" in there.heads[0].lower()) is (key is not None)
    nowhere = provider(tmp_path, replace(there), spec, key)
    vars(nowhere)["_account"] = Account()
    assert not nowhere.configured


@pytest.mark.parametrize("written", ["Bearer x", "Key x", "a b", " "])
async def test_what_is_no_bare_key_is_never_sent(written: str, tmp_path: Path) -> None:
    async with far() as there:
        outcome = await submitted(provider(tmp_path, there, key=written))
    assert isinstance(outcome, NotSent)
    assert isinstance(outcome.error, MissingKey)
    assert there.heads == []


# --- addresses that a provider names ------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
async def test_the_key_goes_to_no_host_but_its_own(own: bool, tmp_path: Path) -> None:
    async with far() as there, far() as other:
        target = there if own else other
        made = provider(tmp_path, there, poll_call=Call("GET", url=f"{target.url}/elsewhere?sign=1"))
        await made.poll("r", WORK)
    assert [KEY in head for head in target.heads] == [own]
    assert target.heads[0].startswith("GET /elsewhere?sign=1 ")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/x", "https://169.254.169.254/x", "file:///etc/passwd", "http://", "x"]
)
async def test_an_address_that_may_not_be_spoken_to_is_not(url: str, tmp_path: Path) -> None:
    async with far() as there:
        with pytest.raises(InvalidRequest):
            await provider(tmp_path, there, poll_call=Call("GET", url=url)).poll("r", WORK)


async def test_a_file_is_put_where_the_first_answer_of_its_upload_says(tmp_path: Path) -> None:
    song = tmp_path / "song.flac"
    song.write_bytes(SOUND)
    async with far(initiate=js({"file_url": "https://files.test/song"})) as there, far(put=answer(b"", None)) as store:
        made = provider(
            tmp_path, there,
            upload_call=lambda file: Call("POST", "/initiate", {"file_name": file.name}),
            upload_next=lambda _, file: Call("PUT", url=f"{store.url}/put", file=file, raw=True),
            read_upload=lambda told: told.get("file_url"),
        )  # fmt: skip
        work = await made.prepare(WORK.model_copy(update={"source_file": str(song)}))
    assert work.source_url == "https://files.test/song"
    assert (store.bodies, KEY in store.heads[0]) == ([SOUND], False)
    assert "content-type: audio/flac" in store.heads[0].lower()


# --- a file that goes along with the request ------------------------------------------------------------------------


async def test_a_source_can_be_a_part_of_the_paid_request(tmp_path: Path) -> None:
    song = tmp_path / "song.flac"
    song.write_bytes(SOUND)
    work = WORK.model_copy(update={"source_file": str(song)})
    call = Call("POST", "/submit", {"seed": 7}, file=song, part="audio", body_part="request", form={"a": "b"})
    async with far(submit=js({"task_id": "t-1"})) as there:
        made = provider(tmp_path, there, submit_call=call)
        assert await made.prepare(work) == work
        assert await submitted(made, work) == Accepted("t-1")
        changed = await submitted(made, work.model_copy(update={"source_seal": "of another file"}))
    body = there.bodies[0]
    assert b'name="request"; filename="request.json"' in body
    assert b'name="audio"; filename="song.flac"' in body
    assert b'name="a"' in body
    assert SOUND in body
    assert (isinstance(changed, NotSent), len(there.bodies)) == (True, 1)


# --- asking twice, stopping, greeting -------------------------------------------------------------------------------


async def test_a_status_can_lead_to_a_result(tmp_path: Path) -> None:
    pages = {"status": js({"state": "COMPLETED"}), "result": js({"url": "u"})}
    async with far(**pages) as there:
        made = provider(
            tmp_path, there,
            poll_call=Call("GET", "/status"),
            result_call=lambda told, _: Call("GET", "/result") if told.get("state") == "COMPLETED" else None,
            read_result=lambda told, _: Snapshot("succeeded", message=told.get("url")),
        )  # fmt: skip
        assert (await made.poll("r", WORK)).message == "u"
        there.pages["/status"] = js({"state": "IN_QUEUE"})
        assert (await made.poll("r", WORK)).message == "IN_QUEUE"
    assert [head.split()[1] for head in there.heads] == ["/status", "/result", "/status"]


@pytest.mark.parametrize("status", ["202 Accepted", "400 Bad Request", "404 Not Found"])
async def test_only_what_the_adapter_takes_for_stopped_is(status: str, tmp_path: Path) -> None:
    async with far(cancel=js({}, status)) as there:
        made = provider(
            tmp_path, there, cancel_call=Call("PUT", "/cancel"), read_cancel=lambda told: told.status == 202
        )
        assert await made.stop("r") is status.startswith("202")
        assert await provider(tmp_path, there).stop("r") is False
    assert [head.split()[0] for head in there.heads] == ["PUT"]
    assert await made.stop("r") is False  # nobody is there any more


async def test_who_is_there_is_asked_before_anything_is_sent(tmp_path: Path) -> None:
    def greeted(told: Answer, work: Work) -> Work:
        return work.model_copy(update={"dialect": str(told.get("build"))})

    async with far(props=js({}, "404 Not Found"), health=js({"build": "K"})) as there:
        call = Call("GET", "/props", otherwise=Call("GET", "/health"))
        made = provider(tmp_path, there, greeting_call=call, read_greeting=greeted)
        assert (await made.prepare(WORK)).dialect == "K"
    with pytest.raises(ProviderUnavailable):
        await made.prepare(WORK)


# --- answers that are audio -----------------------------------------------------------------------------------------


def synchronous(folder: Path, there: Far) -> HttpProvider:
    def made(told: Answer, attempt_id: str) -> Made | None:
        return Made(told.headers["song-id"], (Clip(arrived=str(told.file)),)) if told.file else None

    call = Call("POST", "/submit", {"seed": 7}, audio=True)
    return provider(folder, there, submit_call=call, read_answer=made, poll_call=None)


async def test_an_answer_that_is_audio_is_accepted_and_done(tmp_path: Path) -> None:
    async with far(submit=answer(SOUND, "audio/mpeg", song_id="s-1")) as there:
        outcome = await submitted(synchronous(tmp_path, there))
    assert outcome == Made("s-1", (Clip(arrived=str(tmp_path / "arrived" / "att_1.flac")),))
    assert [file.read_bytes() for file in (tmp_path / "arrived").iterdir()] == [SOUND]


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        (answer(SOUND[:900], "audio/flac", content_length=str(len(SOUND))), SOUND[:900]),  # cut
        (answer(b"", "audio/flac", content_length="900"), None),
        (answer(b"what is this", "application/octet-stream"), b"what is this"),
        (js({"error": f"lost {KEY}"}), json.dumps({"error": f"lost {KEY}"}).encode()),
        (answer(b"gone", "text/plain", "500 Oh"), None),
    ],
)
async def test_half_an_answer_is_unclear_and_what_came_is_kept_and_said(
    page: bytes, kept: bytes | None, tmp_path: Path
) -> None:
    async with far(submit=page) as there:
        outcome = await submitted(synchronous(tmp_path, there))
    assert isinstance(outcome, Unclear)
    assert KEY not in outcome.evidence
    files = [file for file in (tmp_path / "arrived").glob("*") if file.stat().st_size] if kept else []
    assert [file.read_bytes() for file in files] == ([kept] if kept else [])
    assert (str(tmp_path / "arrived" / "att_1.part") in outcome.evidence) is (kept is not None)


@pytest.mark.parametrize("status", ["401 No", "422 No", "429 Later"])
async def test_a_refusal_in_place_of_audio_is_read_as_any_other(status: str, tmp_path: Path) -> None:
    async with far(submit=js({"detail": {"status": "bad_prompt", "message": "names an artist"}}, status)) as there:
        outcome: Any = await submitted(synchronous(tmp_path, there))
    assert "names an artist" in outcome.error.message
    assert not (tmp_path / "arrived").exists()


async def test_a_look_can_bring_the_audio(tmp_path: Path) -> None:
    async with far(result=answer(SOUND, "audio/flac")) as there:
        made = provider(
            tmp_path, there,
            poll_call=Call("GET", "/result", audio=True),
            read_poll=lambda told, _: Snapshot("succeeded", clips=(Clip(arrived=str(told.file)),)),
        )  # fmt: skip
        first, again = [await made.poll("r", WORK) for _ in range(2)]
    assert first == again
    (kept,) = (tmp_path / "arrived").iterdir()
    assert (first.clips[0].arrived, kept.read_bytes()) == (str(kept), SOUND)
