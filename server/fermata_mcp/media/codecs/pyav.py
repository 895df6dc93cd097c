"""Decoding and encoding by PyAV (extra `formats`): FFmpeg's libraries within our own process.

It is given files that are open already and the name of one demuxer: no address, list or reference within a file leads
anywhere else. To be used in a process that may end at any time.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .sound import KINDS, Encoding, Sound, Words, as_kind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from .sound import Native, Writer

_DEFAULT, _COVER = 1, 1024  # dispositions
_SKIP_MANUAL = 1 << 29  # AV_CODEC_FLAG2_SKIP_MANUAL
_BUFFER = 1 << 18
_TOO_MANY_PLANES = 8
# No protocol has this name: whatever a file refers to is not opened.
_NOTHING_ELSE = {"protocol_whitelist": "none"}


class PyAv:
    """See `Library`."""

    @contextmanager
    def opened(self, path: Path, demuxer: str, *, untrimmed: bool = False) -> Generator[tuple[Sound, Iterator[Native]]]:
        import av

        open_file: Any = av.open
        options: dict[str, Any] = {"options": _NOTHING_ELSE, "metadata_errors": "ignore", "buffer_size": _BUFFER}
        with path.open("rb") as file, _told(), open_file(file, "r", format=demuxer, **options) as container:
            stream = _heard(container)
            if untrimmed:
                stream.codec_context.flags2 |= _SKIP_MANUAL
            frames = _frames(container, stream)
            first = next(frames, None)
            if first is None:
                raise ValueError("no sound")
            sound = _sound(container, stream, first)
            yield sound, _blocks(first, frames, sound)

    def words(self, path: Path, demuxer: str) -> Words:
        import av

        open_file: Any = av.open
        options: dict[str, Any] = {"options": _NOTHING_ELSE, "metadata_errors": "replace", "buffer_size": _BUFFER}
        with path.open("rb") as file, _told(), open_file(file, "r", format=demuxer, **options) as container:
            attached = any(_is_attached(stream) for stream in container.streams)
            besides = {"chapters": bool(container.chapters()), "attachments": attached}
            return Words(dict(container.metadata), tuple(name for name, there in besides.items() if there))

    def writer(self, path: Path, muxer: str, encoding: Encoding, words: Mapping[str, str]) -> Writer:
        return _Writer(path, muxer, encoding, words)


def _is_attached(stream: Any) -> bool:
    return stream.type == "attachment" or bool(stream.disposition & _COVER)


@contextmanager
def _told() -> Generator[None]:
    """What FFmpeg raises has many names."""
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as error:
        raise ValueError(str(error)) from error


def _heard(container: Any) -> Any:
    """The stream that players take: the one that is marked, else the first."""
    streams = list(container.streams.audio)
    if not streams:
        raise ValueError("no sound")
    return next((one for one in streams if int(one.disposition) & _DEFAULT), streams[0])


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Those that decode; a damaged one between them is passed over, as players do."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        yield from frames


def _sound(container: Any, stream: Any, first: Any) -> Sound:
    pictures = [one for one in container.streams.video if not int(one.disposition) & _COVER]
    context = stream.codec_context
    kind = KINDS.get(first.format.name.removesuffix("p"))
    if kind is None:
        raise ValueError(f"samples of type {first.format.name}")
    kbps = context.bit_rate / 1000 if context.bit_rate else None
    if kbps is None and not pictures and container.bit_rate:
        kbps = container.bit_rate / 1000
    layout, channels = first.layout.name, first.layout.nb_channels
    others = len(container.streams.audio) - 1
    return Sound(context.name, kind, first.sample_rate, channels, layout, kbps, others, bool(pictures))


def _blocks(first: Any, rest: Iterator[Any], sound: Sound) -> Iterator[Native]:
    for frame in _safe(_alike(first, rest, sound)):
        data: Native = frame.to_ndarray()
        data = data.T if frame.format.is_planar else data.reshape(-1, sound.channels)
        yield (data.astype("int16") - 128) << 8 if data.dtype.name == "uint8" else data


def _alike(first: Any, rest: Iterator[Any], sound: Sound) -> Iterator[Any]:
    """Up to the first that is of another kind: nothing can go on with it."""
    yield first
    for frame in rest:
        given = frame.sample_rate, frame.layout.nb_channels, frame.format.name
        if given != (sound.rate, sound.channels, first.format.name):
            return
        yield frame


def _safe(frames: Iterator[Any]) -> Iterator[Any]:
    """Frames whose samples PyAV can give: it reads behind the end of a list of eight planes or more."""
    import av

    packing: Any = None
    for frame in frames:
        if not frame.format.is_planar or frame.layout.nb_channels < _TOO_MANY_PLANES:
            yield frame
            continue
        if packing is None:
            name = frame.format.name.removesuffix("p")
            packing = av.AudioResampler(format=name, layout=frame.layout, rate=frame.sample_rate)
        yield from packing.resample(frame)


def _channels_of(layout: str) -> int:
    import av

    return av.AudioLayout(layout).nb_channels


class _Writer:
    def __init__(self, path: Path, muxer: str, encoding: Encoding, words: Mapping[str, str]) -> None:
        import av

        self._encoding, self._done = encoding, 0
        # PyAV packs and unpacks channels itself where it is given others than it needs
        self._planes = encoding.planes and _channels_of(encoding.layout) < _TOO_MANY_PLANES
        self._format = encoding.sample_format + "p" * self._planes
        self._file = path.open("w+b")
        try:
            self._container: Any = av.open(
                self._file, "w", format=muxer, options=dict(encoding.container_options), buffer_size=_BUFFER
            )
            self._container.metadata.update(words)
            stream: Any = self._container.add_stream(
                encoding.codec, rate=encoding.rate, layout=encoding.layout, options=dict(encoding.options)
            )
            stream.format = encoding.sample_format + "p" * encoding.planes
            if encoding.kbps:
                stream.bit_rate = round(encoding.kbps * 1000)
        except BaseException:
            self._file.close()
            raise
        self._stream = stream

    def write(self, data: Native) -> None:
        import av
        import numpy as np

        block = as_kind(data, KINDS[self._encoding.sample_format])
        shaped = block.T if self._planes else block.reshape(1, -1)
        frame: Any = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(shaped), format=self._format, layout=self._encoding.layout
        )
        frame.sample_rate, frame.pts = self._encoding.rate, self._done
        self._done += len(data)
        self._put(frame)

    def _put(self, frame: Any) -> None:
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._put(None)
            self._container.close()
        finally:
            self._file.close()
