"""A result spends as much on a second as its source did, whoever encoded that, and however."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.media.encoding.quality import kbps_for
from fermata_mcp.media.encoding.spent import spent
from support.audio_signals import extend, form, load, save

if TYPE_CHECKING:
    from pathlib import Path

    from support.audio_signals import Sound

pytestmark = pytest.mark.usefixtures("brief_search")

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to make files with")


def music(rate: int, channels: int) -> Sound:
    """[samples, channels] six seconds that are easy here and hard there, for an encoder."""
    tune, rng = form("ABA", 2.0, rate), np.random.default_rng(3)
    time = np.arange(len(tune)) / rate
    tune = tune + 0.03 * rng.standard_normal(len(tune)) * (1 + np.sin(3 * time))
    each = [0.9**channel * tune + 0.005 * rng.standard_normal(len(tune)) for channel in range(channels)]
    return np.stack(each, 1)


def encoded(folder: Path, suffix: str, args: str, rate: int = 44100, channels: int = 2) -> Path:
    plain = save(folder / "plain.wav", music(rate, channels), rate)
    made = folder / f"a.{suffix}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, *args.split(), made], check=True)
    return made


OPUS = [("opus", f"-c:a libopus -b:a {kbps}k", 48000, 2) for kbps in (24, 256, 510)]
MP3 = [("mp3", f"-b:a {kbps}k", 44100, 2) for kbps in (48, 320)]
UNTOLD = [("mp3", f"-q:a {step} -write_xing 0", 44100, 2) for step in (0, 9)]
VORBIS = [("ogg", f"-c:a libvorbis -q:a {step}", 44100, 2) for step in (0, 3, 10)]
OTHERS = [
    ("opus", "-c:a libopus -b:a 32k", 48000, 1),
    ("opus", "-c:a libopus -b:a 300k", 48000, 6),
    ("opus", "-c:a libopus -vbr off -b:a 96k", 48000, 2),
    ("opus", "-c:a libopus -b:a 48k", 24000, 2),
    ("mp3", "-b:a 32k", 44100, 1),
    ("mp3", "-b:a 8k", 8000, 1),
    ("mp3", "-abr 1 -b:a 96k", 44100, 2),
    ("ogg", "-c:a libvorbis -b:a 96k", 44100, 2),
    ("ogg", "-c:a vorbis -strict -2 -b:a 128k", 44100, 2),
    ("ogg", "-c:a libvorbis -q:a 4", 44100, 6),
    ("ogg", "-c:a libvorbis -q:a 3", 22050, 1),
]


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "args", "rate", "channels"), [*OPUS, *MP3, *UNTOLD, *VORBIS, *OTHERS])
def test_bits_a_second_are_kept(tmp_path: Path, suffix: str, args: str, rate: int, channels: int) -> None:
    source = encoded(tmp_path, suffix, args, rate, channels)
    result = extend(source, tmp_path / f"b.{suffix}", 9.0)
    before, after = spent(source), spent(tmp_path / f"b.{suffix}")
    assert before is not None
    assert after is not None
    assert after.kbps == pytest.approx(before.kbps, rel=0.1)
    assert abs(result.facts.duration_seconds - 9.0) < 0.03


@needs_ffmpeg
def test_what_is_counted_is_what_a_second_spends(tmp_path: Path) -> None:
    """Neither the cover nor a header that promises."""
    source = encoded(tmp_path, "mp3", "-b:a 96k")
    data = source.read_bytes()
    tagged = tmp_path / "cover.mp3"
    tagged.write_bytes(b"ID3\x04\x00\x00\x00\x08\x00\x00" + bytes(1 << 17) + data[45:])
    for file in (source, tagged):
        assert kbps_for(file, 6.0, "MPEG_LAYER_III", 2) == pytest.approx(96, abs=0.5)


def test_what_was_never_compressed_gets_plenty(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", music(44100, 2), 44100)
    assert spent(source) is None
    assert 128 <= kbps_for(source, 6.0, "OPUS", 2) <= 256
    assert kbps_for(source, 6.0, "OPUS", 1) < kbps_for(source, 6.0, "OPUS", 2) < kbps_for(source, 6.0, "OPUS", 6)


@pytest.mark.parametrize("content", [b"", b"words" * 100, b"OggS" + bytes(60), b"\xff\xfb\x90\x00" + bytes(600)])
def test_what_is_no_audio_spends_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert spent(path) is None


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "layout"),
    [("opus", "3.0"), ("opus", "7.1"), ("ogg", "3.0"), ("ogg", "5.0"), ("ogg", "7.1"), ("flac", "5.0"), ("wav", "7.1")],
)
def test_channels_stay_with_their_loudspeakers(tmp_path: Path, suffix: str, layout: str) -> None:
    """Each has a tone of its own."""
    count = {"3.0": 3, "5.0": 5, "7.1": 8}[layout]
    tones = "|".join(f"0.2*sin(2*PI*{40 * (channel + 2)}*t)*(0.6+0.4*sin(4*PI*t))" for channel in range(count))
    source = tmp_path / f"a.{suffix}"
    codec = {"opus": ["-c:a", "libopus", "-mapping_family", "1"], "ogg": ["-c:a", "libvorbis"]}.get(suffix, [])
    made = ["-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:d=2.5:c={layout}"]
    subprocess.run(["ffmpeg", "-v", "error", *made, *codec, source], check=True)
    extend(source, tmp_path / f"b.{suffix}", 4.0)
    before, after = (heard(tmp_path / f"{name}.{suffix}") for name in "ab")
    assert after == before
    assert len(set(after[1])) == count


def heard(path: Path) -> tuple[str, list[int]]:
    """The layout by another reader, and the pitch of each channel in Hz."""
    ask = ["-show_entries", "stream=channel_layout", "-of", "csv=p=0", path]
    told = subprocess.run(["ffprobe", "-v", "error", *ask], capture_output=True, text=True, check=True).stdout
    plain = path.with_name(f"{path.name}.decoded.wav")
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, plain], check=True)
    spectra = np.abs(np.fft.rfft(load(plain)[48000 : 2 * 48000], axis=0))
    return told.strip(), [int(each.argmax()) for each in spectra.T]
