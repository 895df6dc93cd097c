"""Files that libsndfile does not read: measured and read through another library, always from the beginning.

A place is reached by decoding up to it. That is exact for every codec, which seeking is not.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fermata_mcp.media.facts import AudioFacts
from fermata_mcp.media.formats import caf
from fermata_mcp.media.formats.mp4 import movie_sound
from fermata_mcp.media.formats.signatures import Signature, in_words, is_for_others

from .libraries import library, no_audio, no_decoder
from .sound import Sound, as_kind, container_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from .sound import Library, Native

# What a codec may put behind the music that its container does not count: AAC frames have up to 2,048 samples.
_LONGEST_PADDING = 4096
_DEEPER_THAN_24 = 0xFF


@dataclass(frozen=True)
class Foreign:
    """A file that was measured, and what reads it; `in_front` frames of what comes are no music."""

    path: Path
    demuxer: str
    library: Library
    facts: AudioFacts
    in_front: int

    def open(self) -> Decoded:
        return Decoded(self)

    def begun(self) -> AbstractContextManager[tuple[Sound, Iterator[Native]]]:
        return _begun(self.library, self.path, self.demuxer)


def measured(path: Path, found: Signature, most: int) -> Foreign:
    """Decode the file once, to know what can be heard of it.

    Args:
        found: What its first bytes say.
        most: Samples, of all channels together, behind which nothing is counted any more.

    Raises:
        NoDecoder: Nothing here reads this kind.
        NotAudio: No sound in it decodes.
        OSError: It cannot be read.
    """
    decoder = library()
    if decoder is None and is_for_others(path, found):
        raise no_decoder(path, found)
    if decoder is None:
        raise no_audio(f"{path.name} is not audio that can be read.")
    try:
        with _begun(decoder, path, found.demuxer) as (sound, blocks):
            frames, deep = _counted(sound, blocks, most)
        if not frames or sound.rate <= 0:
            raise ValueError("no sound")
    except (ValueError, KeyError) as error:
        raise no_audio(f"{path.name} holds {in_words(path, found)}, and no sound in it can be decoded.") from error
    told, in_front = _told(path, found, sound)
    frames = max(0, frames - in_front)
    if told is not None and 0 <= frames - told <= _LONGEST_PADDING:
        frames = told
    facts = AudioFacts(
        frames / sound.rate, frames, sound.rate, sound.channels, container_name(found.demuxer), sound.subtype(deep),
        path.suffix.lower(), told, note=_others(sound), kbps=sound.kbps, layout=sound.layout, picture=sound.picture,
        kind=sound.kind,
    )  # fmt: skip
    return Foreign(path, found.demuxer, decoder, facts, in_front)


def _begun(decoder: Library, path: Path, demuxer: str) -> AbstractContextManager[tuple[Sound, Iterator[Native]]]:
    """FFmpeg's libraries cut the end of a CAF file twice: there, we do."""
    return decoder.opened(path, demuxer, untrimmed=demuxer == "caf")


def _counted(sound: Sound, blocks: Iterator[Native], most: int) -> tuple[int, bool]:
    """Frames, and whether samples of 32 bits use more than 24 of them."""
    frames, deep = 0, False
    for block in blocks:
        frames += len(block)
        deep = deep or (sound.kind == "int32" and bool((block & _DEEPER_THAN_24).any()))
        if frames * sound.channels > most:
            break
    return frames, deep


def _told(path: Path, found: Signature, sound: Sound) -> tuple[int | None, int]:
    """Frames that the container says are music, and those in front of them that the library leaves in."""
    if found.demuxer == "caf" and (table := caf.packets(path)) is not None:
        return table.valid, table.priming
    if found.demuxer != "mov" or sound.others:  # with several, it may be another one that is heard
        return None, 0
    movie = movie_sound(path)
    return (None if movie is None or movie.seconds is None else round(movie.seconds * sound.rate)), 0


def _others(sound: Sound) -> str | None:
    if not sound.others:
        return None
    return f"The file has {sound.others + 1} audio streams; the one that players take was used."


class Decoded:
    """See `Opened`."""

    def __init__(self, source: Foreign) -> None:
        self._source = source
        facts = source.facts
        self.frames, self.samplerate, self.channels = facts.frames, facts.sample_rate, facts.channels
        self.format, self.subtype = facts.container, facts.subtype
        self._begin()

    def _begin(self) -> None:
        self._stack = ExitStack()
        _, self._blocks = self._stack.enter_context(self._source.begun())
        self._rest: Native | None = None
        self._at = -self._source.in_front
        self.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def seek(self, frame: int) -> int:
        if frame < self._at:
            self.close()
            self._begin()
        for _ in self._taken(frame - self._at):
            pass
        return frame

    def read(self, frames: int = -1, dtype: Any = "float64", always_2d: bool = False) -> Any:
        import numpy as np

        left = self.frames - self._at
        blocks = [as_kind(block, dtype) for block in self._taken(left if frames < 0 else min(frames, left))]
        data = np.concatenate(blocks) if blocks else np.empty((0, self.channels), dtype)
        return data if always_2d or self.channels > 1 else data[:, 0]

    def _taken(self, frames: int) -> Iterator[Native]:
        while frames > 0:
            block = self._rest if self._rest is not None else next(self._blocks, None)
            if block is None:
                return
            part, rest = block[:frames], block[frames:]
            self._rest = rest if len(rest) else None
            self._at += len(part)
            frames -= len(part)
            yield part
