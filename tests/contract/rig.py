"""What the contract suite has to know of any adapter, and the bench on which it is tested."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import anyio
import soundfile

from fermata_mcp.domain.spec import ProviderSpec, SourceKind
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Accepted, Provider, Snapshot, Submitted

Capability = Literal["wire", "worker"]
"""`wire`: it speaks HTTP, so that HTTP can fail. `worker`: it works in processes of its own, so that these can."""
CALLBACK = "https://callback.invalid/x"
CANARY = "canary-5f1e-key"
KINDS: tuple[SourceKind, ...] = ("file", "url", "task", "clip")
SAMPLES: dict[str, tuple[Any, Any]] = {
    "prompt": ("slower and softer", "louder"), "lyrics": ("[Verse]\nover the hills", "[Verse]\nby the sea"),
    "style": ("jazz", "folk"), "title": ("Longer", "Longer still"), "continue_at": (12.5, 13.0),
    "add_seconds": (20.0, 30.0), "exclude_style": ("metal", "polka"), "instrumental": (True, False),
    "vocal_gender": ("m", "f"), "style_weight": (0.65, 0.3), "weirdness": (0.25, 0.5), "audio_weight": (0.4, 0.8),
    "persona_id": ("persona_1", "persona_2"), "model": ("some-model", "other-model"),
}  # fmt: skip
"""Two values of each field."""


async def seconds_arrived(clip: Clip) -> float:
    """Of audio that came with an answer."""
    read: Any = soundfile.info
    return read(io.BytesIO(await anyio.Path(clip.arrived or "").read_bytes())).duration


@dataclass
class Bench(ABC):
    """A real provider, in circumstances that a test chooses."""

    provider: Provider

    @property
    @abstractmethod
    def work(self) -> Work:
        """The smallest work that it takes."""

    @abstractmethod
    def end_as(self, outcome: str) -> None:
        """Whatever is submitted from now on ends so; one of the rig's `endings`."""

    @abstractmethod
    def begin_slowly(self) -> None:
        """Whatever is submitted from now on is not over at the first look."""

    @abstractmethod
    async def length_of(self, clip: Clip) -> float:
        """Seconds of audio that the clip really holds."""

    @abstractmethod
    async def arrived(self, work: Work) -> Mapping[str, Any]:
        """What reaches the far side when this is submitted, by its names."""

    async def submit(self, work: Work | None = None, attempt_id: str = "att_1") -> Submitted:
        return await self.provider.submit(attempt_id, work or self.work)

    async def submitted(self, work: Work | None = None, attempt_id: str = "att_1") -> str:
        outcome = await self.submit(work, attempt_id)
        assert isinstance(outcome, Accepted), f"not accepted: {outcome}"
        return outcome.remote_id

    async def poll(self, remote_id: str) -> Snapshot:
        return await self.provider.poll(remote_id, self.work)

    async def over(self, remote_id: str, seconds: float = 180) -> Snapshot:
        """The first reading that is not `running`."""
        with anyio.fail_after(seconds):
            while (found := await self.poll(remote_id)).state == "running":  # noqa: ASYNC110  (only a look tells)
                await anyio.sleep(0.01)
        return found


@dataclass(frozen=True, kw_only=True)
class Rig(ABC):
    """The part that every adapter has.

    Attributes:
        kinds: The forms of source that it takes.
        wire: Our name to the documented name of every field that it takes.
        sources: A smallest work for each kind of source that can be submitted.
        full: The fields (our names) that a work has, so that one more can be added to it.
        label: What it is called among the tests, where another rig has the same provider.
        switches: Documented names that may change together with a field.
        alone: Fields that go with none of `full`.
        only_for: Fields that just these kinds of source take.
        samples: Two values of each field that some provider takes.
        endings: The name of a way to end, to the state and error code as which it must be read.
        unlisted: What a look says of an id that the provider does not know.
        stops: Whether running work can be stopped.
        clips: How many one extension makes.
        besides: What a field needs beside it, where it does not go with what others do.
        bare: Its results hold links to audio, and tell nothing of it.
        at_once: Whether the answer to a submit is all there ever is, so that there are no looks.
    """

    can: ClassVar[frozenset[Capability]] = frozenset()
    name: str
    kinds: frozenset[SourceKind]
    wire: Mapping[str, str]
    sources: Mapping[str, Work]
    full: Mapping[str, Any]
    endings: Mapping[str, tuple[str, str | None]]
    switches: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    label: str = ""
    only_for: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    samples: Mapping[str, tuple[Any, Any]] = field(default_factory=lambda: SAMPLES)
    unlisted: Literal["running", "lost"] = "running"
    stops: bool = False
    unknown_id: str = "0" * 32
    clips: int = 2
    bare: bool = False
    besides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    balance: bool = True
    at_once: bool = False

    @property
    @abstractmethod
    def spec(self) -> ProviderSpec: ...

    def full_for(self, name: str) -> Mapping[str, Any]:
        """The fields that a work has before this one is added."""
        return {field: value for field, value in self.full.items() if name not in self.alone}

    @property
    @abstractmethod
    def key_variable(self) -> str | None: ...

    @abstractmethod
    def bench(self) -> AbstractAsyncContextManager[Bench]: ...

    def given(self, work: Work, fields: Mapping[str, Any]) -> Work:
        """The work with these fields besides."""
        own = {name: value for name, value in fields.items() if name in ("continue_at", "add_seconds")}
        rest = {name: value for name, value in fields.items() if name not in own}
        return work.model_copy(update={**own, "fields": {**work.fields, **rest}})

    def as_sent(self, name: str, value: Any) -> Any:
        """What is on the far side for our value of a field."""
        return value


def work(**given: Any) -> Work:
    return Work(save_as="/nowhere/out.mp3", **given)
