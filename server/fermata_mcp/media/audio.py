"""What an audio file is and holds, and its samples: the one place where files of others are opened to be decoded.

A header is not believed. What its structure or its samples show counts, and decoders are shown a header that says so.
To be used in a process that may end at any time: the server's decoder (see `decoding`), or a worker of `local`.
Audio libraries are imported on first use, so that a server that never touches audio never pays for them.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, NotAudio, TooLarge

from .codecs import foreign, sndfile
from .codecs.libraries import no_audio
from .codecs.libraries import no_decoder as no_decoder
from .codecs.reader import Opened as Opened
from .codecs.sndfile import native_name as native_name
from .formats.signatures import signature_in

if TYPE_CHECKING:
    from pathlib import Path

    from .facts import AudioFacts

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
MOST_CHANNELS = 64
LONGEST_SECONDS = 12 * 3600
# Two channels at 48 kHz for that long; more samples are no music that anybody wants to have longer.
MOST_SAMPLES = LONGEST_SECONDS * 48_000 * 2
_KEPT = 64
_Source = sndfile.SndSource | foreign.Foreign

_known: OrderedDict[tuple[Any, ...], _Source] = OrderedDict()


def probe(path: Path) -> AudioFacts:
    """What the audio file at `path` holds. Decodes next to nothing where its structure bears its header out.

    Raises:
        InvalidRequest: There is no such file, or it is a folder or a device.
        FileNotAllowed: The file cannot be read.
        NoDecoder: It is of a kind that nothing here decodes.
        NotAudio: The bytes are not audio we can decode, or hold no sample, or so few or many a second that it is none.
        TooLarge: There is more of it than anybody can use.
    """
    return _source(path).facts


def open_audio(path: Path) -> Opened:
    """The file's samples, all that can be heard and no more. Raises as `probe` does."""
    return _source(path).open()


def _source(path: Path) -> _Source:
    facts = _refuse_unreadable(path)
    key = (path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
    found = _known.pop(key, None) or _found_out(path)
    _known[key] = found
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return found


def _found_out(path: Path) -> _Source:
    found = _measured(path)
    _refuse_odd(path, found.facts)
    if found.facts.frames <= 0:
        raise no_audio(f"{path.name} holds no audio.")
    _refuse_long(path, found.facts)
    return found


def _measured(path: Path) -> _Source:
    """By libsndfile where it can, which is in every process of ours anyway."""
    signature = signature_in(path)
    try:
        if signature is None or not signature.others_only:
            return sndfile.measured(path, MOST_SAMPLES)
    except sndfile.Unreadable as error:
        if signature is None:
            raise no_audio(f"{path.name} is not audio that can be read.") from error
    try:
        return foreign.measured(path, signature, MOST_SAMPLES)
    except OSError as error:
        raise no_audio(f"{path.name} is not audio that can be read.") from error


def _refuse_odd(path: Path, facts: AudioFacts) -> None:
    if not LOWEST_RATE <= facts.sample_rate <= HIGHEST_RATE:
        raise NotAudio(
            f"{path.name} has {facts.sample_rate:,} samples a second; {LOWEST_RATE:,} to {HIGHEST_RATE:,} can be read.",
            "convert it to 44,100 or 48,000.",
        )
    if not 0 < facts.channels <= MOST_CHANNELS:
        raise NotAudio(
            f"{path.name} has {facts.channels} channels; up to {MOST_CHANNELS} can be read.", "mix it down to two."
        )


def _refuse_long(path: Path, facts: AudioFacts) -> None:
    if facts.frames * facts.channels > MOST_SAMPLES or facts.frames > LONGEST_SECONDS * facts.sample_rate:
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
