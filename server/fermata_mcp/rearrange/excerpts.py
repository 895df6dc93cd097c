"""The few seconds around places of a file, one after another, in a file of their own.

Decodes a file, so it is a process of its own: `python -m fermata_mcp.rearrange.excerpts SOURCE TARGET SECONDS…`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.media.audio import Opened, open_audio

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

AROUND_SECONDS = 3.0
PAUSE_SECONDS = 0.7
_FADE_SECONDS = 0.02  # so that cutting does not click where there is no join


def stretches(places: Iterable[float], seconds: float, around: float = AROUND_SECONDS) -> list[tuple[float, float]]:
    """From where to where to listen, in seconds of a file that is `seconds` long; places close together share one."""
    found: list[tuple[float, float]] = []
    for place in sorted(place for place in places if 0 <= place <= seconds):
        start, end = max(0.0, place - around), min(seconds, place + around)
        if found and start <= found[-1][1]:
            start, _ = found.pop()
        found.append((start, end))
    return found


def write_excerpts(source: Path, places: Iterable[float], target: Path) -> None:
    """Write the stretches around `places` as a WAV file of 16 bits, with a pause between them.

    Raises:
        NotAudio: The file cannot be decoded.
        OSError: `target` cannot be written.
    """
    import soundfile

    with open_audio(source) as given:
        rate, channels = given.samplerate, given.channels
        with soundfile.SoundFile(str(target), "w", rate, channels, "PCM_16", format="WAV") as out:
            for block in _with_pauses(given, stretches(places, given.frames / rate)):
                out.write(block)


def _with_pauses(given: Opened, wanted: list[tuple[float, float]]) -> Iterator[Samples]:
    import numpy as np

    pause = np.zeros((round(PAUSE_SECONDS * given.samplerate), given.channels), np.float32)
    for number, (start, end) in enumerate(wanted):
        if number:
            yield pause
        given.seek(round(start * given.samplerate))
        yield _faded(given.read(round((end - start) * given.samplerate), "float32", True), given.samplerate)


def _faded(block: Samples, rate: int) -> Samples:
    import numpy as np

    count = min(round(_FADE_SECONDS * rate), len(block) // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        block[:count] *= ramp
        block[-count:] *= ramp[::-1]
    return block


def main(words: list[str]) -> int:
    source, target, *places = words
    try:
        write_excerpts(Path(source), map(float, places), Path(target))
    except (FermataError, OSError) as error:
        sys.stderr.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
