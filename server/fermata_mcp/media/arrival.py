"""What arrived: how long a downloaded file can be heard, whether it is all there, whether there is anything to hear.

numpy and soundfile are imported on first use; everything here is to be run where a decoder may end its process.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media.formats.containers import is_all_there
from fermata_mcp.media.formats.mp3 import is_cut_short
from fermata_mcp.media.formats.mp4 import movie_sound
from fermata_mcp.media.formats.signatures import in_words, signature_in

from .audio import open_audio, probe
from .codecs.libraries import NoDecoder
from .codecs.targets import kept
from .facts import DECODER_DELAY_SECONDS, AudioFacts, AudioReport

_BLOCK = 65_536
# -60 dBFS: below it nobody hears anything.
_SILENCE = 1e-3


def hear(path: Path) -> AudioReport:
    """Look at an audio file of any kind that we save. Raises TooLarge."""
    try:
        facts = probe(path)
    except NotAudio as error:
        return AudioReport(_told_length(path), is_all_there(path), decodable=False, needs_decoder=_kind(path, error))
    suffix = kept(facts).ending
    if _is_cut(path, facts):
        return AudioReport(facts.duration_seconds, complete=False, suffix=suffix)
    return AudioReport(facts.duration_seconds, silent=_is_silent(path), note=facts.note, suffix=suffix)


def _kind(path: Path, error: NotAudio) -> str | None:
    """What it holds, where that may be whole, and only its decoder is missing."""
    found = signature_in(path)
    return in_words(path, found) if isinstance(error, NoDecoder) and found else None


def measured_seconds(path: Path) -> float | None:
    """Length of what can be heard of an audio file, or None where nobody here can tell."""
    return hear(path).seconds


def _is_cut(path: Path, facts: AudioFacts) -> bool:
    """Whether bytes are missing. A page of Ogg that claims a wrong time is no sign of that, but a wrong header."""
    if not is_all_there(path) or (facts.container == "MP3" and is_cut_short(path)):
        return True
    lost = 0 if facts.told_frames is None else facts.told_frames - facts.frames
    return facts.container != "OGG" and not facts.whole and lost > DECODER_DELAY_SECONDS * facts.sample_rate


def _is_silent(path: Path) -> bool:
    import numpy as np
    import soundfile

    with open_audio(path) as file:
        try:
            while len(block := file.read(_BLOCK, dtype="float32")):
                if float(np.max(np.abs(block))) > _SILENCE:
                    return False
        except soundfile.SoundFileError:
            return False  # nobody knows what is in the damaged place
    return True


def _told_length(path: Path) -> float | None:
    """Some containers (m4a) may not be decoded here, but say how long they are."""
    import mutagen

    movie = movie_sound(path)
    if movie is not None and movie.seconds is not None:
        return movie.seconds

    try:
        length: Any = getattr(getattr(cast("Any", mutagen).File(path), "info", None), "length", None)
        seconds = float(length) if length else 0.0
    except Exception:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
