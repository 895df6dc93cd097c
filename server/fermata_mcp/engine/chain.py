"""What follows a finished step: the end of its task, and how it is told."""

from __future__ import annotations

from fermata_mcp.domain.task import Audio, Clip, Task, TaskPatch
from fermata_mcp.providers.base import Snapshot

from .moves import ended

# A chain has reached its target when it is this close: provider lengths are never exact.
NEAR_ENOUGH_SECONDS = 1.0


def settle(task: Task, snapshot: Snapshot, now: int) -> TaskPatch:
    """How `task` ends now that its last step delivered `snapshot`."""
    clip = best(snapshot.clips)
    audio = Audio(file=clip.file, url=clip.url, duration_seconds=clip.duration_seconds, whole_track=clip.whole_track)
    short = _short_by(task, audio)
    patch = ended("partial" if short else "succeeded", now, audio=audio)
    warnings = [*task.warnings, *snapshot.warnings]
    if short:
        warnings.append(f"The track is {short:.0f} s short of the target.")
    return patch | {"warnings": tuple(warnings)}


def best(clips: tuple[Clip, ...]) -> Clip:
    """The first clip that is there."""
    return clips[0]


def _short_by(task: Task, audio: Audio) -> float:
    target = task.request.get("target_seconds")
    if target is None or audio.duration_seconds is None:
        return 0.0
    missing = float(target) - audio.duration_seconds
    return missing if missing > NEAR_ENOUGH_SECONDS else 0.0
