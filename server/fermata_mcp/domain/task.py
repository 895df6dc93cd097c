"""Task, Step, Attempt: the durable nouns, and the only moves they may make."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fermata_mcp.domain.foreign.paths import StoredPath

from .credits import Quote, Unit
from .errors import FermataError
from .spec import Action

TaskKind = Literal["extend", "chain"]
TaskStatus = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled", "unknown"]
# queued      to be submitted when it falls due
# submitting  the intent to pay is committed, the request may be on its way
# waiting     the provider has taken it on and is polled
# unknown     the outcome of the paid request is not known; evidence is looked for
# needs_user  evidence did not decide it: a person must
# succeeded   done; its missing audio is fetched for a day more
# failed      refused, or taken on and not done
# cancelled   stopped before it had a result
# abandoned   given up by a person while its outcome was unknown
# expired     nobody polls it any longer, until it is asked for; late truth wins
StepState = Literal[
    "queued", "submitting", "waiting", "unknown", "needs_user",
    "succeeded", "failed", "cancelled", "abandoned", "expired",
]  # fmt: skip
# intent: may have been sent · accepted: has an id there · refused: nothing was taken on · unknown: nobody knows
# · void: proved not to have been sent
AttemptState = Literal["intent", "accepted", "refused", "unknown", "void"]

TASK_STATUSES: tuple[TaskStatus, ...] = (
    "queued", "running", "succeeded", "partial", "failed", "cancelled", "unknown",
)  # fmt: skip
FINISHED: frozenset[TaskStatus] = frozenset({"succeeded", "partial", "failed", "cancelled"})

STEP_MOVES: dict[StepState, frozenset[StepState]] = {
    "queued": frozenset({"submitting", "cancelled", "failed"}),
    "submitting": frozenset({"waiting", "queued", "failed", "unknown"}),
    "unknown": frozenset({"waiting", "needs_user", "queued", "abandoned"}),
    "needs_user": frozenset({"waiting", "queued", "abandoned"}),
    "waiting": frozenset({"waiting", "succeeded", "failed", "expired", "cancelled", "queued"}),
    "expired": frozenset({"waiting", "succeeded", "failed"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "abandoned": frozenset(),
}
"""`waiting → queued` is for repeatable work that was lost with its process; `expired → …` because late truth wins."""


# A saved file and the provider's clip that differ by less than this are the same track.
SAME_LENGTH_SECONDS = 0.2


def new_id(prefix: str) -> str:
    """An unguessable id of 128 random bits."""
    return f"{prefix}_{secrets.token_hex(16)}"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Failure(_Value):
    """An error as it is stored and shown."""

    code: str
    message: str
    hint: str
    retryable: bool = False

    @classmethod
    def of(cls, error: FermataError) -> Failure:
        return cls(code=error.code, message=error.message, hint=error.hint, retryable=error.retryable)


class Seam(_Value):
    """A place where old and new music meet. Seconds; `at` in the result, the others in the source.

    Music that was made for it is counted as if it stood in the source where it was asked for.
    """

    at: float
    from_: float = Field(alias="from")
    to: float
    blend_ms: float
    confidence: float
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Clip(_Value):
    """One finished audio that a provider returned."""

    provider_clip_id: str | None = None
    title: str | None = None
    duration_seconds: float | None = None
    whole_track: bool | None = None
    continue_at: float | None = None
    url: str | None = None
    file: str | None = None
    arrived: str | None = Field(
        default=None, description="path of its audio on this machine, where it came with an answer and has no link"
    )
    model: str | None = None
    seams: tuple[Seam, ...] = ()
    own_seconds: float | None = Field(default=None, description="length on the provider's side, before any joining")
    told_seconds: float | None = Field(default=None, description="length that the provider said its audio has")
    cut: bool = Field(default=False, description="the saved file ends early; a whole one is still asked for")
    unstored: bool = Field(
        default=False, description="its file is on one machine alone, and is still to be put elsewhere"
    )

    @property
    def missing(self) -> bool:
        """Whether its audio, or some of it, has still to be fetched."""
        return self.file is None or self.cut or self.unstored


class Audio(_Value):
    """The deliverable of a task."""

    file: str | None = None
    url: str | None = None
    duration_seconds: float | None = None
    whole_track: bool | None = None


class SourceFacts(_Value):
    """What was learned about the source before anything was spent."""

    ref: str
    duration_seconds: float | None = None
    file: StoredPath | None = None
    seal: str | None = Field(default=None, description="what tells that the file is still the one that was checked")
    url: str | None = None
    clip: str | None = Field(default=None, description="the provider's own id, where the provider has the audio")
    clip_seconds: float | None = Field(default=None, description="length of that clip on the provider's side")
    title: str | None = None
    style: str | None = None
    model: str | None = Field(default=None, description="what made it: providers want the same model again")
    audio_url: str | None = Field(default=None, description="where its audio can be fetched, to compare and to join")
    suffix: str | None = Field(
        default=None, description="file suffix that its bytes call for: that of a result in its format"
    )
    name: StoredPath | None = Field(default=None, description="what the person calls the file, where that is a link")
    chosen: str | None = Field(default=None, description="why this provider, where the caller named none")

    @property
    def called(self) -> str:
        """What callers are shown: an upload by the name that they gave it, which says more than its id."""
        return self.name if self.name and self.ref.startswith("upl_") else self.ref

    identity: str = Field(default="", description="equal for equal audio: path, size and time of a file, or the id")


class Music(_Value):
    """What was heard of some music, for a model that goes on from it; None where nobody can tell."""

    bpm: int | None = None
    key: str | None = Field(default=None, description="such as `D major`")
    beats: str | None = Field(default=None, description="beats in a bar, as `2`, `3`, `4` or `6`")


class Work(_Value):
    """What one step asks of its provider, resolved so that it can be carried out by any process."""

    action: Action = "extend"
    source_file: StoredPath | None = None
    source_seal: str | None = Field(default=None, description="see `SourceFacts.seal`; None: nobody checked it")
    source_url: str | None = None
    source_clip: str | None = None
    source_seconds: float | None = Field(default=None, description="length of the source, where it is known")
    sent_file: StoredPath | None = Field(default=None, description="what is sent of the source, where not all of it is")
    sent_from: float | None = Field(default=None, description="second of the source at which that begins")
    sent_seconds: float | None = Field(default=None, description="its length; it ends at the point")
    sent_blend: float = Field(default=0.0, description="seconds before its end that may come back changed")
    before_file: StoredPath | None = Field(default=None, description="the whole track so far, to join a new part to")
    before_seconds: float | None = None
    continue_at: float | None = None
    add_seconds: float | None = None
    length_seconds: float | None = Field(default=None, description="wanted length of the whole result")
    fields: dict[str, Any] = {}
    options: dict[str, Any] = {}
    take: int = 1
    music: Music | None = Field(default=None, description="what is told to a model of the music before the point")
    dialect: str | None = Field(default=None, description="which build of a server was found, as its adapter names it")
    native_point: float | None = Field(default=None, description="the point, where options give it to the provider")
    native_length: float | None = Field(default=None, description="length of new music, where options give it")

    @property
    def ahead(self) -> float:
        """Seconds of the track before the provider's clip: points in one are points in the other and this.

        Where only a window of the source is sent, that is the provider's clip.
        """
        if self.before_seconds is None or self.source_seconds is None:
            return self.sent_from or 0.0
        ahead = self.before_seconds - self.source_seconds
        return (ahead if ahead >= SAME_LENGTH_SECONDS else 0.0) + (self.sent_from or 0.0)

    @property
    def point(self) -> float | None:
        """Second of the provider's clip at which new music starts, where that is known."""
        return self.source_point if self.sent_seconds is None else self.sent_seconds

    @property
    def source_point(self) -> float | None:
        """The same in the source, of which a window may be all that is sent."""
        given = self.continue_at if self.native_point is None else self.native_point
        return self.source_seconds if given is None else given

    @property
    def asked_length(self) -> float | None:
        """Seconds of new music that the request fixes."""
        return self.add_seconds if self.native_length is None else self.native_length

    save_as: str = Field(description="absolute path of the finished audio")


@dataclass(frozen=True)
class Attempt:
    """One submit. At most one of a step may be `intent`, `accepted` or `unknown`: the database forbids a second."""

    id: str
    step_id: str
    number: int
    state: AttemptState
    remote_id: str | None
    intent_at: int
    ended_at: int | None


@dataclass(frozen=True)
class Step:
    """One extension. Times are Unix milliseconds, UTC; `due_at` is when anybody should look at it again.

    `made_at` is when the provider first said that the work is finished; its audio may still have to be fetched.
    """

    id: str
    task_id: str
    provider: str
    account_id: str
    seq: int
    state: StepState
    work: Work
    home: str | None
    fence: int
    due_at: int | None
    remote_id: str | None
    attempt_id: str | None
    submitted_at: int | None
    made_at: int | None
    polls: int
    error_streak: int
    clips: tuple[Clip, ...]
    error: Failure | None
    created_at: int
    updated_at: int

    @property
    def arrived(self) -> bool:
        """Whether all that it made came with an answer, so that its provider has nothing to tell."""
        return self.made_at is not None and bool(self.clips) and all(map(_came_along, self.clips))


def _came_along(clip: Clip) -> bool:
    return clip.arrived is not None and clip.url is None


def _each_once(said: tuple[str, ...]) -> tuple[str, ...]:
    """The same may be noticed where a source is checked and where it is worked on."""
    return tuple(dict.fromkeys(said))


@dataclass(frozen=True)
class Task:
    """Our durable row of one thing somebody asked for. Times are Unix milliseconds, UTC; money: parts of its unit."""

    id: str
    principal: str
    kind: TaskKind
    provider: str
    account_id: str
    request: dict[str, Any]
    request_hash: str
    idempotency_key: str | None
    source: SourceFacts
    status: TaskStatus
    fraction: float | None
    message: str
    audio: Audio | None
    error: Failure | None
    warnings: Annotated[tuple[str, ...], AfterValidator(_each_once)]
    quote: Quote
    held: int
    charged: int
    refunded: int
    disputed: int
    cancel_at: int | None
    created_at: int
    updated_at: int
    finished_at: int | None
    steps: tuple[Step, ...] = ()

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def needs_person(self) -> bool:
        """Whether only a person can go on from here, and what there is to know about it was found out."""
        return self.status == "unknown" and self.steps[-1].state == "needs_user"

    @property
    def save_as(self) -> str:
        """Absolute path of the finished audio, without its ending where only the provider knows that."""
        return self.steps[0].work.save_as if self.steps else ""

    @property
    def unit(self) -> Unit:
        """What all amounts of it are in."""
        return self.quote.unit

    @property
    def cap(self) -> float | None:
        """The caller's cap on the whole task, in what it is paid in."""
        return self.request.get(f"max_{self.unit}")

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Every clip of the last step that has any; after a joining, the joined one and the other takes."""
        return tuple(clip for _, clip in self.deliveries)

    @property
    def deliveries(self) -> tuple[tuple[Step, Clip], ...]:
        """The `clips`, each with the step that made it."""
        delivered = [step for step in self.steps if step.clips and step.work.action != "upload"]
        if not delivered:
            return ()
        *before, last = delivered
        shown = [(last, clip) for clip in last.clips]
        if last.work.action == "concat":
            shown += [(before[-1], clip) for clip in before[-1].clips[1:]]
        # A chain that ends early is saved once more, under its name, after the step of this clip was over.
        there = self.audio if self.finished_at and self.audio and self.audio.url else Audio()
        earlier = self._joins_of(before)
        return tuple((step, _with_joins_before(_saved_at(clip, there), earlier)) for step, clip in shown)

    def carried_on(self, clips: tuple[Clip, ...]) -> Clip:
        """The clip to go on with: the asked-for variation of a chain where it is there, else the first."""
        variation = int(self.request.get("variation", 0)) if self.kind == "chain" else 0
        return clips[variation if variation < len(clips) else 0]

    def _joins_of(self, steps: list[Step]) -> list[Seam]:
        """The joins in what each of these handed on; their places stay where they are, since later steps add behind."""
        handed_on = [self.carried_on(step.clips) for step in steps]
        return [seam for clip in handed_on if clip.whole_track for seam in clip.seams]


def _saved_at(clip: Clip, audio: Audio) -> Clip:
    same = clip.url is not None and clip.file is not None and clip.url == audio.url
    return clip.model_copy(update={"file": audio.file}) if same else clip


def _with_joins_before(clip: Clip, earlier: list[Seam]) -> Clip:
    """A whole track has the joins of all steps, but for those that its own last one left out."""
    if not clip.whole_track:
        return clip
    own = min([seam.at for seam in clip.seams] or [clip.continue_at or 0.0])
    before = tuple(seam for seam in earlier if seam.at < own)
    return clip.model_copy(update={"seams": (*before, *clip.seams)}) if before else clip
