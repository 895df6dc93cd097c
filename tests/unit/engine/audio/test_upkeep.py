"""What nobody may use any more goes, with its bytes; what somebody needs stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fermata_mcp.config import load_settings
from fermata_mcp.engine.audio.links import Links
from fermata_mcp.engine.audio.opening import library_of
from fermata_mcp.engine.audio.upkeep import YOUNG_SECONDS, Upkeep
from fermata_mcp.engine.audio.uploads import UNUSED_SECONDS, Uploads
from fermata_mcp.engine.clock import Clock
from fermata_mcp.media.files import Shelf
from fermata_mcp.store.keyring import Keyring
from fermata_mcp.store.sqlite.store import SqliteStore
from support.rows import NOON
from support.stores import connections

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_what_expired_goes_and_what_a_task_needs_stays(tmp_path: Path) -> None:
    now = [NOON]
    settings = load_settings(data_dir=tmp_path / "data", output_dir=tmp_path / "music")
    async with connections(lambda: SqliteStore(tmp_path / "fermata.db"), 1) as (store,):
        library = library_of(settings, store, Clock(lambda: now[0]))
        links = Links(library, Keyring(store, settings), store, Shelf((), ()), settings, lambda: now[0])
        uploads = Uploads(library, links, settings, lambda: now[0])
        upkeep = Upkeep(library, uploads)
        part = tmp_path / "part"
        part.write_bytes(b"music")
        kept: list[Path] = []
        for name in ("used.wav", "needed.wav", "never used.wav"):
            upload = (await uploads.announce(name, 5, "ann", BASE)).upload
            assert await uploads.add(upload, 0, part) == 5
            if name != "never used.wav":
                kept.append((await uploads.file(upload.id, "ann"))[0])
        task = "tsk_" + "0" * 32
        await library.also_needs(task, str(kept[1]))
        place = settings.data_dir / "uploads"
        assert files(place) == ["000000000000000", "needed.wav", "used.wav"]
        now[0] += UNUSED_SECONDS * 1000
        await upkeep.once()
        assert files(place) == ["needed.wav", "used.wav"]
        now[0] += round(settings.upload_keep_seconds * 1000)
        await uploads.remove_expired()
        assert files(place) == ["needed.wav"]
        now[0] += YOUNG_SECONDS * 2000
        await upkeep.once()  # and there is no such task
        assert files(place) == []


async def test_anothers_upload_is_as_unknown_as_none(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", output_dir=tmp_path / "music")
    async with connections(lambda: SqliteStore(tmp_path / "fermata.db"), 1) as (store,):
        library = library_of(settings, store, Clock())
        links = Links(library, Keyring(store, settings), store, Shelf((), ()), settings, Clock().now)
        uploads = Uploads(library, links, settings, Clock().now)
        upload = (await uploads.announce("a.wav", 5, "ann", BASE)).upload
        said: list[str] = []
        for upload_id in (upload.id, replace(upload, id="upl_" + "0" * 32).id):
            with pytest.raises(Exception, match="there is no upload") as refused:
                await uploads.file(upload_id, "bob")
            said.append(str(refused.value).replace(upload_id, ""))
        assert said[0] == said[1]
