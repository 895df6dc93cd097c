"""What a stream of sound is, as libraries that decode everything tell it, and in libsndfile's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    Native: TypeAlias = NDArray[Any]

Kind = Literal["int16", "int32", "float32", "float64"]
# By FFmpeg's names of sample formats, without their p for planes.
KINDS: dict[str, Kind] = {"u8": "int16", "s16": "int16", "s32": "int32", "flt": "float32", "dbl": "float64"}
_LOSSLESS = {"flac", "ape", "wavpack", "tta", "tak", "wmalossless", "mlp", "truehd", "shorten", "als"}
_SUBTYPES = {
    "aac": "AAC", "aac_latm": "AAC", "mp3": "MPEG_LAYER_III", "mp3float": "MPEG_LAYER_III", "opus": "OPUS",
    "libopus": "OPUS", "vorbis": "VORBIS",
}  # fmt: skip
_CONTAINERS = {"mov": "M4A"}


@dataclass(frozen=True)
class Sound:
    """The one stream of a file that is heard.

    Attributes:
        codec: FFmpeg's name.
        kind: The numpy type of its samples.
        rate: Hz.
        layout: FFmpeg's name of what the channels are.
        kbps: Thousand bits a second; None where nobody tells.
        others: How many streams of sound are in the file beside it.
        picture: Whether it is the sound of a film.
    """

    codec: str
    kind: Kind
    rate: int
    channels: int
    layout: str
    kbps: float | None
    others: int
    picture: bool

    def subtype(self, deep: bool) -> str:
        """libsndfile's name of the sample format.

        Args:
            deep: Whether its samples have more than 24 bits.
        """
        if self.codec == "alac":
            return "ALAC_16" if self.kind == "int16" else "ALAC_32" if deep else "ALAC_24"
        plain = self.codec.startswith("pcm_") and not self.codec.endswith("law")
        if plain or self.codec in _LOSSLESS:
            whole = "PCM_16" if self.kind == "int16" else "PCM_32" if deep else "PCM_24"
            return {"float32": "FLOAT", "float64": "DOUBLE"}.get(self.kind, whole)
        return _SUBTYPES.get(self.codec, self.codec.upper())


@dataclass(frozen=True)
class Words:
    """Texts by the names that the container gives them, and words for what else it holds beside its music."""

    texts: Mapping[str, str]
    besides: tuple[str, ...] = ()


class Sink(Protocol):
    """Takes blocks [frames, channels] of one numpy type."""

    def write(self, data: Native) -> None: ...


class Writer(Sink, Protocol):
    """What was written is whole once it was closed."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Library(Protocol):
    """Something that decodes and encodes nearly everything."""

    def opened(
        self, path: Path, demuxer: str, *, untrimmed: bool = False
    ) -> AbstractContextManager[tuple[Sound, Iterator[Native]]]:
        """The stream that is heard, and its samples as blocks [frames, channels] up to the end or what is damaged.

        Args:
            untrimmed: Give also what an encoder put in front and behind.

        Raises:
            ValueError: There is no sound in the file.
            OSError: It cannot be read.
        """
        ...

    def words(self, path: Path, demuxer: str) -> Words:
        """What the container says of its music. Raises OSError, or ValueError where it is none."""
        ...

    def writer(self, path: Path, muxer: str, encoding: Encoding, words: Mapping[str, str]) -> Writer:
        """Something that encodes into `path`, with texts by FFmpeg's names. Raises OSError."""
        ...


@dataclass(frozen=True)
class Encoding:
    """How a stream is encoded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        sample_format: FFmpeg's name of what it takes, without its p.
        planes: Whether it takes each channel for itself.
        rate: Hz.
        layout: FFmpeg's name of what the channels are.
        kbps: Thousand bits a second; None for a lossless one.
        options: For the encoder. `container_options` for what is around it.
    """

    codec: str
    sample_format: str
    planes: bool
    rate: int
    layout: str
    kbps: float | None = None
    options: tuple[tuple[str, str], ...] = ()
    container_options: tuple[tuple[str, str], ...] = ()


def container_name(demuxer: str) -> str:
    """What a container is called in `AudioFacts`."""
    return _CONTAINERS.get(demuxer, demuxer.upper())


def as_kind(block: Native, kind: str) -> Native:
    """`block` as another numpy type, full scale to full scale; what is beyond is clipped where there is no beyond."""
    import numpy as np

    if block.dtype.name == kind:
        return block
    if kind in ("float32", "float64"):
        scale = 1.0 if block.dtype.kind == "f" else 1.0 / -float(np.iinfo(block.dtype).min)
        return block.astype(kind) * np.dtype(kind).type(scale)
    if block.dtype.kind == "f":
        limits = np.iinfo(kind)
        return np.clip(np.rint(block.astype(np.float64) * -float(limits.min)), limits.min, limits.max).astype(kind)
    return block.astype(np.int32) << 16 if kind == "int32" else (block >> 16).astype(np.int16)
