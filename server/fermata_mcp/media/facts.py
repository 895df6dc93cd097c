"""What was found out about audio, as plain values: all that the server itself ever holds of a file of others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# A lossy decoder may leave out so much of a whole file.
DECODER_DELAY_SECONDS = 0.1
# Share of listeners who would not mind it, under which a join is called bad.
BAD_CONFIDENCE = 0.5
_EXACT = {"FLOAT", "DOUBLE", "ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32"}


@dataclass(frozen=True)
class AudioFacts:
    """Facts of one audio file.

    Attributes:
        duration_seconds: `frames / sample_rate`.
        frames: Samples per channel, as many as can be heard.
        sample_rate: Hz.
        channels: 1 for mono.
        container: libsndfile's name: "WAV", "FLAC", "OGG", "MP3", "WAVEX", "AIFF" …; RF64 is a WAV too.
        subtype: libsndfile's name of the sample format: "PCM_16", "FLOAT", "VORBIS", "MPEG_LAYER_III" …
        suffix: The file name's ending in lower case, with its dot.
        told_frames: What the header promises; None where it promises nothing.
        left_out: Whether something follows that no decoder can go on with.
        whole: Whether the structure itself shows that it ends where it ends, whatever the header promises.
        note: What to tell whoever gave the file, where header and content differ.
        kbps: Thousand bits a second that its codec spends, where another library than libsndfile reads it and knows.
        layout: FFmpeg's name of what its channels are, where another library reads it.
        picture: Whether it is the sound of a film.
        kind: The numpy type of its samples where another library reads it; None leaves that to `subtype`.
    """

    duration_seconds: float
    frames: int
    sample_rate: int
    channels: int
    container: str
    subtype: str
    suffix: str
    told_frames: int | None = None
    left_out: bool = False
    whole: bool = False
    note: str | None = None
    kbps: float | None = None
    layout: str | None = None
    picture: bool = False
    kind: Literal["int16", "int32", "float32", "float64"] | None = None

    @property
    def lossless(self) -> bool:
        """Whether decoding and encoding again gives the same samples."""
        return self.subtype.startswith("PCM_") or self.subtype in _EXACT


@dataclass(frozen=True)
class AudioReport:
    """What a file that arrived holds.

    Attributes:
        seconds: Length of what can be heard; None where nobody here can tell.
        complete: Whether it reaches the end that it promises.
        decodable: Whether its samples can be read here.
        needs_decoder: What it holds, in words, where it may be whole but nothing here decodes its kind.
        suffix: File name ending of what is made from it in the same format; None where that is not known.
        silent: Whether all that can be read is silence.
        note: What to tell whoever gets the file, where header and content differ.
    """

    seconds: float | None
    complete: bool = True
    decodable: bool = True
    silent: bool = False
    note: str | None = None
    needs_decoder: str | None = None
    suffix: str | None = None


@dataclass(frozen=True)
class JoinedFile:
    """What two files were joined to.

    Attributes:
        at: Second of the result at which what came before ends.
        left, entered: Seconds of the track: where what came before is left, and where what is new goes on, as if it
            stood where it was asked for.
        blend_ms: Milliseconds in which both are heard.
        confidence: Share of listeners, 0 to 1, who would not mind.
        better: Second of the track at which to branch off instead, where this is bad and something near is not.
        warnings: What of the first one's tags it could not take over, in sentences.
        left_out: Seconds at the end of what came before and at the beginning of what is new that are not heard, so
            that the beat goes on.
    """

    path: Path
    at: float
    left: float
    entered: float
    blend_ms: float
    confidence: float
    better: float | None = None
    warnings: tuple[str, ...] = ()
    left_out: float = 0.0


@dataclass(frozen=True)
class SeamFacts:
    """A join that somebody else made; see `JoinedFile`."""

    confidence: float
    better: float | None = None


@dataclass(frozen=True)
class WindowFacts:
    """A stretch of a file that was written as a file of its own.

    Attributes:
        begins_at: Second of the first file at which it begins, to the sample.
        seconds: Its length, to the sample.
    """

    path: Path
    begins_at: float
    seconds: float


@dataclass(frozen=True)
class PreviewFacts:
    """A compressed copy of a file, for where the file itself is too large to be handed over.

    Attributes:
        name: Of the copy, in the folder that was given.
        size: Bytes.
        bit_rate: Bits a second, on average.
        channels: 1 for mono.
        seconds: What it holds, from the beginning.
        of_seconds: What the file holds.
    """

    name: str
    size: int
    bit_rate: int
    channels: int
    seconds: float
    of_seconds: float

    @property
    def whole(self) -> bool:
        """Whether all of the file can be heard in it."""
        return self.seconds >= self.of_seconds - DECODER_DELAY_SECONDS


def told_otherwise(facts: AudioFacts) -> str | None:
    """A sentence where what can be heard is not what the header promises."""
    said = f"what can be heard lasts {facts.duration_seconds:.1f} s"
    follows = ", and what follows it is of another kind" if facts.left_out else ""
    if facts.told_frames is None:
        return f"Of the file {said}{follows}." if follows else None
    told = facts.told_frames / facts.sample_rate
    if abs(told - facts.duration_seconds) <= DECODER_DELAY_SECONDS and not follows:
        return None
    return f"The file's header promises {told:.1f} s, but {said}{follows}; what can be heard counts."


@dataclass(frozen=True)
class MusicFacts:
    """What was heard of some music; None where it cannot be told.

    Attributes:
        bpm: Beats a minute.
        key: Such as `D major`.
        beats: Beats in a bar, as `3` or `4`.
    """

    bpm: int | None = None
    key: str | None = None
    beats: str | None = None
