"""What MP3 files promise of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mutagen.mp3
import pytest
import soundfile
from mutagen.id3 import TIT2

from fermata_mcp.media.arrival import measured_seconds
from fermata_mcp.media.formats.mp3 import is_cut_short
from support.audio_signals import noise

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("rate", [44100, 22050])
@pytest.mark.parametrize("tagged", [False, True])
def test_a_file_that_ends_early_is_known_by_its_bytes(
    tmp_path: Path, mode: str, rate: int, tagged: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp3"
    with soundfile.SoundFile(str(path), "w", rate, 2, bitrate_mode=mode, compression_level=0.3) as file:
        file.write(noise(6, rate)[:, None].repeat(2, 1))
    if tagged:
        audio: Any = mutagen.mp3.MP3(path)
        audio.add_tags()
        audio["TIT2"] = TIT2(text=["x" * 3000])
        audio.save()
    assert not is_cut_short(path)
    assert measured_seconds(path) == pytest.approx(6, abs=0.1)
    assert capfd.readouterr().err == "", "decoders complain on stderr, which belongs to the host"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert is_cut_short(path)
    assert measured_seconds(path) == pytest.approx(4, abs=0.4)


def test_what_promises_nothing_is_not_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"no frame at all" * 200)
    assert not is_cut_short(path)
