"""One track after another: priced, extended, saved, told. One that fails does not stop the others."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.types import CallToolResult
from rich.text import Text

from fermata_mcp.cli.answers import (
    WAIT_SECONDS,
    call,
    code_of,
    code_of_refusal,
    drawn,
    status,
    tell,
    text,
    until_over,
    view,
    worst,
)
from fermata_mcp.cli.exit_codes import DONE, FAILED
from fermata_mcp.cli.lookup import whole_id
from fermata_mcp.cli.presenting.clock import minutes
from fermata_mcp.cli.presenting.task_list import name_of
from fermata_mcp.cli.show import Screen, file_of
from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.domain.foreign.paths import written

from .price import Price, agree, in_words
from .saving import Place
from .sources import Track, Tracks

Args = dict[str, Any]
# By parameter of the tools, the words of the command line that say the same.
ASKED = {
    "continue_at": "start", "provider": "provider", "prompt": "prompt", "prompts": "prompts", "lyrics": "lyrics",
    "style": "style", "exclude_style": "exclude_style", "title": "title", "model": "model",
    "instrumental": "instrumental", "vocal_gender": "vocal_gender", "style_weight": "style_weight",
    "weirdness": "weirdness", "audio_weight": "audio_weight", "persona_id": "persona_id",
    "idempotency_key": "key", "take": "take", "stitch": "stitch", "max_steps": "max_steps", "variation": "variation",
}  # fmt: skip


@dataclass
class Course:
    """How far a call for several tracks has come, for whoever stops it."""

    waiting: list[str] = field(default_factory=list[str])
    about: set[str] = field(default_factory=set[str])

    def stopped(self) -> str:
        """What was not begun, in words; "" where all was."""
        return f"Not begun: {', '.join(self.waiting)}." if self.waiting else ""


@dataclass(frozen=True)
class Extending:
    """One call of `extend`. Its `args` are those of the command line."""

    client: Client
    args: Args
    screen: Screen
    place: Place | None
    course: Course

    async def run(self, tracks: Tracks, *, may_cost: bool) -> int:
        """All of it; the worst exit code."""
        for note in tracks.notes:
            self.screen.note(note)
        quoted: dict[Track, CallToolResult] = {}
        if may_cost or self.args["dry_run"]:
            quoted = await self._quoted(tracks)
        if self.args["dry_run"]:
            return self._tell_quotes(tracks, quoted)
        prices = {track: Price.of(view(result)) for track, result in quoted.items() if view(result)}
        if not await agree(prices.values(), self.args, self.client, self.screen):
            self.screen.trouble("Nothing was sent.")
            return FAILED
        return await self._all(tracks, quoted, prices)

    async def _quoted(self, tracks: Tracks) -> dict[Track, CallToolResult]:
        self.screen.bar.begin()
        self.screen.bar.busy("looking at what it costs")
        quoted: dict[Track, CallToolResult] = {}
        for track in tracks.tracks:
            if track.problem is None:
                try:
                    asked = await self._arguments(track)
                except FermataError:
                    continue  # told when its turn comes
                quoted[track] = await call(self.client, self._tool, asked | {"dry_run": True}, self.screen)
        return quoted

    def _tell_quotes(self, tracks: Tracks, quoted: dict[Track, CallToolResult]) -> int:
        codes: list[int] = []
        for number, track in enumerate(tracks.tracks, 1):
            result = quoted.get(track)
            if result is None or not view(result):
                codes.append(self._refuse(track, tracks, "" if result is None else text(result), number))
            else:
                codes.append(self._told_quote(track, number, result, tracks))
        prices = [price for result in quoted.values() if view(result) and (price := Price.of(view(result))).most]
        if tracks.several:
            together = f"All together: {in_words(prices)}. " if len(prices) > 1 else ""
            self.screen.note(f"{together}Nothing was sent; start it with the same command without --dry-run.")
        return worst(codes)

    def _told_quote(self, track: Track, number: int, result: CallToolResult, tracks: Tracks) -> int:
        if not tracks.several:
            return tell(result, self.screen)
        head = self._head(number, tracks, track)
        told = view(self._with_given(result, track, tracks))
        self.screen.result(told, lambda told: Text("\n".join([f"{head}: {told['summary']}", *_warnings(told, 1)])))
        return DONE

    async def _all(self, tracks: Tracks, quoted: dict[Track, CallToolResult], prices: dict[Track, Price]) -> int:
        self.course.waiting += [track.written for track in tracks.tracks]
        codes: list[int] = []
        for number, track in enumerate(tracks.tracks, 1):
            self.course.waiting.pop(0)
            refused = quoted.get(track)
            self.screen.bar.begin(
                f"{number} of {len(tracks.tracks)} · {name_of(track.written)}:" if tracks.several else ""
            )
            if track.problem is not None:
                codes.append(self._refuse(track, tracks, number=number))
            elif refused is not None and not view(refused):
                codes.append(self._refuse(track, tracks, text(refused), number))
            else:
                codes.append(await self._one(track, number, tracks, prices.get(track)))
        if tracks.several:
            self._sum_up(codes)
        return worst(codes)

    def _refuse(self, track: Track, tracks: Tracks, words: str = "", number: int = 0) -> int:
        words = words or str(track.problem or FermataError("it cannot be read."))
        if tracks.several and number:
            self.screen.bar.stop()
            if not self.screen.as_json:
                self.screen.bar.err.print(Text(self._head(number, tracks, track)))
        self.screen.refused(words, track.written if tracks.several else None)
        return code_of_refusal(words)

    async def _one(self, track: Track, number: int, tracks: Tracks, price: Price | None) -> int:
        begun = time.monotonic()
        try:
            asked = await self._arguments(track)
        except FermataError as error:
            return self._refuse(track, tracks, str(error), number)
        if price is not None and price.most:
            asked.setdefault(f"max_{price.unit}", price.most)  # what was said is the most that is paid
        result = await call(self.client, self._tool, asked | {"wait_seconds": WAIT_SECONDS}, self.screen)
        result = await until_over(self.client, result, self.screen)
        if not view(result):
            return self._refuse(track, tracks, text(result), number)
        picture = await drawn(self.client, result, self.args, self.screen)
        saved, problem = self._saved(result)
        took = f"{time.monotonic() - begun:.0f} s"
        self._one_line(number, tracks, track, result, saved, took)
        code = self._tell(track, number, result, tracks, saved)
        if problem:
            self.screen.trouble(problem)
            code = code or FAILED
        self.course.about.discard(view(result)["task_id"])
        return code or picture

    def _one_line(
        self, number: int, tracks: Tracks, track: Track, result: CallToolResult, saved: str | None, took: str
    ) -> None:
        if tracks.several:
            self.screen.bar.done(self._head(number, tracks, track, saved or file_of(view(result))))
        else:
            self.screen.bar.done(f"{status(result)} after {took}")

    @property
    def _tool(self) -> str:
        return "extend_track" if self.args["to"] is None else "chain_extend"

    async def _arguments(self, track: Track) -> Args:
        """What the tool is called with."""
        args = self.args
        asked = {name: args[word] for name, word in ASKED.items() if args[word] not in (None, False)}
        asked |= {"add_seconds": args["by"]} if args["by"] is not None else {}
        asked |= {"target_seconds": args["to"]} if args["to"] is not None else {}
        asked |= {"options": dict(args["options"])} if args["options"] else {}
        asked |= {name: args[name] for name in ("max_credits", "max_usd") if args[name] is not None}
        wish = self.place.wish() if self.place else None
        asked |= {"save_as": wish} if wish else {}
        return asked | {"source": await self._source(track.written)}

    async def _source(self, source: str) -> str:
        """As the server takes it, ids whole."""
        if source.startswith("tsk_"):
            beginning, slash, index = source.partition("/")
            return f"{await whole_id(self.client, beginning)}{slash}{index}"
        return as_text(source)

    def _saved(self, result: CallToolResult) -> tuple[str | None, str | None]:
        """Where it was saved for `--output`, or why it is not there."""
        audio = view(result).get("audio")
        if self.place is None or not audio:
            return None, None
        if audio["file"] is None:
            return None, f"Nothing was saved as {self.place.path}: the audio itself is not saved yet."
        try:
            return str(self.place.keep(Path(audio["file"]))), None
        except StoreUnavailable as error:
            return None, str(error)

    # --- telling --------------------------------------------------------------------------------------------------

    def _head(self, number: int, tracks: Tracks, track: Track, made: str | None = None) -> str:
        became = f" → {made}" if made else ""
        return f"{number} of {len(tracks.tracks)} · {name_of(track.written)}{became}"

    def _tell(self, track: Track, number: int, result: CallToolResult, tracks: Tracks, saved: str | None) -> int:
        if not tracks.several:
            return tell(result, self.screen, saved)
        told = self._with_given(result, track, tracks)
        head = self._head(number, tracks, track, saved or file_of(view(result)))
        self.screen.result(view(told), lambda told: Text("\n".join([head, *_short(told)])), saved)
        return code_of(result)

    def _with_given(self, result: CallToolResult, track: Track, tracks: Tracks) -> CallToolResult:
        if not tracks.several:
            return result
        return result.model_copy(update={"structured_content": {"given": track.written, **view(result)}})

    def _sum_up(self, codes: list[int]) -> None:
        done = codes.count(DONE)
        bad = f"; {len(codes) - done} not, see above" if done < len(codes) else ""
        self.screen.bar.stop()
        if not self.screen.quiet:
            self.screen.bar.err.print(Text(f"{done} of {len(codes)} done{bad}."))


def as_text(source: str) -> str:
    """A source as JSON can say it: a path whose bytes are no letters as its address."""
    return source if written(source) == source else written(str(Path(source).expanduser().absolute()))


def _short(told: dict[str, Any]) -> list[str]:
    """What is told of one of several: what became of it, other takes, its doubtful places, what it cost."""
    if told["status"] not in ("succeeded", "partial"):
        lines = [told["summary"], *([f"Next: {told['error']['hint']}"] if told["error"] else [])]
    else:
        lines = [f"{_lengths(told)}, {told['task_id'][:12]}", *_other_takes(told)]
        lines += [told["summary"]] if told["credits"]["quoted"] or told["status"] == "partial" else []
    return [*(f"   {line}" for line in lines), *_warnings(told)]


def _warnings(told: dict[str, Any], first: int = 0) -> list[str]:
    return [f"   {warning}" for warning in told["warnings"][first:]]


def _lengths(told: dict[str, Any]) -> str:
    audio: Args = told["audio"] or {"duration_seconds": None}
    before, after = told["source"]["duration_seconds"], minutes(audio["duration_seconds"])
    return after if before is None else f"{minutes(before)} → {after}"


def _other_takes(told: dict[str, Any]) -> list[str]:
    others = [clip for clip in told["clips"] if clip["file"] and clip["file"] != file_of(told)]
    return [f"another take: {clip['file']}" for clip in others]
