"""How far a request got is told by what was seen of it; silence proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.providers.http.outgoing import (
    CannotBegin,
    Watch,
    authorities,
    content,
    existing,
    innermost,
    no_address,
    unusable_proxy,
)
from fermata_mcp.providers.http.wire import Call

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("blind", "events", "nothing_sent"),
    [
        (False, (), False),
        (False, ("connection.connect_tcp.started",), True),
        (False, ("connection.connect_tcp.started", "connection.start_tls.failed"), True),
        (False, ("connection.connect_tcp.complete", "http11.send_request_headers.started"), False),
        (False, ("http11.send_request_headers.started",), False),
        (True, ("connection.connect_tcp.started",), False),
    ],
)
async def test_nothing_was_sent_only_where_that_was_seen(
    blind: bool, events: tuple[str, ...], nothing_sent: bool
) -> None:
    watch = Watch(blind=blind)
    for event in events:
        await watch(event, {})
    assert watch.nothing_sent == nothing_sent


def test_authorities_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))
    with pytest.raises(CannotBegin, match="nothing was sent") as refused:
        authorities()
    assert "SSL_CERT_FILE" in refused.value.hint


def test_a_proxy_is_named_and_its_password_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy")
    error = unusable_proxy(ValueError("hunter2"))
    assert "HTTPS_PROXY" in str(error)
    assert "hunter2" not in str(error)
    assert not error.retryable


def test_an_address_is_named_by_its_variable() -> None:
    assert "KIE_UPLOAD_URL" in no_address("KIE_UPLOAD_URL").hint


def test_the_innermost_of_groups_of_groups() -> None:
    inner = ConnectionError("x")
    assert innermost(ExceptionGroup("a", [ExceptionGroup("b", [inner])])) is inner
    assert innermost(inner) is inner


async def test_a_form_holds_the_file_under_the_name_that_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "mine.wav"
    file.write_bytes(b"sound")
    assert await content(Call("POST", "/x")) == ({}, {})
    body, headers = await content(Call("POST", "/x", form={"fileName": "new.wav"}, file=file))
    part = {"file": ("new.wav", b"sound", "audio/wav")}
    assert (body, headers) == ({"files": part, "data": {"fileName": "new.wav"}}, {})


async def test_a_part_that_holds_json_is_a_file_too_and_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.flac"
    file.write_bytes(b"sound")
    call = Call("POST", "/x", {"seed": 7, "caption": "Käse"}, file=file, part="audio", body_part="request")
    body, _ = await content(call)
    told = ("request.json", '{"seed": 7, "caption": "Käse"}'.encode(), "application/json")
    assert list(body["files"].items()) == [("request", told), ("audio", ("mine.flac", b"sound", "audio/flac"))]


@pytest.mark.parametrize("kind", [None, "audio/x-flac"])
async def test_a_file_can_be_the_whole_body(kind: str | None, tmp_path: Path) -> None:
    file = tmp_path / "mine.flac"
    file.write_bytes(b"sound")
    body, headers = await content(Call("PUT", file=file, raw=True, content_type=kind))
    assert (body, headers) == ({"content": b"sound"}, {"Content-Type": kind or "audio/flac"})


@pytest.mark.parametrize("named", ["gone.wav", "."])
async def test_what_is_no_file_any_more_is_refused(named: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        await existing(str(tmp_path / named))
    with pytest.raises(FermataError):
        await content(Call("POST", "/x", file=tmp_path / named))
