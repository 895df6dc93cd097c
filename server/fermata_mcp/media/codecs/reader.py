"""What every reader of decoded audio offers, whichever library decodes; modelled on `soundfile.SoundFile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


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
