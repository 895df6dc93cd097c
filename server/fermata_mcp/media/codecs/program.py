"""Decoding and encoding by an `ffmpeg` that is on the PATH: a process each, that may open no more than the one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .sound import KINDS, Encoding, Sound, Words, as_kind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from .sound import Native, Writer

_QUIET = ("-v", "error", "-protocol_whitelist", "file")
_RAW = {"int16": "s16le", "int32": "s32le", "float32": "f32le", "float64": "f64le"}
_SHOWN = "stream=index,codec_type,codec_name,sample_fmt,sample_rate,channels,channel_layout,bit_rate:format=bit_rate"
_FRAMES = 65_536
_LONGEST_PROBE = 60.0  # seconds
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


class Ffmpeg:
    """See `Library`."""

    @contextmanager
    def opened(self, path: Path, demuxer: str, *, untrimmed: bool = False) -> Generator[tuple[Sound, Iterator[Native]]]:
        number, sound = _described(path, demuxer)
        manual = ["-flags2", "skip_manual"] if untrimmed else []
        command = ["ffmpeg", *_QUIET, "-nostdin", *manual, "-f", demuxer, "-i", _name(path), "-map", f"0:{number}"]
        raw = ["-vn", "-sn", "-dn", "-f", _RAW[sound.kind], "-c:a", f"pcm_{_RAW[sound.kind]}", "pipe:1"]
        with _running([*command, *raw]) as process:
            yield sound, _blocks(process, sound)

    def words(self, path: Path, demuxer: str) -> Words:
        shown = "format_tags:stream=codec_type:stream_disposition=attached_pic:chapter=id"
        told = _probed(path, demuxer, shown, "-show_chapters")
        streams: list[dict[str, Any]] = told.get("streams", [])
        attached = any(one.get("codec_type") == "attachment" or _is(one, "attached_pic") for one in streams)
        besides = {"chapters": bool(told.get("chapters")), "attachments": attached}
        texts: dict[str, str] = told.get("format", {}).get("tags", {})
        return Words(texts, tuple(name for name, there in besides.items() if there))

    def writer(self, path: Path, muxer: str, encoding: Encoding, words: Mapping[str, str]) -> Writer:
        return _Writer(path, muxer, encoding, words)


def is_here() -> bool:
    """Whether both programs are on the PATH."""
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def _name(path: Path) -> str:
    """A name that is never taken for an address or an option."""
    return f"file:{os.path.abspath(path)}"  # noqa: PTH100  (resolve() would follow links)


@contextmanager
def _running(command: list[str]) -> Generator[subprocess.Popen[bytes]]:
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing)
    try:
        yield process
    finally:
        process.kill()
        assert process.stdout
        process.stdout.close()
        process.wait()


def _described(path: Path, demuxer: str) -> tuple[int, Sound]:
    """The number of the stream that is heard, and what it is."""
    told = _probed(path, demuxer, f"{_SHOWN}:stream_disposition")
    streams: list[dict[str, Any]] = told.get("streams", [])
    sounds = [one for one in streams if one.get("codec_type") == "audio"]
    if not sounds:
        raise ValueError("no sound")
    heard = next((one for one in sounds if _is(one, "default")), sounds[0])
    picture = any(one.get("codec_type") == "video" and not _is(one, "attached_pic") for one in streams)
    return int(heard["index"]), _sound(heard, told.get("format", {}), len(sounds) - 1, picture)


def _probed(path: Path, demuxer: str, shown: str, *more: str) -> dict[str, Any]:
    command = ["ffprobe", *_QUIET, "-f", demuxer, *more, "-show_entries", shown, "-of", "json", _name(path)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LONGEST_PROBE, check=False)
    return json.loads(done.stdout or b"{}")


def _is(stream: dict[str, Any], disposition: str) -> bool:
    return bool(stream.get("disposition", {}).get(disposition))


def _sound(stream: dict[str, Any], around: dict[str, Any], others: int, picture: bool) -> Sound:
    channels = int(stream["channels"])
    bits = stream.get("bit_rate") or (None if picture else around.get("bit_rate"))
    layout = stream.get("channel_layout") or _LAYOUTS.get(channels, f"{channels}c")
    kind = KINDS[str(stream["sample_fmt"]).removesuffix("p")]
    kbps = int(bits) / 1000 if bits else None
    return Sound(stream["codec_name"], kind, int(stream["sample_rate"]), channels, layout, kbps, others, picture)


def _blocks(process: subprocess.Popen[bytes], sound: Sound) -> Iterator[Native]:
    import numpy as np

    assert process.stdout
    kind = np.dtype(sound.kind)
    width = kind.itemsize * sound.channels
    while data := process.stdout.read(_FRAMES * width):
        yield np.frombuffer(data[: len(data) // width * width], kind).reshape(-1, sound.channels)


class _Writer:
    def __init__(self, path: Path, muxer: str, encoding: Encoding, words: Mapping[str, str]) -> None:
        self._encoding = encoding
        self._kind = KINDS[encoding.sample_format]
        raw = _RAW[self._kind]
        given = ["-f", raw, "-ar", str(encoding.rate), "-channel_layout", encoding.layout, "-i", "pipe:0"]
        rate = ["-b:a", str(round(encoding.kbps * 1000))] if encoding.kbps else []
        options = [word for name, value in encoding.options for word in (f"-{name}", value)]
        around = [word for name, value in encoding.container_options for word in (f"-{name}", value)]
        wanted = ["-c:a", encoding.codec, "-sample_fmt", encoding.sample_format + "p" * encoding.planes, *rate]
        said = [word for name, value in words.items() for word in ("-metadata", f"{name}={value}")]
        command = ["ffmpeg", "-v", "error", "-y", *given, *wanted, *options, *around, *said, "-f", muxer, _name(path)]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing)

    def write(self, data: Native) -> None:
        assert self._process.stdin
        self._process.stdin.write(as_kind(data, self._kind).tobytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin
        if kind is not None:
            self._process.kill()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        if self._process.wait() and kind is None:
            raise OSError("ffmpeg stopped writing")
