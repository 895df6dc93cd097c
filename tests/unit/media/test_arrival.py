"""A header is not believed: length is what can be decoded, and whoever gave the file hears of the difference."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fermata_mcp.domain.errors import NotAudio, TooLarge
from fermata_mcp.media.arrival import hear, measured_seconds
from fermata_mcp.media.audio import open_audio, probe
from support.audio_signals import extend
from support.liars import LIARS, RATE, SECONDS, flac_bomb, of_rate
from support.mutants import KINDS, OTHERS, whole

pytestmark = pytest.mark.usefixtures("brief_search")

EACH = pytest.mark.parametrize("name", LIARS)


def written(folder: Path, name: str) -> Path:
    suffix, make, _ = LIARS[name]
    path = folder / f"song.{suffix}"
    path.write_bytes(make())
    return path


@EACH
def test_a_file_is_as_long_as_it_can_be_heard(name: str, tmp_path: Path) -> None:
    facts = probe(path := written(tmp_path, name))
    assert facts.duration_seconds == pytest.approx(SECONDS, abs=0.3)
    with open_audio(path) as file:
        assert len(file.read(dtype="float32")) == pytest.approx(facts.frames, abs=2000)
    heard = hear(path)
    assert heard.seconds == pytest.approx(SECONDS, abs=0.3)
    assert heard.decodable
    assert not heard.silent


@EACH
def test_where_header_and_content_differ_it_is_told(name: str, tmp_path: Path) -> None:
    assert (probe(written(tmp_path, name)).note is not None) == LIARS[name][2]


@EACH
def test_all_of_it_is_lengthened(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    result = extend(path, tmp_path / f"longer{path.suffix}", 5)
    assert result.facts.duration_seconds == pytest.approx(5, abs=0.05)
    assert len(result.seams) < 10


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OTHERS])
def test_an_honest_file_is_as_it_was(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"song.{kind}"
    path.write_bytes(whole(kind))
    facts = probe(path)
    with soundfile.SoundFile(str(path)) as file:
        assert (facts.frames, facts.note) == (file.frames, None)
        with open_audio(path) as ours:
            assert np.array_equal(ours.read(dtype="float32"), file.read(dtype="float32"))


@pytest.mark.parametrize("rate", [1, 100, 3_999, 400_000, 2_000_000_000])
def test_a_sample_rate_that_is_no_music_is_refused_in_words(rate: int, tmp_path: Path) -> None:
    (path := tmp_path / "song.wav").write_bytes(of_rate(rate))
    with pytest.raises(NotAudio, match="samples a second"):
        probe(path)


def test_a_wav_beyond_the_numbers_of_its_header_is_read_whole(tmp_path: Path) -> None:
    """Its size is 4 GiB and some; the header counts to 4 GiB only. Most of it is a hole, which takes no room."""
    data = bytearray(whole("wav", 1, 48_000, 2))
    at = data.index(b"data")
    size = (1 << 32) + 48_000 * 4 * 60
    data[at + 4 : at + 8] = struct.pack("<I", size % (1 << 32))
    with (path := tmp_path / "long.wav").open("wb") as file:
        file.write(data)
        file.truncate(at + 8 + size)
    facts = probe(path)
    assert (facts.container, facts.frames) == ("WAV", size // 4)
    with open_audio(path) as opened:
        opened.seek(facts.frames - 10)
        assert len(opened.read(100)) == 10


def test_what_is_of_another_kind_behind_the_first_is_told(tmp_path: Path) -> None:
    (path := tmp_path / "song.flac").write_bytes(whole("flac", 2, 16_000) + whole("flac", 2, 22_050))
    facts = probe(path)
    assert facts.duration_seconds == 2
    assert "of another kind" in (facts.note or "")


@pytest.mark.parametrize("length", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_a_file_that_ends_early_is_as_long_as_what_is_there(kind: str, length: float, tmp_path: Path) -> None:
    data = whole(kind, 20, RATE)
    (path := tmp_path / f"song.{kind}").write_bytes(data[: round(len(data) * length)])
    assert measured_seconds(path) == pytest.approx(20 * length, abs=0.6)
    assert not hear(path).complete


def test_days_of_silence_are_too_large(tmp_path: Path) -> None:
    (path := tmp_path / "song.flac").write_bytes(flac_bomb(30, 8000))
    assert path.stat().st_size < 300_000
    with pytest.raises(TooLarge, match="hours"):
        probe(path)
