"""Loop marks are read by a game engine's and a sampler's rules, here imitated apart from what writes them."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any, cast

import mutagen
import numpy as np
import pytest
from mutagen.id3 import APIC, TIT2
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from fermata_mcp.media.tagging.loops import mark_loop
from fermata_mcp.media.tagging.points import loop_in_smpl, smpl
from support.audio_signals import RATE, chord_loop, extend, load, save

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("brief_search")

START, LENGTH = 1001, 2 * RATE + 7


def sampler_loop(path: Path) -> tuple[int, int, int, int]:
    """Type, first and last frame, times to play, of the one loop: chunk after chunk as the RIFF page has them."""
    data, at = path.read_bytes(), 12
    assert data[:4] == b"RIFF"
    assert len(data) == 8 + int.from_bytes(data[4:8], "little")
    while at < len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"smpl":
            loops = int.from_bytes(data[at + 8 + 28 : at + 8 + 32], "little")
            assert loops == 1
            _, kind, first, last, _, times = struct.unpack("<6I", data[at + 44 : at + 68])
            return kind, first, last, times
        at += 8 + size + size % 2
    raise AssertionError("no sampler chunk")


def game_loop(path: Path) -> tuple[int, int]:
    """As RPG Maker finds it: the two words as numbers, anywhere among the comments."""
    head = path.read_bytes()
    found = [re.search(rb"%s=(\d+)" % name, head) for name in (b"LOOPSTART", b"LOOPLENGTH")]
    assert found[0] is not None
    assert found[1] is not None
    return int(found[0][1]), int(found[1][1])


@pytest.mark.parametrize("start", [0, START])
def test_a_sampler_reads_the_last_frame_as_part_of_the_loop(tmp_path: Path, start: int) -> None:
    path = save(tmp_path / "a.wav", chord_loop(2))
    before = load(path)
    assert mark_loop(path, start, len(before) - start) == ()
    assert sampler_loop(path) == (0, start, len(before) - 1, 0)
    assert (load(path) == before).all()


def test_marking_again_leaves_one_mark_and_all_the_rest(tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", chord_loop(2))
    file = cast("Any", WAVE)(path)
    file.add_tags()
    for frame in (TIT2(text=["Song"]), APIC(data=b"\x89PNG", mime="image/png", type=3)):
        file.tags.add(frame)
    file.save()
    mark_loop(path, 0, 100)
    mark_loop(path, START, LENGTH)
    assert sampler_loop(path) == (0, START, START + LENGTH - 1, 0)
    tags = cast("Any", WAVE)(path).tags
    assert (tags["TIT2"].text, tags.getall("APIC")[0].data) == (["Song"], b"\x89PNG")


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_a_game_reads_frames(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", chord_loop(2))
    before = load(path)
    mark_loop(path, START, LENGTH)
    assert game_loop(path) == (START, LENGTH)
    assert (load(path) == before).all()


@pytest.mark.parametrize("rate", [24000, 48000])
def test_in_opus_the_clock_is_48_khz(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.opus"
    import soundfile

    with soundfile.SoundFile(path, "w", rate, 1, format="OGG", subtype="OPUS") as file:
        file.write(np.zeros(3 * rate, np.float32))
    mark_loop(path, 100, 2 * rate)
    assert game_loop(path) == (100 * 48000 // rate, 96000)


def test_mp3(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mp3", chord_loop(2))
    (said,) = mark_loop(path, START, LENGTH)
    assert "gap" in said
    texts = {one.desc: one.text[0] for one in cast("Any", mutagen).File(path).tags.getall("TXXX")}
    assert texts == {"LOOPSTART": str(START), "LOOPLENGTH": str(LENGTH)}


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to make files with")
def test_m4a(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", save(tmp_path / "a.wav", chord_loop(2)), path], check=True)
    assert mark_loop(path, START, LENGTH) == ()
    tags = cast("Any", MP4)(path).tags
    found = [bytes(tags[f"----:com.apple.iTunes:{name}"][0]) for name in ("LOOPSTART", "LOOPLENGTH")]
    assert found == [str(START).encode(), str(LENGTH).encode()]


def test_aiff(tmp_path: Path) -> None:
    """Marks stand between frames: the second one behind the last."""
    path = save(tmp_path / "a.aiff", chord_loop(2))
    before = load(path)
    mark_loop(path, START, LENGTH)
    data = path.read_bytes()
    marks, inst = data.find(b"MARK") + 8, data.find(b"INST") + 8
    assert struct.unpack(">HhI", data[marks : marks + 8]) == (2, 1, START)
    assert struct.unpack(">3h", data[inst + 8 : inst + 14]) == (1, 1, 2)
    assert struct.pack(">hI", 2, START + LENGTH) in data[marks : marks + 60]
    assert (load(path) == before).all()


@pytest.mark.parametrize(("start", "length"), [(-1, 10), (0, 0), (0, 10**9)])
def test_what_is_no_loop_of_the_file_is_refused(tmp_path: Path, start: int, length: int) -> None:
    path = save(tmp_path / "a.wav", chord_loop(1))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no loop"):
        mark_loop(path, start, length)
    assert path.read_bytes() == before


def test_where_there_is_no_place_it_is_said(tmp_path: Path) -> None:
    (said,) = mark_loop(save(tmp_path / "a.au", chord_loop(1)), 0, 10)
    assert "no place for loop marks" in said


def test_what_a_sampler_says_of_its_instrument_stays() -> None:
    old = struct.pack("<9I", 1, 2, 3, 64, 5, 6, 7, 0, 0)
    assert struct.unpack("<9I", smpl(5, 10, 44100, old).data[:36]) == (1, 2, 22676, 64, 5, 6, 7, 1, 0)
    assert loop_in_smpl(smpl(5, 10, 44100).data) == (5, 10)
    with pytest.raises(ValueError, match="beyond"):
        smpl(2**32 - 5, 10, 44100)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_game_loop_that_is_made_longer_loops_where_it_sounds_the_same(tmp_path: Path, suffix: str) -> None:
    """What is before the end and behind the beginning of the loop is what was there; or it is said to be gone."""
    source = save(tmp_path / f"a.{suffix}", chord_loop(4))
    frames = len(load(source))
    mark_loop(source, RATE // 2, frames - RATE // 2 - 3)
    result = extend(source, tmp_path / f"b.{suffix}", 17, ending="keep")
    if any("loop marks" in said for said in result.warnings):
        return
    tags = cast("Any", mutagen).File(tmp_path / f"b.{suffix}").tags
    texts = {name: str((tags.get(f"TXXX:{name.upper()}") or tags.get(name))[0]) for name in ("loopstart", "looplength")}
    start, length = int(texts["loopstart"]), int(texts["looplength"])
    assert start == RATE // 2
    if suffix in ("wav", "flac"):
        old, new = load(source), load(tmp_path / f"b.{suffix}")
        assert (new[start + length - 100 : start + length] == old[frames - 103 : frames - 3]).all()
