"""Where a file goes that a caller brings: as data, and as a command that a model or a person can carry out."""

from __future__ import annotations

from shlex import quote

from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.engine.audio.uploads import kind_of
from fermata_mcp.store.objects import Upload

from .view import View, iso


class UploadView(View):
    upload: str
    put_url: str
    expires_at: str
    size: int
    media_type: str
    next: str


def upload_view(upload: Upload, put_url: str) -> UploadView:
    return UploadView(
        upload=upload.id,
        put_url=put_url,
        expires_at=iso(upload.expires_at),
        size=upload.size,
        media_type=kind_of(upload),
        next=f"PUT the {upload.size} bytes of the file to put_url: curl -T {quote(visible(upload.name))} "
        f"'{put_url}' -- then call extend_track or chain_extend with source \"{upload.id}\".",
    )


def upload_text(view: UploadView) -> str:
    """The facts, a line each."""
    return "\n".join(
        (
            f"Upload {view.upload}: {view.size} bytes, {view.media_type}, until {view.expires_at}.",
            f"Link: {view.put_url}",
            f"Next: {view.next}",
        )
    )
