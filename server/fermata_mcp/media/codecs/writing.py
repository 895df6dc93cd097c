"""Writes samples as a file of a given format: by libsndfile where it can, else by another library."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import NotSupported
from fermata_mcp.media.atomic import opening

from .libraries import GET_ONE, library
from .sound import Encoding

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    import soundfile

    from .sound import Sink
    from .targets import Target

_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# What the encoder of AAC takes; others of as many channels would be refused.
_AAC_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "7.0", 8: "7.1(wide)"}
_EXACTLY = ("strict", "experimental")
_LEAST_KBPS = 64.0  # each channel, where the source says nothing


@dataclass(frozen=True)
class Spending:
    """How much an encoder spends.

    Attributes:
        level, mode: libsndfile's `compression_level` (0 best, 1 smallest) and `bitrate_mode`; None for its default.
        kbps: Thousand bits a second, for other libraries; None for plenty.
    """

    level: float | None = None
    mode: str | None = None
    kbps: float | None = None


@contextmanager
def writer(
    path: Path,
    target: Target,
    container: str,
    channels: int,
    layout: str | None,
    spending: Spending,
    words: Mapping[str, str] | None = None,
) -> Generator[Sink]:
    """Something to write blocks [frames, channels] to; `path` is whole after the block.

    Args:
        container: That of the target, or a kin that can hold more (RF64).
        layout: FFmpeg's name of what the channels are; None for the usual ones.
        words: Texts by the names that libsndfile and FFmpeg have for them.

    Raises:
        NotSupported: Nothing here writes that format.
        OSError: It cannot be written.
    """
    if not target.needs_library:
        with _sndfile(path, target, container, channels, spending) as file:
            for name, value in (words or {}).items():
                setattr(file, name, value)
            yield _Written(file, path)
        return
    found = library()
    if found is None:
        raise NotSupported(f"a {target.ending} file needs an encoder that is not here.", f"{GET_ONE}.")
    with _told(path):
        with opening:
            file = found.writer(path, _muxer(target), _encoding(target, channels, layout, spending), words or {})
        with file:
            yield file


@contextmanager
def _sndfile(
    path: Path, target: Target, container: str, channels: int, spending: Spending
) -> Generator[soundfile.SoundFile]:
    import soundfile

    try:
        with opening:
            opened = soundfile.SoundFile(
                str(path), "w", target.rate, channels, subtype=target.subtype, format=container,
                compression_level=spending.level, bitrate_mode=spending.mode,
            )  # fmt: skip
    except soundfile.SoundFileError as error:
        raise _stopped(path) from error
    with opened as file:
        yield file


class _Written:
    """Of what fails while a file is written, only the writing is the folder's fault: the source may be damaged."""

    def __init__(self, file: soundfile.SoundFile, path: Path) -> None:
        self._file, self._path = file, path

    def write(self, data: Any) -> None:
        import soundfile

        try:
            self._file.write(data)
        except soundfile.SoundFileError as error:
            raise _stopped(self._path) from error


@contextmanager
def _told(path: Path) -> Generator[None]:
    """What other libraries raise is no more than that they stopped."""
    try:
        yield
    except OSError as error:
        raise (error if error.errno else _stopped(path)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "av":
            raise _stopped(path) from error
        raise


def _stopped(path: Path) -> OSError:
    full = shutil.disk_usage(path.parent).free < 2**20
    return OSError(errno.ENOSPC if full else errno.EIO, "the audio library stopped writing")


def _muxer(target: Target) -> str:
    return {"M4A": "ipod", "WEBM": "webm", "FLAC": "flac", "OGG": "ogg"}[target.container]


def _encoding(target: Target, channels: int, layout: str | None, spending: Spending) -> Encoding:
    rate, named = target.rate, layout if layout and "channels" not in layout else _LAYOUTS.get(channels, "stereo")
    plenty = spending.kbps or _LEAST_KBPS * channels
    # times in samples, so that the length that is told is exact
    exact = (("movie_timescale", str(rate)),)
    match target.subtype:
        case "AAC":
            if channels not in _AAC_LAYOUTS:
                raise NotSupported(f"{channels} channels cannot be written as {target.ending}.", "choose .wav.")
            named = _AAC_LAYOUTS[channels]
            return Encoding("aac", "flt", True, rate, named, _aac_kbps(plenty, rate, channels), (), exact)
        case "OPUS":
            return Encoding("libopus", "flt", False, rate, named, min(plenty, 256.0 * channels))
        case "ALAC_16":
            return Encoding("alac", "s16", True, rate, named, None, (), exact)
        case "ALAC_24":
            return Encoding("alac", "s32", True, rate, named, None, (), exact)
        case "PCM_16":
            return Encoding("flac", "s16", False, rate, named)
        case subtype:
            bits = ("bits_per_raw_sample", subtype.removeprefix("PCM_"))
            return Encoding("flac", "s32", False, rate, named, None, (bits, _EXACTLY))


def _aac_kbps(wanted: float, rate: int, channels: int) -> float:
    """As much as was wanted, and as a frame of AAC can hold (6,144 bits a channel)."""
    return min(wanted, 6144 * channels * rate / 1024 / 1000)
