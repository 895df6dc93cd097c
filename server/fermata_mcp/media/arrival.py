"""What arrived: how long a downloaded file can be heard, whether it is all there, whether there is anything to hear.

numpy and soundfile are imported on first use; everything here is to be run in a thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fermata_mcp.domain.errors import NotAudio

from .audio import native_name, probe
from .containers import is_all_there
from .mp3 import is_cut_short

_SMALL_BLOCK = 4_096
_LAST_FRAMES = 256
# -60 dBFS: below it nobody hears anything.
_SILENCE = 1e-3


@dataclass(frozen=True)
class Heard:
    """What a file holds.

    Attributes:
        seconds: Length of what can be heard; None where nobody here can tell.
        complete: Whether it reaches the end that it promises.
        decodable: Whether its samples can be read here.
        silent: Whether all that can be read is silence.
    """

    seconds: float | None
    complete: bool = True
    decodable: bool = True
    silent: bool = False


def hear(path: Path) -> Heard:
    """Look at an audio file of any kind that we save."""
    try:
        facts = probe(path)
    except NotAudio:
        return Heard(_tagged_length(path), complete=is_all_there(path), decodable=False)
    if not (is_all_there(path) and _reaches_its_end(path)):
        return Heard(_heard_seconds(path), complete=False)
    return Heard(facts.duration_seconds, silent=_is_silent(path))


def measured_seconds(path: Path) -> float | None:
    """Length of what can be heard of an audio file, or None where nobody here can tell."""
    return hear(path).seconds


def _is_silent(path: Path) -> bool:
    import numpy as np
    import soundfile

    with soundfile.SoundFile(native_name(path)) as file:
        while len(block := file.read(_SMALL_BLOCK, dtype="float32")):
            if float(np.max(np.abs(block))) > _SILENCE:
                return False
    return True


def _reaches_its_end(path: Path) -> bool:
    """Whether the last samples that the header promises are there; decodes no more than those.

    An MP3 decoder that is sent to the end complains of what came before, so there the bytes are counted.
    """
    import soundfile

    try:
        with soundfile.SoundFile(native_name(path)) as file:
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
        with soundfile.SoundFile(native_name(path)) as file:
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
