"""What an audio file is: container, sample format, length, read from its header.

soundfile (and with it numpy) is imported on first use, so that a server that never touches audio never pays for it.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, NotAudio
from fermata_mcp.media.mp3 import untold_length

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class AudioFacts:
    """Header facts of one audio file.

    Attributes:
        duration_seconds: `frames / sample_rate`; what the header promises (a truncated file may hold less).
        frames: Samples per channel.
        sample_rate: Hz.
        channels: 1 for mono.
        container: libsndfile's name: "WAV", "FLAC", "OGG", "MP3", "WAVEX", "RF64", "AIFF" …
        subtype: libsndfile's name of the sample format: "PCM_16", "FLOAT", "VORBIS", "MPEG_LAYER_III" …
        suffix: The file name's ending in lower case, with its dot.
    """

    duration_seconds: float
    frames: int
    sample_rate: int
    channels: int
    container: str
    subtype: str
    suffix: str

    @property
    def lossless(self) -> bool:
        """Whether decoding and encoding again gives the same samples."""
        return self.subtype.startswith("PCM_") or self.subtype in {"FLOAT", "DOUBLE", "ALAC_16", "ALAC_24"}


def native_name(path: Path) -> Any:
    """What libsndfile opens: on most systems a name is bytes, which need not be letters. Its types know text alone."""
    return os.fspath(path) if sys.platform == "win32" else os.fsencode(path)


def probe(path: Path) -> AudioFacts:
    """Read the header of the audio file at `path`. Safe in a thread; decodes nothing.

    Raises:
        InvalidRequest: There is no such file, or it is a folder or a device.
        FileNotAllowed: The file cannot be read.
        NotAudio: The bytes are not audio we can decode, or hold no sample.
    """
    _refuse_unreadable(path)
    import soundfile

    try:
        with soundfile.SoundFile(native_name(path)) as file:
            frames = _frames(path, file.format, file.frames)
            facts = _facts(frames, file.samplerate, file.channels, file.format, file.subtype, path)
    except (soundfile.SoundFileError, OSError, ValueError, RuntimeError) as error:
        raise NotAudio(f"{path.name} is not audio that can be read.") from error
    if facts.frames <= 0 or facts.sample_rate <= 0 or facts.channels <= 0:
        raise NotAudio(f"{path.name} holds no audio.")
    return facts


def _facts(frames: int, rate: int, channels: int, container: str, subtype: str, path: Path) -> AudioFacts:
    seconds = frames / rate if rate > 0 else 0.0
    return AudioFacts(seconds, frames, rate, channels, container, subtype, path.suffix.lower())


def _frames(path: Path, container: str, told: int) -> int:
    untold = untold_length(path) if container == "MP3" else None
    return told if untold is None else untold.samples


def _refuse_unreadable(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidRequest(f"There is no file {path.name}.", "check the path and call again.") from error
    except (OSError, ValueError) as error:
        raise FileNotAllowed(f"{path.name} cannot be read.") from error
    if not stat.S_ISREG(mode):
        raise InvalidRequest(f"{path.name} is not a file.", "give the path of an audio file.")
    if not os.access(path, os.R_OK):
        raise FileNotAllowed(f"{path.name} cannot be read.", "allow reading the file, or give another.")
