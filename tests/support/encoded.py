"""Sound in formats that libsndfile does not write, made by a real encoder: FFmpeg's libraries, called in their own way.

Nothing here is the product's: what it writes and reads is compared with this.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fermata_mcp.media.codecs import libraries

Sound = NDArray[Any]
RATE = 44_100
needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="no ffmpeg on the PATH"
)


@dataclass(frozen=True)
class Recipe:
    """How a kind of file is made.

    Attributes:
        exact: Whether a reader can know which samples are music: else what decodes is more, or less, or later.
        lossless: Whether the same samples come back.
        result: The ending of a result in its format.
        rate: Hz of what comes out.
        extra: Samples that decode beside the music where it is not exact, at most.
    """

    ending: str
    muxer: str
    codec: str
    sample_format: str
    result: str
    exact: bool = True
    lossless: bool = False
    rate: int = RATE
    channels: int = 2
    picture: bool = False
    extra: int = 0
    kbps: int | None = None


RECIPES: dict[str, Recipe] = {
    "aac in m4a": Recipe(".m4a", "ipod", "aac", "fltp", ".m4a", kbps=128),
    "aac in mp4": Recipe(".mp4", "mp4", "aac", "fltp", ".mp4", kbps=128),
    "alac of 16 bits": Recipe(".m4a", "ipod", "alac", "s16p", ".m4a", lossless=True),
    "alac of 24 bits": Recipe(".m4a", "ipod", "alac", "s32p", ".m4a", lossless=True),
    "alac in caf": Recipe(".caf", "caf", "alac", "s16p", ".caf", lossless=True),
    "opus in webm": Recipe(".webm", "webm", "libopus", "flt", ".webm", rate=48_000, kbps=96),
    "opus in mka": Recipe(".mka", "matroska", "libopus", "flt", ".opus", rate=48_000, kbps=96),
    "flac in ogg": Recipe(".oga", "ogg", "flac", "s16", ".oga", lossless=True),
    "flac of 32 bits": Recipe(".flac", "flac", "flac", "s32", ".flac", lossless=True),
    "flac in mka": Recipe(".mka", "matroska", "flac", "s16", ".flac", lossless=True),
    "wavpack": Recipe(".wv", "wv", "wavpack", "s16p", ".flac", lossless=True),
    "true audio": Recipe(".tta", "tta", "tta", "s16", ".flac", lossless=True),
    "pcm in mov": Recipe(".mov", "mov", "pcm_s16le", "s16", ".wav", lossless=True),
    "aac in adts": Recipe(".aac", "adts", "aac", "fltp", ".m4a", exact=False, extra=3072, kbps=128),
    "wma": Recipe(".wma", "asf", "wmav2", "fltp", ".m4a", exact=False, extra=6144, kbps=128),
    "mp3 in wav": Recipe(".wav", "wav", "libmp3lame", "fltp", ".mp3", exact=False, extra=4608, kbps=128),
    "mp3 in mka": Recipe(".mka", "matroska", "libmp3lame", "fltp", ".mp3", exact=False, extra=4608, kbps=128),
    "ac3 in mka": Recipe(".mka", "matroska", "ac3", "fltp", ".m4a", exact=False, extra=3072, kbps=192),
    "a film in mp4": Recipe(".mp4", "mp4", "aac", "fltp", ".m4a", picture=True, kbps=128),
    "a film in mov": Recipe(".mov", "mov", "alac", "s16p", ".m4a", picture=True, lossless=True),
    "a film in mkv": Recipe(".mkv", "matroska", "libopus", "flt", ".opus", picture=True, rate=48_000, kbps=96),
}
_KINDS = {"s16": "int16", "s32": "int32", "flt": "float32"}


def music(seconds: float = 1.3, rate: int = RATE, channels: int = 2) -> Sound:
    """[frames, channels] of float64: bursts of noise and a tone, each place unlike every other."""
    dice = np.random.default_rng(5)
    time = np.arange(round(seconds * rate)) / rate
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * 1.7 * time)
    sound = 0.25 * np.sin(2 * np.pi * 330 * time) + 0.12 * loud * dice.standard_normal(len(time))
    return np.stack([np.roll(sound, 40 * channel) for channel in range(channels)], 1)


def encoded(path: Path, recipe: Recipe, sound: Sound, sounds: int = 1) -> Path:
    """`sound` [frames, channels] of floats in a file of this kind, `sounds` times as a stream of its own."""
    path.write_bytes(encoding(recipe, sound, recipe.rate, sounds))
    return path


def encoding(recipe: Recipe, sound: Sound, rate: int, sounds: int = 1) -> bytes:
    """The bytes of such a file, of `rate` Hz."""
    recipe = replace(recipe, rate=rate)
    buffer = io.BytesIO()
    opened: Any = av.open
    strict = {"strict": "experimental", "bits_per_raw_sample": "32" if "32" in recipe.sample_format else "16"}
    with opened(buffer, "w", format=recipe.muxer) as container:
        picture: Any = None
        if recipe.picture:
            picture = container.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p")
        layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1(wide)"}[sound.shape[1]]
        options = strict if recipe.codec == "flac" else {}
        streams = [
            container.add_stream(recipe.codec, rate=recipe.rate, layout=layout, options=options) for _ in range(sounds)
        ]
        for stream in streams:
            stream.format = recipe.sample_format
            if recipe.kbps:
                stream.bit_rate = recipe.kbps * 1000
        if recipe.picture:
            for _ in range(max(1, round(5 * len(sound) / recipe.rate))):
                frame: Any = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        for stream in streams:
            for frame in _frames(recipe, sound, layout):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(recipe: Recipe, sound: Sound, layout: str) -> list[Any]:
    native = as_samples(recipe, sound)
    packed = recipe.sample_format.removesuffix("p")  # PyAV cannot hold the planes of eight channels
    frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(native.reshape(1, -1)), packed, layout)
    frame.sample_rate, frame.pts = recipe.rate, 0
    return [frame]


def as_samples(recipe: Recipe, sound: Sound) -> Sound:
    """`sound` as the numbers that go into a file of this kind: 24 bits in 32 but for those that have 32."""
    kind = _KINDS[recipe.sample_format.removesuffix("p")]
    if kind == "float32":
        return sound.astype(np.float32)
    whole = np.rint(sound * 2.0**31).clip(-(2**31), 2**31 - 1).astype(np.int64)
    if kind == "int16":
        return (whole >> 16).astype(np.int16)
    return (whole if recipe.codec == "flac" else whole >> 8 << 8).astype(np.int32)


def without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither PyAV nor ffmpeg."""

    def nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(libraries, "find_spec", nothing)
    monkeypatch.setenv("PATH", "")


def heard(path: Path) -> tuple[Sound, int]:
    """[frames, channels] of floats that another decoder makes of a file, and the rate: ffmpeg, by itself."""
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels", "-of",
         "csv=p=0", str(path)], capture_output=True, text=True, check=True,
    )  # fmt: skip
    rate, channels = map(int, probed.stdout.strip().rstrip(",").split(","))
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-"], capture_output=True, check=True
    ).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels), rate


def told_seconds(path: Path) -> float:
    """The length that a file tells of its sound."""
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=duration", "-of", "csv=p=0",
         str(path)], capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(told.stdout.strip().rstrip(","))


def shift(sound: Sound, reference: Sound) -> int:
    """By how many samples the first channel of `sound` is later than that of `reference`."""
    size = 1 << (2 * max(len(sound), len(reference))).bit_length()
    product = np.fft.rfft(sound[:, 0], size) * np.conj(np.fft.rfft(reference[:, 0], size))
    at = int(np.argmax(np.fft.irfft(product, size)))
    return at if at < size // 2 else at - size
