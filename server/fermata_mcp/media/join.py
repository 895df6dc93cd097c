"""Whether a result holds the whole track or only the new part, and joining a new part to what came before.

numpy and soundfile are imported on first use; everything here is to be run in a thread.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio

from .audio import probe
from .mp3 import is_cut_short

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

BLEND_SECONDS = 0.03
# A result this much longer than the point where new music starts can hold everything before it.
WHOLE_MARGIN_SECONDS = 1.0
COMPARED_SECONDS = 8.0
# Envelope correlation of two encodings of the same music is near 1, of different music near 0.
SAME_MUSIC = 0.5
_BLOCK = 65_536
_SMALL_BLOCK = 4_096
_LAST_FRAMES = 256
_ENVELOPE_RATE = 50


def measured_seconds(path: Path) -> float | None:
    """Length of an audio file of any kind we save, or None where nobody here can tell.

    Of a file that ends early, it is the length of what can be heard.
    """
    try:
        facts = probe(path)
    except NotAudio:
        return _tagged_length(path)
    return facts.duration_seconds if _reaches_its_end(path) else _heard_seconds(path)


def _reaches_its_end(path: Path) -> bool:
    """Whether the last samples that the header promises are there; decodes no more than those.

    An MP3 decoder that is sent to the end complains of what came before, so there the bytes are counted.
    """
    import soundfile

    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            if file.format == "MP3":
                return not is_cut_short(path)
            last = min(_LAST_FRAMES, file.frames)
            file.seek(file.frames - last)
            return len(file.read(last)) == last
    except (soundfile.SoundFileError, ValueError):
        return False


def _heard_seconds(path: Path) -> float | None:
    import soundfile

    frames, rate = 0, 0
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            rate = file.samplerate
            while len(block := file.read(_SMALL_BLOCK, dtype="float32")):
                frames += len(block)
    except (soundfile.SoundFileError, ValueError):
        pass  # what came before the damage is what can be heard
    return frames / rate if frames else None


def _tagged_length(path: Path) -> float | None:
    """Some containers (m4a) cannot be decoded here, but say how long they are."""
    import mutagen

    try:
        found: Any = mutagen.File(os.fspath(path))  # pyright: ignore[reportPrivateImportUsage, reportUnknownMemberType]
    except (mutagen.MutagenError, OSError, ValueError, EOFError):  # pyright: ignore[reportPrivateImportUsage]
        return None
    length = getattr(getattr(found, "info", None), "length", None)
    return float(length) if length else None


def holds_whole_track(result: Path, seconds: float, point: float, before: Path | None) -> bool:
    """Decide from the audio whether `result` starts where the track starts.

    Args:
        seconds: Length of the result.
        point: Second of the track at which new music was to start.
        before: The track so far, where it is at hand; without it the length alone decides.
    """
    if seconds < point + WHOLE_MARGIN_SECONDS:
        return False
    likeness = None if before is None else _likeness(result, before)
    return likeness is None or likeness >= SAME_MUSIC


def _likeness(one: Path, other: Path) -> float | None:
    """Correlation of the first seconds' loudness contours, at the best shift; None where it cannot be computed."""
    import numpy as np

    first, second = _contour(one), _contour(other)
    if first is None or second is None or min(len(first), len(second)) < 2 * _ENVELOPE_RATE:
        return None
    length = min(len(first), len(second)) - _ENVELOPE_RATE // 2
    best = 0.0
    for shift in range(_ENVELOPE_RATE // 2):
        for a, b in ((first[shift:], second), (first, second[shift:])):
            best = max(best, float(np.corrcoef(a[:length], b[:length])[0, 1]))
    return best


def _contour(path: Path) -> Samples | None:
    import numpy as np

    try:
        samples, rate = _decoded(path, COMPARED_SECONDS)
    except NotAudio:
        return None
    mono = np.abs(samples).mean(axis=1)
    step = max(1, rate // _ENVELOPE_RATE)
    usable = mono[: len(mono) // step * step].reshape(-1, step).mean(axis=1)
    return usable if len(usable) and float(usable.std()) > 0 else None


def join(before: Path, at: float, part: Path, target_stem: Path) -> Path:
    """Write `before` up to second `at` followed by `part`, blended over 30 ms at equal power.

    The result has the container and sample format of `before`, and appears whole or not at all.

    Raises:
        NotAudio: One of the two cannot be decoded here.
    """
    import numpy as np

    head, rate = _decoded(before, None)
    tail, tail_rate = _decoded(part, None)
    tail = _as_channels(_resampled(tail, tail_rate, rate), head.shape[1])
    cut = min(len(head), round(at * rate))
    blend = min(round(BLEND_SECONDS * rate), cut, len(tail))
    ramp = np.sin(np.linspace(0, np.pi / 2, blend, dtype=np.float32))[:, None]
    mixed = head[cut - blend : cut] * ramp[::-1] + tail[:blend] * ramp
    return _written([head[: cut - blend], mixed, tail[blend:]], before, rate, target_stem)


def _decoded(path: Path, seconds: float | None) -> tuple[Samples, int]:
    import soundfile

    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            frames = -1 if seconds is None else round(seconds * file.samplerate)
            samples: Any = file.read(frames, dtype="float32", always_2d=True)
            return samples, file.samplerate
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise NotAudio(f"{path.name} cannot be decoded here.") from error


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    import numpy as np

    if rate == wanted:
        return samples
    length = round(len(samples) * wanted / rate)
    spectrum = np.fft.rfft(samples, axis=0)
    kept = spectrum[: length // 2 + 1]
    return (np.fft.irfft(kept, length, axis=0) * (length / len(samples))).astype(np.float32)


def _as_channels(samples: Samples, channels: int) -> Samples:
    import numpy as np

    if samples.shape[1] == channels:
        return samples
    return np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)


def _written(blocks: list[Samples], like: Path, rate: int, stem: Path) -> Path:
    import numpy as np
    import soundfile

    facts = probe(like)
    target = stem.with_name(stem.name + facts.suffix)
    handle, name = tempfile.mkstemp(dir=stem.parent, prefix=".fermata-", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        samples = np.clip(np.concatenate(blocks), -1, 1)
        with soundfile.SoundFile(
            name, "w", rate, samples.shape[1], format=facts.container, subtype=facts.subtype
        ) as file:
            for start in range(0, len(samples), _BLOCK):
                file.write(samples[start : start + _BLOCK])
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
