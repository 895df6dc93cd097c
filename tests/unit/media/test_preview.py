"""A preview fits into the bytes it may have, is as good as they allow, and is made once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fermata_mcp.domain.errors import NotAudio
from fermata_mcp.media import preview as room
from fermata_mcp.media.audio import probe
from fermata_mcp.media.preview import BEST_BIT_RATE, WORST_BIT_RATE, encoding_for, preview
from support.audio_signals import noise, save, stereo

SECONDS = 6.0
PLENTY = 10_000_000


def _song(folder: Path, ending: str = ".wav", rate: int = 44_100, channels: int = 2) -> Path:
    sound = np.repeat(noise(SECONDS, rate)[:, None], channels, axis=1) * 0.3
    return save(folder / f"song{ending}", sound, rate)


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".mp3", ".aiff"])
@pytest.mark.parametrize("most", [5_000, 20_000, PLENTY])
def test_every_container_fits_into_every_limit(tmp_path: Path, ending: str, most: int) -> None:
    made = preview(_song(tmp_path, ending), tmp_path / "previews", most)
    file = tmp_path / "previews" / made.name
    assert file.stat().st_size == made.size <= most
    facts = probe(file)
    assert (facts.container, facts.subtype) == ("OGG", "OPUS")
    assert made.whole == (most > 5_000)
    assert made.bit_rate == pytest.approx(made.size * 8 / made.seconds, rel=0.01)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_rate_and_number_of_channels_keeps_its_length(tmp_path: Path, rate: int, channels: int) -> None:
    made = preview(_song(tmp_path, rate=rate, channels=channels), tmp_path / "previews", PLENTY)
    assert made.seconds == pytest.approx(SECONDS, abs=0.05)
    assert made.channels == (2 if channels == 2 else 1)


def test_what_is_heard_is_the_track(tmp_path: Path) -> None:
    rate = 48_000
    tone = np.sin(2 * np.pi * 440 * np.arange(rate * 3) / rate) * 0.5
    made = preview(save(tmp_path / "song.wav", stereo(tone), rate), tmp_path / "previews", 12_000)
    heard = soundfile.read(tmp_path / "previews" / made.name)[0]
    spectrum = np.abs(np.fft.rfft(heard[rate : 2 * rate]))
    assert abs(int(np.argmax(spectrum)) - 440) <= 1


@pytest.mark.parametrize(
    ("seconds", "most", "bit_rate", "channels", "held"),
    [
        (60, PLENTY, BEST_BIT_RATE, 2, 60),
        (600, 5_000_000, 62_667, 2, 600),
        (180, 520_000, 21_724, 1, 180),
        (7200, 520_000, WORST_BIT_RATE, 1, 325.9),
    ],
)
def test_what_does_not_fit_costs_first_rate_then_stereo_then_length(
    seconds: float, most: int, bit_rate: float, channels: int, held: float
) -> None:
    encoding = encoding_for(seconds, 2, most)
    assert (round(encoding.bit_rate), encoding.channels, round(encoding.seconds, 1)) == (bit_rate, channels, held)
    assert 0 <= encoding.compression_level <= 1


def test_it_is_made_once_for_each_state_of_a_file(tmp_path: Path) -> None:
    song, folder = _song(tmp_path), tmp_path / "previews"
    first = preview(song, folder, PLENTY)
    before = (folder / first.name).stat().st_ino
    assert preview(song, folder, PLENTY) == first
    assert (folder / first.name).stat().st_ino == before
    os.utime(song, (1, 1))
    assert preview(song, folder, PLENTY).name != first.name


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST_KEPT", 2)
    names: list[str] = []
    for number in range(4):
        song = save(tmp_path / f"{number}.wav", noise(0.2, 8_000), 8_000)
        names.append(preview(song, tmp_path / "previews", PLENTY).name)
        os.utime(tmp_path / "previews" / names[-1], (number, number))
    assert {one.name for one in (tmp_path / "previews").iterdir()} == set(names[-2:])


def test_what_cannot_be_decoded_leaves_nothing(tmp_path: Path) -> None:
    song = tmp_path / "song.m4a"
    song.write_bytes(b"\x00\x00\x00\x20ftypM4A " + b"\x00" * 100)
    with pytest.raises(NotAudio):
        preview(song, tmp_path / "previews", PLENTY)
    assert not (tmp_path / "previews").exists()
