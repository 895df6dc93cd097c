"""What an encoder is to be told so that a result is as good and as large, for its length, as its source.

How libsndfile 1.2 reads its one number, `compression_level` (0 best, 1 smallest): for Opus it is a bit rate between 6
and 256 kbit/s a channel; for MP3 one between the least and the most of its MPEG version; for Vorbis a quality, that
comes to other rates for other music. What varies with the music is therefore tried on some of it first.
"""

from __future__ import annotations

import math
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import mutagen
import numpy as np
import soundfile

from .spent import Spent, spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Native: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_MP3_KBPS = ((32000, 32, 320), (16000, 8, 160), (0, 8, 64))  # from rate: least, most
_MP3_SURE = {32000: 56, 16000: 33, 0: 33}  # smaller steady frames have no room for the exact length
_OPUS_KBPS = (6, 256)  # a channel
_SMALLEST = 0.9999  # 1 itself is refused
_VORBIS_STEP = 0.25
_TRIED_SECONDS = 8.0
_TRIES = 5
_CLOSE = 0.03  # share of the bit rate that nobody minds

_LOSSLESS = ("wave", "aiff", "flac", "oggflac", "monkeysaudio", "wavpack", "trueaudio", "tak")  # mutagen's modules

# Without a source that spent any: what is taken for as good as the original. kbit/s for two channels.
PLENTY = {"OPUS": 192.0, "VORBIS": 224.0, "MPEG_LAYER_III": 256.0, "AAC": 256.0, "WMA": 192.0}


class Quality(NamedTuple):
    """The encoder's `compression_level` (0 best, 1 smallest) and `bitrate_mode`; None for its default."""

    level: float | None = None
    mode: str | None = None


class Sound(NamedTuple):
    """What is encoded: libsndfile's names of container and sample format, Hz, and channels."""

    container: str
    subtype: str
    rate: int
    channels: int


def spent_by(source: Path, seconds: float) -> Spent | None:
    """What a compressed source of so many seconds spends, of whatever kind; None where it is not compressed."""
    if found := spent(source):
        return found
    info: Any = getattr(_opened(source), "info", None)
    if type(info).__module__.removeprefix("mutagen.") in _LOSSLESS or getattr(info, "codec", "") == "alac":
        return None
    told = getattr(info, "bitrate", None)
    return Spent(told / 1000) if isinstance(told, int) and 0 < told <= source.stat().st_size * 8 / seconds else None


def kbps_for(source: Path, seconds: float, subtype: str, channels: int) -> float:
    """Kilobits a second for a result in a lossy `subtype` ("OPUS", "AAC" …; see `PLENTY`): the source's, or plenty."""
    found = spent_by(source, seconds)
    return found.kbps if found else PLENTY.get(subtype, 256.0) * (0.6 if channels == 1 else channels / 2)


def quality(source: Path, sound: Sound, seconds: float, blocks: Iterable[Native]) -> tuple[Quality, Iterable[Native]]:
    """Encoder settings for a result in the manner of `source`, which lasts `seconds`, and its `blocks` as they were."""
    if sound.subtype == "OPUS":
        return _opus(source, kbps_for(source, seconds, "OPUS", sound.channels), sound, blocks)
    if sound.container == "MP3":
        return _mp3(spent_by(source, seconds), source, sound, blocks)
    if sound.subtype == "VORBIS":
        return _varying(
            source, kbps_for(source, seconds, "VORBIS", sound.channels), sound, blocks, Quality(0.5), _VORBIS_STEP
        )
    return Quality(), blocks


def _opus(source: Path, kbps: float, sound: Sound, blocks: Iterable[Native]) -> tuple[Quality, Iterable[Native]]:
    least, most = (limit * sound.channels for limit in _OPUS_KBPS)
    level = float(np.clip((most - kbps) / (most - least), 0, _SMALLEST))
    return _varying(source, kbps, sound, blocks, Quality(level), kbps / (most - least))


def _mp3(found: Spent | None, source: Path, sound: Sound, blocks: Iterable[Native]) -> tuple[Quality, Iterable[Native]]:
    from_rate, low, high = next(row for row in _MP3_KBPS if sound.rate >= row[0])
    wanted = min(high, max(low, found.kbps if found else PLENTY["MPEG_LAYER_III"] * high / 320))
    level = round(float(np.clip((high - wanted) / (high - low), 0, _SMALLEST)), 4)
    if found is None or (found.steady and wanted >= _MP3_SURE[from_rate]):
        return Quality(level, "CONSTANT"), blocks
    return _varying(source, wanted, sound, blocks, Quality(level, "AVERAGE"), wanted / (high - low))


def _varying(
    source: Path, kbps: float, sound: Sound, blocks: Iterable[Native], guess: Quality, step: float
) -> tuple[Quality, Iterable[Native]]:
    """Settings that spend on the beginning what the source spent there, by trying; it is much the same music.

    `step` is how much the level goes up for a rate that is smaller by its natural logarithm.
    """
    begin, blocks = _beginning(blocks, round(_TRIED_SECONDS * sound.rate))
    here = spent(source, len(begin) / sound.rate)
    wanted = math.log(here.kbps if here is not None else kbps)
    tries = list[tuple[float, float]]()
    level = guess.level or 0.0
    for _ in range(_TRIES):
        over = math.log(_tried(begin, sound, guess._replace(level=level))) - wanted
        tries.append((over, level))
        if abs(over) < _CLOSE:
            break
        level = _next_level(tries, step)
    return guess._replace(level=min(tries, key=lambda one: abs(one[0]))[1]), blocks


def _next_level(tries: list[tuple[float, float]], step: float) -> float:
    """Where the line through the two nearest of them, (log of rate over what is wanted, level), crosses zero."""
    (over, level), *others = sorted(tries, key=lambda one: abs(one[0]))
    if not others or over == others[0][0]:
        return float(np.clip(level + over * step, 0, _SMALLEST))
    slope = (level - others[0][1]) / (over - others[0][0])
    return float(np.clip(level - over * slope, 0, _SMALLEST))


def _beginning(blocks: Iterable[Native], frames: int) -> tuple[Native, Iterator[Native]]:
    """At least so many of the first frames, or all there are, and all the blocks."""
    stream, kept, count = iter(blocks), list[Any](), 0
    while count < frames and (block := next(stream, None)) is not None:
        kept.append(block)
        count += len(block)
    begin: Native = np.concatenate(kept) if kept else np.zeros((0, 1))
    return begin[:frames], chain(kept, stream)


def _tried(begin: Native, sound: Sound, tried: Quality) -> float:
    """Kilobits a second that `begin` [frames, channels] takes."""
    memory = BytesIO()
    with soundfile.SoundFile(
        memory, "w", sound.rate, sound.channels, format=sound.container, subtype=sound.subtype,
        compression_level=tried.level, bitrate_mode=tried.mode,
    ) as file:  # fmt: skip
        for at in range(0, len(begin), 16_384):
            file.write(begin[at : at + 16_384])
    return _kbps_of(memory.getbuffer(), len(begin) / sound.rate)


def _kbps_of(data: memoryview, seconds: float) -> float:
    """Kilobits a second without the headers, the larger part of which are Vorbis's tables."""
    body = bytes(data)
    tables = body.find(b"OggS", body.find(b"\x05vorbis")) if body[:4] == b"OggS" else 0
    return max(1, len(body) - max(0, tables)) * 8 / max(seconds, 0.01) / 1000


def _opened(source: Path) -> Any:
    try:
        return cast("Any", mutagen).File(str(source))
    except Exception:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        return None
