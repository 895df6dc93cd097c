"""Puts what arrived where it belongs in its track: as it is, or joined to what came before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.domain.errors import NotAudio, TooLarge
from fermata_mcp.domain.placement import HOLDS_MARGIN_SECONDS, Evidence, Likeness, Start, start_of
from fermata_mcp.domain.spec import SentForm, Window
from fermata_mcp.domain.task import Clip, Seam, Work
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.facts import BAD_CONFIDENCE, AudioReport
from fermata_mcp.media.files import move

PROVIDERS_BLEND_SECONDS = 6.0
_WORTH_TELLING_SECONDS = 0.05
IGNORED = (
    "What came back neither begins with what was sent nor has the length that was asked for: the provider ignored the "
    "source. It is kept as it came."
)


@dataclass(frozen=True)
class Placement:
    """A saved result.

    Attributes:
        whole: Whether the file begins where the track begins; None where nobody can tell.
        seconds: Length of the file. `own` is that of what the provider sent.
        new_at: Second of the file's track at which new music starts.
        seams: Where old and new music meet in it, as far as that is known.
    """

    file: Path
    whole: bool | None
    seconds: float | None
    own: float | None
    new_at: float | None
    warnings: tuple[str, ...] = ()
    seams: tuple[Seam, ...] = ()

    def clip(self, before: Clip, *, cut: bool) -> Clip:
        """The provider's clip, as it was delivered."""
        found = {
            "file": str(self.file), "whole_track": self.whole, "duration_seconds": self.seconds,
            "own_seconds": self.own, "continue_at": self.new_at, "cut": cut, "seams": self.seams,
            "told_seconds": before.told_seconds or before.duration_seconds,
        }  # fmt: skip
        return before.model_copy(update=found)


@dataclass(frozen=True)
class Placing:
    """Places one result.

    Attributes:
        raw: The file that arrived, of which `heard` is known. It goes away.
        stem: Where the result goes, without its ending.
        join: Whether it may be joined to what came before.
    """

    decoder: Decoder
    raw: Path
    heard: AudioReport
    clip: Clip
    work: Work
    stem: Path
    join: bool

    async def place(self) -> Placement:
        """Find out where it begins, join it to what came before if that is missing, and save it."""
        start = await self._start()
        if start == "clip" and not self.join and self.work.sent_file:
            return await self._new_part()
        if start == "track":
            return await self._judged(await self._as_it_is(True))
        if not self.join:
            return await self._as_it_is(None if start == "unknown" else False)
        at = _place_in_track(start, self.work)
        if start == "unknown" or at is None or _before(self.work) is None:
            ignored = (IGNORED,) if start == "unknown" and self.work.sent_file else ()
            return await self._as_it_is(None if start == "unknown" else False, *ignored)
        return await self._joined(at, start)

    @property
    def _own(self) -> float | None:
        return self.heard.seconds or self.clip.duration_seconds

    @property
    def _point(self) -> float | None:
        return None if self.work.point is None else self.work.ahead + self.work.point

    @property
    def _said(self) -> tuple[str, ...]:
        said: list[str] = []
        if self.heard.silent:
            said.append("What the provider returned is silent.")
        if not self.heard.decodable:
            kind = self.raw.suffix.lstrip(".") or "file"
            said.append(f"The provider's {kind} cannot be decoded here: it is kept as it came, not compared or joined.")
        return (*said, *([] if self.heard.note is None else [self.heard.note]))

    async def _as_it_is(self, whole: bool | None, *said: str) -> Placement:
        saved = await anyio.to_thread.run_sync(move, self.raw, self.stem)
        return Placement(saved, whole, self._own, self._own, self._point, (*self._said, *said))

    async def _judged(self, placed: Placement) -> Placement:
        """With the join that the provider made, as it is heard."""
        at = placed.new_at
        if at is None or self.work.action != "extend" or not self.heard.decodable:
            return placed
        found = await self.decoder.judge(placed.file, at)
        if found is None:
            return placed
        seam = _seam(at, at, at, 0.0, found.confidence)
        advice = _advice(found.confidence, at, found.better)
        return replace(placed, seams=(seam,), warnings=(*placed.warnings, *advice))

    async def _new_part(self) -> Placement:
        """Of a window that was given back with new music behind it, what is new."""
        facts, point = await self.decoder.probe(self.raw), self.work.point or 0.0
        form: SentForm = "flac" if facts.container == "FLAC" else "wav float32"
        window = Window(facts.duration_seconds - point, facts.sample_rate, facts.channels, form)
        target = self.stem.with_name(self.stem.name + window.suffix)
        made = await self.decoder.cut(self.raw, None, facts.duration_seconds, window, target)
        await anyio.Path(self.raw).unlink(missing_ok=True)
        return Placement(made.path, False, made.seconds, self._own, self._point, self._said)

    async def _joined(self, at: float, start: Start) -> Placement:
        before = _before(self.work)
        assert before is not None
        try:
            joined = await self.decoder.join(before, self.raw, at, *_range(start, at, self.work), self.stem)
        except (NotAudio, TooLarge) as error:
            return await self._as_it_is(False, f"It could not be joined to what came before: {error.message}")
        await anyio.Path(self.raw).unlink(missing_ok=True)
        heard = await self.decoder.hear(joined.path)
        lost = _left_out(joined.left_out)
        said = (*self._said, *joined.warnings, *lost, *_advice(joined.confidence, joined.left, joined.better))
        seam = _seam(joined.at, joined.left, joined.entered, joined.blend_ms, joined.confidence)
        new_at = joined.left if lost and joined.left < (self._point or 0.0) else self._point
        return Placement(joined.path, True, heard.seconds, self._own, new_at, said, (seam,))

    async def _start(self) -> Start:
        if self.work.action == "concat":
            return _start_of_joined(self._own, self.work)
        return start_of(await self._evidence())

    async def _evidence(self) -> Evidence:
        own, work = self._own, self.work
        window = work.sent_file is not None
        known = Evidence(own, work.point, work.ahead, work.asked_length, self.clip.whole_track, window=window)
        before = _before(work)
        if before is None or own is None or work.point is None or own < work.point:
            return known
        like_clip = await self.decoder.likeness(self.raw, before, work.ahead, work.point)
        until = work.ahead + work.point
        like_track = await self._like_track(own, before, until) if work.ahead else like_clip
        return replace(known, like_track=like_track, like_clip=like_clip)

    async def _like_track(self, own: float, before: Path, until: float) -> Likeness | None:
        """A result too short for the track up to the new music is not the track, whatever it begins with."""
        if own < until + HOLDS_MARGIN_SECONDS:
            return "different"
        return await self.decoder.likeness(self.raw, before, 0.0, until)


def _start_of_joined(own: float | None, work: Work) -> Start:
    """What a provider's own joining gave is the track, unless it is no longer than the part that was to be joined."""
    part = work.source_seconds
    return "unknown" if own is not None and part is not None and own < part + HOLDS_MARGIN_SECONDS else "track"


def _place_in_track(start: Start, work: Work) -> float | None:
    """Second of the track at which the result begins."""
    if start == "clip":
        return work.ahead
    return None if work.point is None else work.ahead + work.point


def _range(start: Start, at: float, work: Work) -> tuple[float, float]:
    """The earliest and the latest second of the track at which the join may be.

    A window is given back with a copy of the track in front, of which nothing is needed. Of a longer clip the last
    seconds before the point are left as they are, where providers blend.
    """
    if start != "clip":
        return at, at
    point = at + (work.point or 0.0)
    if work.sent_file is not None:
        return max(at, point - work.sent_blend), point
    latest = max(at, point - PROVIDERS_BLEND_SECONDS)
    return max(at, latest - PROVIDERS_BLEND_SECONDS), latest


def _seam(at: float, left: float, entered: float, blend_ms: float, confidence: float) -> Seam:
    places = {"at": round(at, 3), "from": round(left, 3), "to": round(entered, 3)}
    return Seam.model_validate(places | {"blend_ms": round(blend_ms, 1), "confidence": confidence})


def _left_out(seconds: float) -> tuple[str, ...]:
    if seconds < _WORTH_TELLING_SECONDS:
        return ()
    return (
        f"{seconds:.1f} s around the join were left out so that the beat goes on; the seam's from and to say which.",
    )


def _advice(confidence: float, at: float, better: float | None) -> tuple[str, ...]:
    if confidence >= BAD_CONFIDENCE:
        return ()
    heard = f"Most listeners would mind the join at {at:.1f} s (confidence {confidence:.2f})."
    if better is None:
        return (f"{heard} No place within 8 s is surely better: another take may fit, or another continue_at.",)
    return (f"{heard} A better place to branch off is near: try continue_at={better:.1f}. To find it cost nothing.",)


def _before(work: Work) -> Path | None:
    found = Path(work.before_file) if work.before_file else None
    return found if found is not None and found.is_file() else None
