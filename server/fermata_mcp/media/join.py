"""Joining a new part to what came before.

numpy and soundfile are imported on first use; everything here is to be run in a thread.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotAudio

from .audio import native_name, probe

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

BLEND_SECONDS = 0.03
_BLOCK = 65_536


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
        with soundfile.SoundFile(native_name(path)) as file:
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
