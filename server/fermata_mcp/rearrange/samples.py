"""The source's samples, read in their own format.

Untouched samples are copied, never converted: 8- and 16-bit files are held as int16, 24- and 32-bit files as int32,
64-bit floats as float64, everything else (32-bit floats and lossy files) as float32. libsndfile shifts 8 and 24 bits
up and down again without loss. Small files are held in memory; big ones are read from disk where they are needed,
lossy ones, and those that other libraries decode, from a scratch file: seeking in ogg and mp3 does not land on the
asked-for sample.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias

import numpy as np
import soundfile

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.media.audio import open_audio
from fermata_mcp.media.codecs.libraries import no_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fermata_mcp.media.audio import Opened
    from fermata_mcp.media.facts import AudioFacts

    Native: TypeAlias = NDArray[Any]
    F32: TypeAlias = NDArray[np.float32]
    Floats: TypeAlias = NDArray[np.floating[Any]]
    Ints: TypeAlias = NDArray[np.int64]

BLOCK = 65536  # frames; libsndfile's ogg encoder crashes on much longer writes
MEMORY_LIMIT = 192 * 2**20  # bytes of decoded samples kept in memory
_SMALLEST_READ = 256  # frames; below this a damaged place ends the file
_NATIVE = {
    "PCM_S8": "int16", "PCM_U8": "int16", "PCM_16": "int16", "ULAW": "int16", "ALAW": "int16", "ALAC_16": "int16",
    "PCM_24": "int32", "PCM_32": "int32", "ALAC_20": "int32", "ALAC_24": "int32", "ALAC_32": "int32",
    "DOUBLE": "float64",
}  # fmt: skip

_DTYPES: dict[str, Literal["int16", "int32", "float32", "float64"]] = {
    "int16": "int16", "int32": "int32", "float32": "float32", "float64": "float64",
}  # fmt: skip


class Samples(Protocol):
    """Random access to decoded audio."""

    @property
    def frames(self) -> int:
        """How many frames really decode; a truncated file has fewer than its header says."""
        ...

    @property
    def rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def repaired(self) -> bool:
        """Whether NaN or infinite samples were read, and set to zero."""
        ...

    def read(self, start: int, stop: int) -> Native:
        """Frames `start` to `stop` as [frames, channels] in the native type; not to be written to."""
        ...

    def close(self) -> None: ...


def open_samples(path: Path, facts: AudioFacts, scratch: Path, progress: Callable[[float], None]) -> Samples:
    """Decode `path` into memory when it is small, else open it for reading in places.

    Args:
        path: The audio file.
        facts: What it holds.
        scratch: Folder for the decoded samples of a big lossy file; they vanish with the process.
        progress: Told the share decoded.

    Raises:
        NotAudio: Nothing decodes.
        StoreUnavailable: The scratch folder has no room.
    """
    kind = np.dtype(facts.kind or _NATIVE.get(facts.subtype, "float32"))
    size = facts.frames * facts.channels * kind.itemsize
    file = _File(path, facts, kind)
    if size <= MEMORY_LIMIT:
        samples = _Memory.of(file, progress)
    else:
        samples = file if facts.lossless and not facts.kind else _Scratch.of(file, scratch, progress)
    if samples is not file:
        file.close()
    if samples.frames == 0:
        raise no_audio(f"{path.name} holds no audio that decodes.")
    return samples


def held(data: Native, rate: int) -> Samples:
    """Samples [frames, channels] that are in memory already."""
    return _Memory(data, rate, repaired=False)


def full_scale(kind: np.dtype[Any]) -> float:
    """The native value that stands for 1.0."""
    return float(-np.iinfo(kind).min) if kind.kind == "i" else 1.0


def to_float(block: Native) -> F32:
    """A native `block` [frames, channels] as float32, 1.0 at full scale."""
    return np.asarray(block, np.float32) * np.float32(1 / full_scale(block.dtype))


def to_native(block: Floats, kind: np.dtype[Any]) -> Native:
    """`block` [frames, channels] in native units (float64, not scaled to 1.0) rounded and clipped into `kind`."""
    if kind.kind != "i":
        return block.astype(kind)
    limits = np.iinfo(kind)
    return np.clip(np.rint(block), limits.min, limits.max).astype(kind)


class _Memory:
    def __init__(self, data: Native, rate: int, repaired: bool) -> None:
        self._data = data
        self.frames, self.channels = data.shape
        self.rate = rate
        self.repaired = repaired

    @classmethod
    def of(cls, file: _File, progress: Callable[[float], None]) -> _Memory:
        data = np.empty((file.promised, file.channels), file.kind)
        done = 0
        for block in file.blocks():
            data[done : done + len(block)] = block
            done += len(block)
            progress(done / len(data))
        return cls(data[:done], file.rate, file.repaired)

    def read(self, start: int, stop: int) -> Native:
        return self._data[start:stop]

    def close(self) -> None:
        pass


class _Scratch:
    def __init__(self, file: BinaryIO, frames: int, source: _File) -> None:
        self._file = file
        self._kind = source.kind
        self.frames, self.channels, self.rate, self.repaired = frames, source.channels, source.rate, source.repaired

    @classmethod
    def of(cls, source: _File, folder: Path, progress: Callable[[float], None]) -> _Scratch:
        done = 0
        try:
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the samples)
            for block in source.blocks():
                file.write(block.tobytes())
                done += len(block)
                progress(done / source.promised)
            file.flush()
        except OSError as error:
            raise StoreUnavailable(
                f"{folder} has no room to decode the track: {error.strerror}.", "free some space, and call again."
            ) from error
        return cls(file, done, source)

    def read(self, start: int, stop: int) -> Native:
        width = self.channels * self._kind.itemsize
        self._file.seek(start * width)
        data = self._file.read((stop - start) * width)
        return np.frombuffer(data, self._kind).reshape(-1, self.channels)

    def close(self) -> None:
        self._file.close()


class _File:
    def __init__(self, path: Path, facts: AudioFacts, kind: np.dtype[Any]) -> None:
        self._path = path
        self._file = self._opened()
        self.promised = facts.frames
        self.rate, self.channels, self.kind = facts.sample_rate, facts.channels, kind
        self.repaired = False
        self._at = 0
        self._frames: int | None = None

    @property
    def frames(self) -> int:
        if self._frames is None:
            probed = max(0, self.promised - _SMALLEST_READ)
            whole = len(self.read_on(probed, self.promised)) == self.promised - probed
            self._frames = self.promised if whole else sum(len(block) for block in self.blocks())
        return self._frames

    def read(self, start: int, stop: int) -> Native:
        parts: list[Native] = []
        while start < stop:
            part = self.read_on(start, min(stop, start + BLOCK))
            if len(part) == 0:
                part = np.zeros((stop - start, self.channels), self.kind)
            parts.append(part)
            start += len(part)
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def close(self) -> None:
        self._file.close()

    def read_on(self, start: int, stop: int) -> Native:
        """As many frames from `start` as decode in one go, at most to `stop`; none at a damaged place or the end."""
        count = stop - start
        while count >= min(_SMALLEST_READ, stop - start) and count > 0:
            try:
                self._seek(start)
                block = self._file.read(count, dtype=_DTYPES[self.kind.name], always_2d=True)
            except soundfile.SoundFileError:
                self._reopen()
                count //= 2
                continue
            self._at = start + len(block)
            return self._finite(np.asarray(block))
        return np.empty((0, self.channels), self.kind)

    def _reopen(self) -> None:
        # libFLAC stays broken after it has lost sync
        self._file.close()
        self._file = self._opened()
        self._at = 0

    def _opened(self) -> Opened:
        return open_audio(self._path)

    def _seek(self, start: int) -> None:
        if start != self._at:
            self._file.seek(start)
            self._at = start

    def _finite(self, block: Native) -> Native:
        """`block` [frames, channels] with 0 for what is no number."""
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            self.repaired = True
            return np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return block

    def blocks(self) -> Iterator[Native]:
        """[frames, channels] each: all that decodes, from the beginning to the end or the first damaged place."""
        done = 0
        while done < self.promised:
            block = self.read_on(done, min(done + BLOCK, self.promised))
            if len(block) == 0:
                return
            yield block
            done += len(block)
