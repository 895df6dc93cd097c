"""What every reader of decoded audio offers, whichever library decodes; modelled on `soundfile.SoundFile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

BLOCK = 65_536


class Opened(Protocol):
    """Decoded audio, read from its beginning; `format` and `subtype` are named as in `AudioFacts`."""

    frames: int
    samplerate: int
    channels: int
    format: str
    subtype: str

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...
    def close(self) -> None: ...

    def seek(self, frame: int) -> int:
        """Go to a frame counted from the beginning."""
        ...

    def read(self, frames: int = -1, dtype: Any = "float64", always_2d: bool = False) -> Any:
        """Up to so many frames, fewer only at the end or where nothing decodes further.

        Raises:
            soundfile.SoundFileError: The next ones are damaged.
        """
        ...


def blocks_of(file: Opened, frames: int, kind: Literal["float32", "float64"] = "float32") -> Iterator[Any]:
    """The next so many frames, fewer at the end: [at most `BLOCK`, channels] at a time."""
    while frames > 0 and len(block := file.read(min(BLOCK, frames), dtype=kind, always_2d=True)):
        frames -= len(block)
        yield block


def go_to(file: Opened, frame: int, *, exact: bool) -> None:
    """From the beginning to a frame.

    Args:
        exact: Whether this kind can be relied on to find it. In MP3 and Ogg it cannot: those are read up to there.
    """
    if exact:
        file.seek(frame)
        return
    for _ in blocks_of(file, frame):
        pass
