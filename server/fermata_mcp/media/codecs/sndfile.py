"""What libsndfile reads: measured by what the structure or the samples of a file show, and read a part after the other.

soundfile (and with it numpy) is imported on first use, so that a server that never touches audio never pays for it.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fermata_mcp.media.codecs.libraries import no_audio
from fermata_mcp.media.facts import AudioFacts, told_otherwise
from fermata_mcp.media.formats import flac, mp3, ogg, wav
from fermata_mcp.media.formats.pieces import Part, Pieced

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import soundfile

_BLOCK = 65_536
_SMALLEST_READ = 256  # frames; below this a damaged place ends the file
_UNKNOWN = 1 << 62  # what libsndfile tells where it does not know the length is more
_OUR_OWN = {"WAV", "WAVEX", "FLAC", "MP3"}  # whose headers we read ourselves


class Unreadable(ValueError):
    """libsndfile cannot read it."""


@dataclass(frozen=True)
class SndSource:
    """A file that was measured, with its parts and their lengths in frames, as they are to be read."""

    path: Path
    facts: AudioFacts
    parts: tuple[Part, ...]
    lengths: tuple[int, ...]

    def open(self) -> SndAudio:
        return SndAudio(self)


def native_name(path: Path) -> Any:
    """What libsndfile opens: on most systems a name is bytes, which need not be letters. Its types know text alone."""
    return os.fspath(path) if sys.platform == "win32" else os.fsencode(path)


def measured(path: Path, most: int) -> SndSource:
    """What the file holds. Decodes next to nothing where its structure bears its header out.

    Args:
        most: Samples, of all channels together, behind which nothing is counted any more.

    Raises:
        Unreadable: libsndfile does not know the kind, or finds nothing in it.
        NotAudio: It holds no sample.
    """
    import soundfile

    try:
        size = path.stat().st_size
        with _mapped(path, size) as data:
            return _measured(path, _parts(data, size), data, size, most)
    except (soundfile.SoundFileError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise Unreadable(str(error)) from error


class SndAudio:
    """See `Opened`: the parts of a file, one after the other."""

    def __init__(self, source: SndSource) -> None:
        self._path, self._parts, self._lengths = source.path, source.parts, source.lengths
        facts = source.facts
        self.frames, self.samplerate, self.channels = facts.frames, facts.sample_rate, facts.channels
        self.format, self.subtype = facts.container, facts.subtype
        self._index: int = 0
        self._within: int = 0
        self._file = _opened(source.path, source.parts[0])

    def __enter__(self) -> SndAudio:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def seek(self, frame: int) -> int:
        """Go to a frame counted from the beginning."""
        index, within = 0, frame
        while index + 1 < len(self._parts) and within >= self._lengths[index]:
            within -= self._lengths[index]
            index += 1
        self._go_to(index)
        self._file.seek(within)
        self._within = within
        return frame

    def read(self, frames: int = -1, dtype: Any = "float64", always_2d: bool = False) -> Any:
        """Up to so many frames, fewer only at the end or where a part cannot be decoded further.

        Raises:
            soundfile.SoundFileError: The next ones are damaged.
        """
        import numpy as np

        blocks: list[Any] = []
        wanted = self.frames if frames < 0 else frames
        while True:
            count = max(0, min(wanted, self._lengths[self._index] - self._within))
            block: Any = self._file.read(count, dtype=dtype, always_2d=always_2d)
            self._within += len(block)
            wanted -= len(block)
            blocks.append(block)
            if not wanted or self._index + 1 == len(self._parts):
                return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            self._go_to(self._index + 1)

    def _go_to(self, index: int) -> None:
        if index != self._index:
            self._file.close()
            self._file = _opened(self._path, self._parts[index])
            self._index = index
            self._within = 0


def _opened(path: Path, part: Part) -> soundfile.SoundFile:
    import soundfile

    if part.pieces is None:
        return soundfile.SoundFile(native_name(path))
    pieced: Any = Pieced(path, part.pieces)  # its types know no file but those of Python's own
    return soundfile.SoundFile(pieced)


def _mapped(path: Path, size: int) -> mmap.mmap:
    with path.open("rb") as file:
        if size == 0:
            raise ValueError("an empty file")
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parts(data: mmap.mmap, size: int) -> tuple[Part, ...]:
    for room in (wav, flac, ogg, mp3):
        if parts := room.parts_of(data, size):
            return parts
    return (Part(),)


def _measured(path: Path, parts: tuple[Part, ...], data: mmap.mmap, size: int, most: int) -> SndSource:
    with _opened(path, parts[0]) as file:
        first = AudioFacts(0.0, 0, file.samplerate, file.channels, _container(file.format), file.subtype, "")
    kept: list[Part] = []
    lengths: list[int] = []
    told: int | None = 0
    for part in parts:
        part, frames, promised = _length(path, part, first, most // max(1, first.channels) - sum(lengths), data, size)
        if frames is None:  # of another kind: no decoder can go on with it
            break
        kept.append(part)
        lengths.append(frames)
        told = promised if len(kept) == 1 else told
    frames = sum(lengths)
    if frames <= 0:
        raise no_audio(f"{path.name} holds no audio.")
    facts = replace(
        first, duration_seconds=frames / first.sample_rate, frames=frames, told_frames=told, suffix=path.suffix.lower(),
        left_out=len(lengths) < len(parts), whole=all(part.frames is not None for part in kept),
    )  # fmt: skip
    return SndSource(path, replace(facts, note=told_otherwise(facts)), tuple(kept), tuple(lengths))


def _length(
    path: Path, part: Part, like: AudioFacts, most: int, data: mmap.mmap, size: int
) -> tuple[Part, int | None, int | None]:
    """The part as it is to be read, its frames (None where it is of another kind), and those that its header tells."""
    with _opened(path, part) as file:
        if (file.samplerate, file.channels) != (like.sample_rate, like.channels):
            return part, None, None
        known = file.frames < _UNKNOWN
        told = part.told if like.container in _OUR_OWN else file.frames if known else None
        if part.trust == "sure" and part.frames is not None:
            # an MP3 decoder leaves out its own delay, once it is told how many frames there are
            return part, min(part.frames, file.frames) if known and file.format == "MP3" else part.frames, told
        if known and (part.trust == "sure" or (part.trust == "look" and _reaches_its_end(file))):
            return part, file.frames, told
    frames = _counted(path, part, most)
    if like.container == "FLAC" and frames:
        return replace(flac.retold(data, part, frames, size), frames=None), frames, told
    return part, frames, told


def _reaches_its_end(file: soundfile.SoundFile) -> bool:
    """Whether the last samples that the header promises are there; decodes no more than those."""
    import soundfile

    last = min(_SMALLEST_READ, file.frames)
    try:
        file.seek(file.frames - last)
        return len(file.read(last, dtype="float32")) == last
    except soundfile.SoundFileError:
        return False


def _counted(path: Path, part: Part, most: int) -> int:
    """All frames that decode, up to the end or the first damaged place, and little more than `most`."""
    import soundfile

    done, count = 0, _BLOCK
    file = _opened(path, part)
    try:
        while count >= _SMALLEST_READ and done <= most:
            try:
                read = len(file.read(count, dtype="float32"))
            except soundfile.SoundFileError:
                file.close()
                file, count = _opened(path, part), count // 2  # libFLAC stays broken after it has lost sync
                file.seek(done)
                continue
            done += read
            if read < count:
                break
    except soundfile.SoundFileError:
        pass  # what came before the damage is what can be heard
    finally:
        file.close()
    return done


def _container(name: str) -> str:
    return "WAV" if name == "RF64" else name
