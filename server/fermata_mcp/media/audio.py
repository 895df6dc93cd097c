"""What an audio file is and holds, and its samples: the one place where files of others are opened to be decoded.

A header is not believed. What its structure or its samples show counts, and decoders are shown a header that says so.
To be used in a process that may end at any time: the server's decoder (see `decoding`), or a worker of `local`.
soundfile (and with it numpy) is imported on first use, so that a server that never touches audio never pays for it.
"""

from __future__ import annotations

import mmap
import os
import stat
import sys
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, NotAudio, TooLarge
from fermata_mcp.media.formats.pieces import Part, Pieced

from .facts import AudioFacts, told_otherwise
from .formats import flac, mp3, ogg, wav

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import soundfile

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
MOST_CHANNELS = 64
LONGEST_SECONDS = 12 * 3600
# Two channels at 48 kHz for that long; more samples are no music that anybody wants to have longer.
MOST_SAMPLES = LONGEST_SECONDS * 48_000 * 2
_BLOCK = 65_536
_SMALLEST_READ = 256  # frames; below this a damaged place ends the file
_UNKNOWN = 1 << 62  # what libsndfile tells where it does not know the length is more
_KEPT = 64
_OUR_OWN = {"WAV", "WAVEX", "FLAC", "MP3"}  # whose headers we read ourselves


@dataclass(frozen=True)
class _Truth:
    """A file's facts, and its parts with their lengths in frames, as they are to be read."""

    facts: AudioFacts
    parts: tuple[Part, ...]
    lengths: tuple[int, ...]


_known: OrderedDict[tuple[Any, ...], _Truth] = OrderedDict()


def native_name(path: Path) -> Any:
    """What libsndfile opens: on most systems a name is bytes, which need not be letters. Its types know text alone."""
    return os.fspath(path) if sys.platform == "win32" else os.fsencode(path)


def probe(path: Path) -> AudioFacts:
    """What the audio file at `path` holds. Decodes next to nothing where its structure bears its header out.

    Raises:
        InvalidRequest: There is no such file, or it is a folder or a device.
        FileNotAllowed: The file cannot be read.
        NotAudio: The bytes are not audio we can decode, or hold no sample, or so few or many a second that it is none.
        TooLarge: There is more of it than anybody can use.
    """
    return _truth(path).facts


def open_audio(path: Path) -> Opened:
    """The file's samples, all that can be heard and no more. Raises as `probe` does."""
    truth = _truth(path)
    return Opened(path, truth.facts, truth.parts, truth.lengths)


class Opened:
    """Decoded audio, read as from a `soundfile.SoundFile`, to which it is alike."""

    def __init__(self, path: Path, facts: AudioFacts, parts: tuple[Part, ...], lengths: tuple[int, ...]) -> None:
        self._path, self._parts, self._lengths = path, parts, lengths
        self.frames, self.samplerate, self.channels = facts.frames, facts.sample_rate, facts.channels
        self.format, self.subtype = facts.container, facts.subtype
        self._index: int = 0
        self._within: int = 0
        self._file = _opened(path, parts[0])

    def __enter__(self) -> Opened:
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


def _truth(path: Path) -> _Truth:
    facts = _refuse_unreadable(path)
    key = (path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
    found = _known.pop(key, None) or _found_out(path, facts.st_size)
    _known[key] = found
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return found


def _found_out(path: Path, size: int) -> _Truth:
    import soundfile

    try:
        with _mapped(path, size) as data:
            return _measured(path, _parts(data, size), data, size)
    except (soundfile.SoundFileError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise NotAudio(f"{path.name} is not audio that can be read.") from error


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


def _measured(path: Path, parts: tuple[Part, ...], data: mmap.mmap, size: int) -> _Truth:
    with _opened(path, parts[0]) as file:
        first = AudioFacts(0.0, 0, file.samplerate, file.channels, _container(file.format), file.subtype, "")
    _refuse_odd(path, first)
    kept: list[Part] = []
    lengths: list[int] = []
    told: int | None = 0
    for part in parts:
        part, frames, promised = _length(path, part, first, MOST_SAMPLES // first.channels - sum(lengths), data, size)
        if frames is None:  # of another kind: no decoder can go on with it
            break
        kept.append(part)
        lengths.append(frames)
        told = promised if len(kept) == 1 else told
    frames = sum(lengths)
    if frames <= 0:
        raise NotAudio(f"{path.name} holds no audio.")
    _refuse_long(path, frames, first)
    facts = replace(
        first, duration_seconds=frames / first.sample_rate, frames=frames, told_frames=told, suffix=path.suffix.lower(),
        left_out=len(lengths) < len(parts), whole=all(part.frames is not None for part in kept),
    )  # fmt: skip
    return _Truth(replace(facts, note=told_otherwise(facts)), tuple(kept), tuple(lengths))


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
            return part, part.frames, told
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


def _refuse_odd(path: Path, facts: AudioFacts) -> None:
    if not LOWEST_RATE <= facts.sample_rate <= HIGHEST_RATE:
        raise NotAudio(
            f"{path.name} has {facts.sample_rate:,} samples a second; {LOWEST_RATE:,} to {HIGHEST_RATE:,} can be read."
        )
    if not 0 < facts.channels <= MOST_CHANNELS:
        raise NotAudio(f"{path.name} has {facts.channels} channels; up to {MOST_CHANNELS} can be read.")


def _refuse_long(path: Path, frames: int, facts: AudioFacts) -> None:
    if frames * facts.channels > MOST_SAMPLES or frames > LONGEST_SECONDS * facts.sample_rate:
        hours = LONGEST_SECONDS // 3600
        raise TooLarge(f"{path.name} holds more than {hours} hours of audio, or as many samples.", "cut it first.")


def _refuse_unreadable(path: Path) -> os.stat_result:
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidRequest(f"There is no file {path.name}.", "check the path and call again.") from error
    except (OSError, ValueError) as error:
        raise FileNotAllowed(f"{path.name} cannot be read.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidRequest(f"{path.name} is not a file.", "give the path of an audio file.")
    if not os.access(path, os.R_OK):
        raise FileNotAllowed(f"{path.name} cannot be read.", "allow reading the file, or give another.")
    return facts
