"""Where a caller can have a result: a path for those on this machine, a link for those who came over http."""

from __future__ import annotations

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.engine.service import Service

from .task_view import AudioView, ClipView, TaskView


async def within_reach(view: TaskView, service: Service, base_url: str | None) -> TaskView:
    """The view with links that need no header, and without paths that mean nothing to the caller.

    Args:
        base_url: Of our server, for callers who came over http; None on a pipe.
    """
    if view.task_id is None or (base_url is None and not service.settings.audio_is_shared):
        return view
    clips: list[ClipView] = []
    for index, clip in enumerate(view.clips):
        file, url = await _place(clip.file, clip.url, view.task_id, str(index), service, base_url)
        clips.append(clip.model_copy(update={"file": file, "url": url}))
    audio = view.audio
    if audio is not None:
        audio = _delivered(view, clips) or await _apart(audio, view.task_id, service, base_url)
    return view.model_copy(update={"clips": clips, "audio": audio})


def _delivered(view: TaskView, clips: list[ClipView]) -> AudioView | None:
    """The deliverable, where it is one of the clips: with the same link."""
    assert view.audio is not None
    same = [now for before, now in zip(view.clips, clips, strict=True) if before.file == view.audio.file is not None]
    return view.audio.model_copy(update={"file": same[0].file, "url": same[0].url}) if same else None


async def _apart(audio: AudioView, task_id: str, service: Service, base_url: str | None) -> AudioView:
    file, url = await _place(audio.file, audio.url, task_id, "audio", service, base_url)
    return audio.model_copy(update={"file": file, "url": url})


async def _place(
    file: str | None, url: str | None, task_id: str, which: str, service: Service, base_url: str | None
) -> tuple[str | None, str | None]:
    if file is None:
        return None, url
    try:
        link = await service.link_to(task_id, which, file, base_url)
    except FermataError:  # asked for again, it may be given
        link = None
    return service.shown_path(file, over_http=base_url is not None), link or (url if base_url is None else None)
