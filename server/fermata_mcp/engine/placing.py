"""Puts what arrived where it belongs in its track: as it is, or joined to what came before. To be run in a thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.domain.placement import HOLDS_MARGIN_SECONDS, Evidence, Likeness, Start, start_of
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.media.arrival import Heard, measured_seconds
from fermata_mcp.media.compare import likeness
from fermata_mcp.media.files import move
from fermata_mcp.media.join import join as join_files


@dataclass(frozen=True)
class Placed:
    """A saved result.

    Attributes:
        whole: Whether the file begins where the track begins; None where nobody can tell.
        seconds: Length of the file. `own` is that of what the provider sent.
        new_at: Second of the file's track at which new music starts.
    """

    file: Path
    whole: bool | None
    seconds: float | None
    own: float | None
    new_at: float | None
    warnings: tuple[str, ...] = ()

    def clip(self, before: Clip, *, cut: bool) -> Clip:
        """The provider's clip, as it was delivered."""
        found = {
            "file": str(self.file), "whole_track": self.whole, "duration_seconds": self.seconds,
            "own_seconds": self.own, "continue_at": self.new_at, "cut": cut,
            "told_seconds": before.told_seconds or before.duration_seconds,
        }  # fmt: skip
        return before.model_copy(update=found)


def place(raw: Path, heard: Heard, clip: Clip, work: Work, stem: Path, *, join: bool) -> Placed:
    """Find out where `raw` begins, join it to what came before if that is missing, and save it as `stem`."""
    own = heard.seconds or clip.duration_seconds
    silent = ("What the provider returned is silent.",) if heard.silent else ()
    start: Start = _start_of_joined(own, work) if work.action == "concat" else start_of(_evidence(raw, own, clip, work))
    point = None if work.point is None else work.ahead + work.point
    if start == "track" or not join:
        whole = {"track": True, "unknown": None}.get(start, False)
        return Placed(move(raw, stem), whole, own, own, point, silent)
    at = _place_in_track(start, work)
    if start == "unknown" or at is None or _before(work) is None:
        whole = None if start == "unknown" else False
        return Placed(move(raw, stem), whole, own, own, point, silent)
    return _joined(raw, own, at, point, work, stem, silent)


def _start_of_joined(own: float | None, work: Work) -> Start:
    """What a provider's own joining gave is the track, unless it is no longer than the part that was to be joined."""
    part = work.source_seconds
    return "unknown" if own is not None and part is not None and own < part + HOLDS_MARGIN_SECONDS else "track"


def _place_in_track(start: Start, work: Work) -> float | None:
    """Second of the track at which the result begins."""
    if start == "clip":
        return work.ahead
    return None if work.point is None else work.ahead + work.point


def _joined(
    raw: Path, own: float | None, at: float, point: float | None, work: Work, stem: Path, said: tuple[str, ...]
) -> Placed:
    before = _before(work)
    assert before is not None
    try:
        whole = join_files(before, at, raw, stem)
    except NotAudio as error:
        reason = f"It could not be joined to what came before: {error.message}"
        return Placed(move(raw, stem), False, own, own, point, (*said, reason))
    raw.unlink(missing_ok=True)
    return Placed(whole, True, measured_seconds(whole), own, point, said)


def _evidence(raw: Path, own: float | None, clip: Clip, work: Work) -> Evidence:
    known = Evidence(own, work.point, work.ahead, work.asked_length, clip.whole_track)
    before = _before(work)
    if before is None or own is None or work.point is None or own < work.point:
        return known
    like_clip = likeness(raw, before, work.ahead, work.point)
    like_track = _like_track(raw, own, before, work.ahead + work.point) if work.ahead else like_clip
    return replace(known, like_track=like_track, like_clip=like_clip)


def _like_track(raw: Path, own: float, before: Path, until: float) -> Likeness | None:
    """A result that is too short for the track up to the new music is not the track, whatever it begins with."""
    return "different" if own < until + HOLDS_MARGIN_SECONDS else likeness(raw, before, 0.0, until)


def _before(work: Work) -> Path | None:
    found = Path(work.before_file) if work.before_file else None
    return found if found is not None and found.is_file() else None
