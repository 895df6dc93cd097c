"""What a folder and a cloud promise alike, and the links of the cloud."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import anyio
import pytest

from fermata_mcp.domain.errors import ConfigurationError, NotFound, StoreUnavailable
from fermata_mcp.media.objects.base import ObjectStore
from fermata_mcp.media.objects.keys import INCOMING, incoming_folder, incoming_key, key_of, offset_in, sha256_of
from fermata_mcp.media.objects.opening import open_objects
from support.objects_server import ObjectsServer, needs_objects_server

pytestmark = pytest.mark.anyio
NAME = "Привет (extended 1a2b3c) — #1.flac"


def a_file(folder: Path, content: bytes = bytes(range(256)) * 30_000) -> Path:
    """Larger than the pieces that files are fetched and put in."""
    file = folder / NAME
    file.write_bytes(content)
    return file


async def put(objects: ObjectStore, folder: Path) -> tuple[str, Path]:
    file = a_file(folder)
    key = key_of(sha256_of(file), file.name)
    await objects.put(file, key, "audio/flac")
    return key, file


async def test_what_is_put_is_what_is_fetched(objects: ObjectStore, tmp_path: Path) -> None:
    key, file = await put(objects, tmp_path)
    assert await objects.size(key) == file.stat().st_size
    target = tmp_path / "elsewhere" / "copy.flac"
    await objects.fetch(key, target)
    assert target.read_bytes() == file.read_bytes()
    assert [one.key for one in await objects.list("objects/")] == [key]
    await objects.delete([key, key])
    assert await objects.size(key) is None
    assert await objects.list("objects/") == []


async def test_what_is_not_there_is_told_as_such(objects: ObjectStore, tmp_path: Path) -> None:
    key = key_of("0" * 64, "gone.flac")
    assert await objects.size(key) is None
    with pytest.raises(NotFound, match=r"gone\.flac is no longer there"):
        await objects.fetch(key, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_parts_of_an_upload_are_listed_in_their_order(objects: ObjectStore, tmp_path: Path) -> None:
    offsets = [2_000_000_000, 0, 100]
    for offset in offsets:
        await objects.put(a_file(tmp_path, b"x" * 10), incoming_key("upl_1", offset), "audio/flac")
    await objects.put(a_file(tmp_path), incoming_key("upl_10", 5), "audio/flac")
    assert [offset_in(one.key) for one in await objects.list(incoming_folder("upl_1"))] == sorted(offsets)
    assert len(await objects.list(f"{INCOMING}/")) == 4


# --- the cloud's own links --------------------------------------------------------------------------------------------


@pytest.fixture
def cloud(served_objects: ObjectsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in served_objects.environment.items():
        monkeypatch.setenv(name, value)
    return open_objects(f"{served_objects.url}/{tmp_path.name}")


def answer(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    try:
        with urlopen(Request(url, data, headers, method=method)) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


@needs_objects_server
async def test_a_link_gives_ranges_to_whoever_has_it(cloud: ObjectStore, tmp_path: Path) -> None:
    key, file = await put(cloud, tmp_path)
    link = await cloud.link(key, 60)
    assert link is not None
    assert answer(link, Range="bytes=10-19") == (206, file.read_bytes()[10:20])
    parts = urlsplit(link)
    other = urlunsplit(parts._replace(path=parts.path.replace("flac", "flax")))
    assert answer(other)[0] == 403
    assert answer(link, "PUT", b"overwritten")[0] == 403


@needs_objects_server
async def test_a_link_expires(cloud: ObjectStore, tmp_path: Path) -> None:
    key, _ = await put(cloud, tmp_path)
    link = await cloud.link(key, 1)
    assert link is not None
    with anyio.fail_after(30):
        while (status := answer(link)[0]) == 200:  # noqa: ASYNC110  (the store's own clock decides)
            await anyio.sleep(0.2)
    assert status == 403


@needs_objects_server
async def test_bytes_are_put_without_passing_us(cloud: ObjectStore, tmp_path: Path) -> None:
    key = incoming_key("upl_2", 0)
    link = await cloud.put_link(key, 60)
    assert link is not None
    assert answer(link, "PUT", b"music")[0] == 200
    assert await cloud.size(key) == 5


@needs_objects_server
async def test_clients_may_reach_the_store_under_another_name(
    served_objects: ObjectsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in served_objects.environment.items():
        monkeypatch.setenv(name, value)
    link = await open_objects(served_objects.url, "https://audio.example.org").link("objects/x", 60)
    assert link is not None
    assert link.startswith("https://audio.example.org/audio/team/objects/x?")


# --- in words ---------------------------------------------------------------------------------------------------------


@needs_objects_server
@pytest.mark.parametrize(
    ("changed", "url", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "s3://audio/team", "refuses the keys"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "s3://audio/team", "cannot be used"),
        ({}, "s3://nowhere/team", "no such bucket"),
    ],
)
async def test_trouble_is_told_in_words(
    changed: dict[str, str], url: str, said: str, served_objects: ObjectsServer, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in {**served_objects.environment, **changed}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreUnavailable, match=said) as refused:
        await open_objects(url).put(a_file(tmp_path), "objects/x", "audio/flac")
    assert "someone" not in str(refused.value)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await open_objects(f"file://{tmp_path}/shared").put(a_file(tmp_path), "objects/x", "audio/flac")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "fermata_mcp.media.objects.cloud", raising=False)
    with pytest.raises(ConfigurationError, match="not installed") as refused:
        open_objects("s3://audio")
    assert "fermata-mcp[s3]" in refused.value.hint
