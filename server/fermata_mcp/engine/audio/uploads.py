"""Files that callers bring: announced with their size, put piece by piece to a link, and used as a source."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.tickets import Ticket
from fermata_mcp.domain.errors import InvalidRequest, NotFound, RateLimited, TooLarge, UnknownTrack
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.task import new_id
from fermata_mcp.media.formats.kinds import media_type
from fermata_mcp.media.objects.base import Stored
from fermata_mcp.media.objects.keys import incoming_folder, incoming_key, is_part, offset_in, safe_name
from fermata_mcp.store.objects import Kept, Upload

from .library import Library
from .links import Links

DOOR = "uploads"
UNUSED_SECONDS = 86_400
# A file in more pieces is put in such small ones that somebody plays with us.
MOST_PARTS = 2_000
MAKE_ROOM = "wait until uploads expire, or have the operator remove old tasks (fermata-mcp purge --principal NAME)."


@dataclass(frozen=True)
class Announced:
    """An upload that may begin, and where the bytes go."""

    upload: Upload
    put_url: str


@dataclass(frozen=True)
class Uploads:
    """Of everybody; what belongs to another principal is as unknown as what never was."""

    library: Library
    links: Links
    settings: Settings
    now: Callable[[], int]
    _turns: defaultdict[str, anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))

    async def announce(
        self, name: str, size: int, principal: str, base_url: str, *, resumable: bool = False
    ) -> Announced:
        """Make room for a file.

        Args:
            resumable: It shall come piece by piece through our server, also where the object store would take it whole.

        Raises:
            InvalidRequest, TooLarge, RateLimited: It may not be brought.
        """
        self._check(name, size)
        now = self.now()
        upload = Upload(new_id("upl"), principal, safe_name(name), size, now, now + UNUSED_SECONDS * 1000)
        most, settings = self.settings.max_stored_bytes, self.settings
        has = await self.library.rows.add_upload(upload, most_open=settings.max_open_uploads, most_bytes=most)
        if has is not None:
            raise self._no_room(has, size)
        return Announced(upload, await self._put_url(upload, base_url, resumable=resumable))

    def _check(self, name: str, size: int) -> None:
        if not name.strip() or len(name) > 1000:
            raise InvalidRequest("`name` must be the name of the file.", "give it with its ending, as song.flac.")
        if size <= 0:
            raise InvalidRequest("`size` must be the bytes of the file.", "give its size in bytes.")
        if size > self.settings.max_upload_bytes:
            raise TooLarge(
                f"the file has {size} bytes; at most {self.settings.max_upload_bytes} can be uploaded.",
                "make it smaller (FLAC, Opus or MP3 instead of WAV), or give a link to it as source.",
            )

    def _no_room(self, has: Kept, size: int) -> RateLimited:
        if has.uploads >= self.settings.max_open_uploads:
            return RateLimited(
                f"{counted(has.uploads, 'upload', 'is', 'are')} open, the most that each caller may have.",
                "use one as source, or wait: unused ones go after a day.",
            )
        return RateLimited(
            f"{has.bytes} bytes of audio are kept for you, and {size} more would exceed "
            f"{self.settings.max_stored_bytes}.",
            MAKE_ROOM,
        )

    async def full(self, principal: str) -> RateLimited | None:
        """Why nothing more is begun for a principal, if they have as much audio as they may have."""
        has = await self.library.rows.kept_of(principal, now=self.now())
        most = self.settings.max_stored_bytes
        if has.bytes < most:
            return None
        return RateLimited(f"{has.bytes} bytes of audio are kept for you, and {most} are the most.", MAKE_ROOM)

    async def _put_url(self, upload: Upload, base_url: str, *, resumable: bool) -> str:
        seconds = (upload.expires_at - self.now()) / 1000
        direct = None if resumable else await self.library.objects.put_link(incoming_key(upload.id, 0), seconds)
        if direct is not None:
            return direct
        ticket = Ticket("PUT", upload.id, upload.expires_at // 1000)
        base = (self.settings.public_url or base_url).rstrip("/")
        return f"{base}/{DOOR}/{await self.links.signed(ticket)}"

    # --- taking bytes in --------------------------------------------------------------------------------------------

    async def opened(self, expires: str, signature: str, upload_id: str) -> Upload:
        """The upload that a link is for.

        Raises:
            NotFound: The link is none of ours, has expired, or its upload is gone.
        """
        await self.links.check("PUT", expires, signature, upload_id)
        upload = await self.library.rows.upload(upload_id, now=self.now())
        if upload is None:
            raise unknown(upload_id)
        return upload

    async def held(self, upload: Upload) -> int:
        """How many of its bytes are here, from the first on without a gap."""
        return upload.size if upload.key is not None else _without_gap(await self._parts(upload))

    async def _parts(self, upload: Upload) -> list[Stored]:
        found = await self.library.objects.list(incoming_folder(upload.id))
        return [one for one in found if is_part(one.key)]

    async def add(self, upload: Upload, offset: int, part: Path) -> int:
        """Keep the bytes in a file as those from `offset` on; how many are here then.

        What is here already is never written again: bytes of another request that came meanwhile win.
        """
        async with self._turns[upload.id]:
            parts = await self._parts(upload)
            held, size = _without_gap(parts), (await anyio.Path(part).stat()).st_size
            if held != offset or not size:
                return held
            if len(parts) >= MOST_PARTS:
                raise InvalidRequest(f"the file came in {MOST_PARTS} pieces.", "upload it anew, in larger ones.")
            await self.library.objects.put(part, incoming_key(upload.id, offset), "application/octet-stream")
        if held + size >= upload.size:
            self._turns.pop(upload.id, None)
        return held + size

    async def begin_anew(self, upload: Upload) -> None:
        """Forget what is here of a file that is not complete."""
        await self.library.objects.delete([part.key for part in await self._parts(upload)])

    # --- using it ---------------------------------------------------------------------------------------------------

    async def file(self, upload_id: str, principal: str) -> tuple[Path, str]:
        """An uploaded file on this machine, and its name.

        Raises:
            UnknownTrack: There is none for this principal.
            InvalidRequest: It is not all here.
        """
        upload = await self.library.rows.upload(upload_id, now=self.now())
        if upload is None or upload.principal != principal:
            raise unknown(upload_id)
        async with self._turns[upload_id]:
            try:
                return await self._whole(upload), upload.name
            except (InvalidRequest, NotFound):
                # Another replica may have put it together meanwhile, and taken its parts away.
                found = await self.library.rows.upload(upload.id, now=self.now())
                if found is None or found.key is None:
                    raise
                return await self.library.scratch.at_hand(found.key), upload.name

    async def _whole(self, upload: Upload) -> Path:
        found = await self.library.rows.upload(upload.id, now=self.now()) or upload
        return await self._put_together(found) if found.key is None else await self.library.scratch.at_hand(found.key)

    async def _put_together(self, upload: Upload) -> Path:
        parts = await self._parts(upload)
        if (held := _without_gap(parts)) != upload.size:
            raise _not_complete(upload, held)
        folder = self.settings.data_dir / "audio"
        await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True, mode=0o700))
        with TemporaryDirectory(prefix="upload-", dir=folder) as made:
            whole = Path(made) / upload.name
            for number, part in enumerate(parts):
                piece = Path(made) / f"{number}"
                await self.library.objects.fetch(part.key, piece)
                await anyio.to_thread.run_sync(_append, piece, whole)
            kept = await self.library.keep(whole, owner=upload.id, principal=upload.principal)
        expires = self.now() + round(self.settings.upload_keep_seconds * 1000)
        key = "/".join(kept.parts[-4:])
        await self.library.rows.use_upload(upload.id, key=key, expires_at=expires)
        await self.begin_anew(upload)
        return kept

    # --- letting go -------------------------------------------------------------------------------------------------

    async def remove_expired(self) -> int:
        """Take away what nobody may use any more; how many there were."""
        gone = await self.library.rows.expired_uploads(now=self.now())
        for upload_id in gone:
            parts = await self.library.objects.list(incoming_folder(upload_id))
            await self.library.objects.delete([part.key for part in parts])
            await self.library.release(upload_id)
            await self.library.rows.remove_upload(upload_id)
        return len(gone)


def unknown(upload_id: str) -> UnknownTrack:
    """Said alike of what never was, what is gone, and what is another's."""
    return UnknownTrack(f"there is no upload {upload_id}.", "upload the file (again): uploads expire.")


def kind_of(upload: Upload) -> str:
    return media_type(upload.name)


def _not_complete(upload: Upload, held: int) -> InvalidRequest:
    if held > upload.size:
        return InvalidRequest(
            f"{upload.id} was announced with {upload.size} bytes, and {held} came.", "upload it anew with its size."
        )
    return InvalidRequest(
        f"{upload.id} is not complete: {held} of {upload.size} bytes are here.", "PUT the rest to its put_url."
    )


def _without_gap(parts: Sequence[Stored]) -> int:
    held = 0
    for part in parts:
        if offset_in(part.key) == held:
            held += part.size
    return held


def _append(piece: Path, whole: Path) -> None:
    with piece.open("rb") as source, whole.open("ab") as target:
        shutil.copyfileobj(source, target)
    piece.unlink()
