"""What a source says is said by its result, from every kind of tag to every other; what is not, is told."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any, cast

import mutagen
import pytest
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import (
    APIC,
    CHAP,
    COMM,
    CTOC,
    ETCO,
    ID3,
    POPM,
    SYLT,
    TALB,
    TDRC,
    TIT2,
    TLEN,
    TPE1,
    TRCK,
    TSSE,
    TXXX,
    USLT,
)
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover
from mutagen.wave import WAVE

from fermata_mcp.media.audio import probe
from fermata_mcp.media.codecs.program import Ffmpeg
from fermata_mcp.media.codecs.pyav import PyAv
from fermata_mcp.media.facts import AudioFacts
from fermata_mcp.media.tagging.carry import copy_tags
from fermata_mcp.media.tagging.reading import read
from fermata_mcp.media.tagging.timed import Moves, Passage
from support.audio_signals import RATE, chord_loop, extend, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("brief_search")

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000201a5f1c2"
    "d40000000049454e44ae426082"
)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to make files with")
WORDS = {"title": "Söng", "artist": "Me", "album": "Disc", "date": "2001", "genre": "Noise", "tracknumber": "3"}
SAID = {**WORDS, "title": "Söng (extended)", "comment": "fine", "lyrics": "la la\nla"}
DECODED_ELSEWHERE = (".m4a", ".wma", ".oga")
KINDS = ("mp3", "wav", "aiff", "flac", "ogg", "opus", "oga", "m4a", "wma")
MAKES_WITH = {
    "opus": ["-c:a", "libopus"], "oga": ["-c:a", "flac", "-f", "ogg"], "ogg": ["-c:a", "libvorbis"],
    "wma": ["-c:a", "wmav2"],
}  # fmt: skip


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of each kind that says nothing."""
    folder = tmp_path_factory.mktemp("bare")
    plain = save(folder / "plain.wav", chord_loop(1))

    def make(kind: str) -> Path:
        path = folder / f"bare.{kind}"
        if not path.exists():
            ours = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
            command = ["ffmpeg", "-v", "error", "-i", plain, *MAKES_WITH.get(kind, []), *ours, path]
            subprocess.run(command, check=True)
        return path

    return make


def facts_of(path: Path) -> AudioFacts:
    if path.suffix in DECODED_ELSEWHERE:
        return AudioFacts(2.0, 2 * RATE, RATE, 1, "M4A", "AAC", path.suffix)
    return probe(path)


def id3_frames() -> list[Any]:
    texts = [TIT2(text=["Söng"]), TPE1(text=["Me"]), TALB(text=["Disc"]), TDRC(text=["2001"]), TRCK(text=["3"])]
    more = [COMM(lang="deu", desc="", text=["fine"]), USLT(lang="deu", desc="", text="la la\nla")]
    genre = cast("Any", mutagen).id3.TCON(encoding=3, text=["Noise"])
    return [*texts, genre, *more, APIC(mime="image/png", type=3, desc="front", data=PNG), TXXX(desc="Odd", text=["1"])]


def add_id3(path: Path, *frames: Any, version: int = 4) -> None:
    kind = cast("Any", {".wav": WAVE, ".aiff": AIFF}.get(path.suffix, MP3))
    file = kind(path)
    if file.tags is None:
        file.add_tags()
    tags = cast("Any", file.tags)
    for frame in frames:
        tags.add(frame)
    if version == 3:
        tags.update_to_v23()
    file.save(v2_version=version)


def fill(path: Path) -> None:
    """With the words of `WORDS`, a comment, lyrics, a cover and something odd, by a library that we do not test."""
    if path.suffix in (".mp3", ".wav", ".aiff"):
        return add_id3(path, *id3_frames())
    file = cast("Any", mutagen).File(path)
    if path.suffix == ".m4a":
        file = cast("Any", MP4)(path)
        names = {"title": "©nam", "artist": "©ART", "album": "©alb", "date": "©day", "genre": "©gen"}
        values = {names[name]: [WORDS[name]] for name in names} | {"trkn": [(3, 0)], "©cmt": ["fine"]}
        file.tags.update(values | {"©lyr": ["la la\nla"], "----:com.apple.iTunes:ODD": [b"1"]})
        file.tags["covr"] = [cast("Any", MP4Cover)(PNG, MP4Cover.FORMAT_PNG)]
    elif path.suffix == ".wma":
        names = {"title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "date": "WM/Year"}
        names |= {"genre": "WM/Genre", "tracknumber": "WM/TrackNumber"}
        for name, value in WORDS.items():
            file.tags[names[name]] = [value]
        file.tags["Description"], file.tags["WM/Lyrics"], file.tags["ODD"] = ["fine"], ["la la\nla"], ["1"]
    else:
        for name, value in {**WORDS, "comment": "fine", "lyrics": "la la\nla", "odd": "1"}.items():
            file[name] = value
        picture = cast("Any", Picture())
        picture.data, picture.mime, picture.type = PNG, "image/png", 3
        if path.suffix == ".flac":
            file.add_picture(picture)
        else:
            file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    return file.save()


def prepared(folder: Path, bare: Callable[[str], Path], kind: str, name: str) -> Path:
    shutil.copy(bare(kind), folder / f"{name}.{kind}")
    return folder / f"{name}.{kind}"


@needs_ffmpeg
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_from_every_kind_to_every_other(tmp_path: Path, bare: Callable[[str], Path], kind: str, other: str) -> None:
    source, result = prepared(tmp_path, bare, kind, "a"), prepared(tmp_path, bare, other, "b")
    fill(source)
    assert copy_tags((source, facts_of(source)), (result, facts_of(result)), None) == ()
    found = read(result, RATE).tags
    assert {name: found.first(name) for name in SAID} == SAID
    assert found.first("odd") == "1"
    if kind != "wma":
        assert [(one.data, one.mime, one.kind) for one in found.pictures] == [(PNG, "image/png", 3)]
    assert seen_by_others(result) == ("Söng (extended)", "Me", "Disc")
    if result.suffix not in DECODED_ELSEWHERE:
        assert probe(result).frames == probe(bare(other)).frames


def seen_by_others(path: Path) -> tuple[str, ...]:
    ask = ["-select_streams", "a", "-show_entries", "format_tags:stream_tags", "-of", "json", path]
    done = subprocess.run(["ffprobe", "-v", "error", *ask], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    every = [one.get("tags", {}) for one in (told["format"], *told.get("streams", []))]
    low = {name.lower(): value for tags in every for name, value in tags.items()}
    return tuple(low[name] for name in ("title", "artist", "album"))


@needs_ffmpeg
@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff"])
def test_the_version_of_id3_stays(tmp_path: Path, bare: Callable[[str], Path], kind: str, version: int) -> None:
    source = prepared(tmp_path, bare, kind, "a")
    add_id3(source, *id3_frames(), POPM(email="x@y", rating=200), version=version)
    result = extend(source, tmp_path / f"b.{kind}", 5)
    assert result.warnings == () or all("Not carried" not in said for said in result.warnings)
    tags = cast("Any", mutagen).File(tmp_path / f"b.{kind}").tags
    assert tags.version == (2, version, 0)
    assert [tags["TIT2"].text[0], str(tags["TDRC"].text[0]), tags.getall("COMM")[0].lang] == [
        "Söng (extended)",
        "2001",
        "deu",
    ]
    assert tags.getall("POPM")[0].rating == 200
    assert tags.getall("APIC")[0].data == PNG


def test_ape_and_the_oldest_id3(tmp_path: Path) -> None:
    source = save(tmp_path / "a.mp3", chord_loop(2))
    ape = cast("Any", APEv2())
    ape["Title"], ape["Artist"], ape["Track"], ape["MP3GAIN_UNDO"] = "Song", "Me", "3/9", "+1"
    ape["replaygain_track_gain"] = "-3 dB"
    ape.save(source)
    assert extend(source, tmp_path / "b.mp3", 6).warnings == ()
    tags = cast("Any", ID3)(tmp_path / "b.mp3")
    assert (tags["TIT2"].text, tags["TPE1"].text, tags["TRCK"].text) == (["Song (extended)"], ["Me"], ["3/9"])
    gains = {one.desc.lower(): one.text for one in tags.getall("TXXX")}
    assert gains == {"replaygain_track_gain": ["-3 dB"]}
    with source.open("wb") as file:
        file.write(save(tmp_path / "c.mp3", chord_loop(2)).read_bytes() + b"TAG" + b"Old".ljust(30, b"\0") + bytes(95))
    extend(source, tmp_path / "d.mp3", 6)
    assert cast("Any", ID3)(tmp_path / "d.mp3")["TIT2"].text == ["Old (extended)"]
    assert (tmp_path / "d.mp3").read_bytes()[-128:-125] == b"TAG"


def test_id3_before_flac(tmp_path: Path) -> None:
    source = save(tmp_path / "a.flac", chord_loop(2))
    tags = cast("Any", ID3)()
    for frame in id3_frames():
        tags.add(frame)
    tags.save(source)
    assert extend(source, tmp_path / "b.flac", 6).warnings == ()
    found = cast("Any", FLAC)(tmp_path / "b.flac")
    assert (found["title"], found["artist"], found["lyrics"]) == (["Söng (extended)"], ["Me"], ["la la\nla"])
    assert found.pictures[0].data == PNG


MOVES = Moves(
    RATE, (Passage(0, 0, 10 * RATE), Passage(10 * RATE, 4 * RATE, 20 * RATE)), 26 * RATE, ((9 * RATE, 11 * RATE),)
)


def timed_frames() -> list[Any]:
    def chapter(number: int, at: int) -> Any:
        title = [TIT2(text=[f"Part {number}"])]
        return cast("Any", CHAP)(element_id=f"c{number}", start_time=at, end_time=at + 100, sub_frames=title)

    lines = SYLT(lang="eng", format=2, type=1, desc="", text=[("one", 1000), ("five", 5000), ("twelve", 12000)])
    toc = cast("Any", CTOC)(element_id="toc", flags=3, child_element_ids=["c1", "c2"], sub_frames=[])
    return [chapter(1, 0), chapter(2, 15000), toc, lines, TLEN(text=["20000"]), TSSE(text=["old encoder"])]


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff", "flac", "ogg", "opus"])
def test_chapters_and_timed_lyrics_move_with_the_music(tmp_path: Path, bare: Callable[[str], Path], kind: str) -> None:
    """What is heard twice is sung twice; a chapter begins once."""
    source, result = prepared(tmp_path, bare, "mp3", "a"), prepared(tmp_path, bare, kind, "b")
    add_id3(source, *id3_frames()[:1], *timed_frames())
    assert copy_tags((source, facts_of(source)), (result, facts_of(result)), None, MOVES) == ()
    found = read(result, RATE).tags
    assert [(round(one.at, 2), one.words) for one in found.chapters] == [(0, "Part 1"), (21, "Part 2")]
    lines = [(round(one.at, 2), one.words) for one in found.lines]
    assert lines == [(1, "one"), (5, "five"), (11, "five"), (18, "twelve")]
    again = prepared(tmp_path, bare, "mp3", "c")
    assert (
        copy_tags(
            (result, facts_of(result)),
            (again, facts_of(again)),
            None,
            Moves(RATE, (Passage(0, 0, 26 * RATE),), 26 * RATE),
        )
        == ()
    )
    tags = cast("Any", ID3)(again)
    assert sorted(one.start_time for one in tags.getall("CHAP")) == [0, 21000]
    assert "TLEN" not in tags
    assert "TSSE" not in tags


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a"])
def test_what_points_to_where_nothing_is_known_is_told(tmp_path: Path, bare: Callable[[str], Path], kind: str) -> None:
    source, result = prepared(tmp_path, bare, "mp3", "a"), prepared(tmp_path, bare, kind, "b")
    loop = [TXXX(desc="LOOPSTART", text=["100"]), TXXX(desc="LOOPLENGTH", text=["1000"])]
    add_id3(source, *timed_frames(), *loop, ETCO(format=2, events=[(1, 2)]), POPM(email="x", rating=1))
    (said,) = copy_tags((source, facts_of(source)), (result, facts_of(result)), "T")
    for word in ("chapters", "timed lyrics", "loop marks"):
        assert word in said
    assert ("rating" in said) == (kind != "mp3")
    assert ("timed events" in said) == (kind == "mp3")
    found = read(result, RATE).tags
    assert found.first("lyrics") == "one\nfive\ntwelve"
    assert not found.chapters
    assert "loopstart" not in found.texts


@pytest.mark.parametrize(
    "text", ["[00:01.00]one\n[00:05.50]five\n[00:12.25]twelve", "[0:01]one [x]\n[0:05.5]five\n[00:12:25]twelve"]
)
@pytest.mark.parametrize("name", ["lyrics", "syncedlyrics", "UNSYNCEDLYRICS"])
def test_lyrics_with_stamps(tmp_path: Path, text: str, name: str) -> None:
    source, result = save(tmp_path / "a.flac", chord_loop(1)), save(tmp_path / "b.flac", chord_loop(1))
    file = cast("Any", FLAC)(source)
    file[name] = text
    file.save()
    assert copy_tags((source, probe(source)), (result, probe(result)), None, MOVES) == ()
    lines = cast("Any", FLAC)(result)["syncedlyrics"][0].splitlines()
    assert [line[:10] for line in lines] == ["[00:01.00]", "[00:05.50]", "[00:11.50]", "[00:18.25]"]


def test_a_cue_sheet_moves(tmp_path: Path) -> None:
    source, result = save(tmp_path / "a.flac", chord_loop(1)), save(tmp_path / "b.flac", chord_loop(1))
    file = cast("Any", FLAC)(source)
    file["cuesheet"] = "TRACK 01 AUDIO\n  INDEX 01 00:00:00\nTRACK 02 AUDIO\n  INDEX 01 00:15:37"
    file.save()
    assert copy_tags((source, probe(source)), (result, probe(result)), None, MOVES) == ()
    assert "INDEX 01 00:21:37" in cast("Any", FLAC)(result)["cuesheet"][0]


def test_chunks_of_a_wav_file_stay(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", chord_loop(3))
    data = source.read_bytes()
    bext = b"bext" + struct.pack("<I", 602) + b"A take".ljust(602, b"\0")
    strange = b"zzzz" + struct.pack("<I", 4) + b"kept" + b"acid" + struct.pack("<I", 24) + bytes(24)
    info = (
        b"INFO"
        + b"INAM"
        + struct.pack("<I", 6)
        + b"Song\0\0"
        + b"ISRF"
        + struct.pack("<I", 4)
        + b"tape"
        + b"ISFT"
        + struct.pack("<I", 4)
        + b"old!"
    )
    more = bext + strange + b"LIST" + struct.pack("<I", len(info)) + info
    source.write_bytes(b"RIFF" + struct.pack("<I", len(data) + len(more) - 8) + data[8:] + more)
    result = extend(source, tmp_path / "b.wav", 9)
    assert "Not carried into the result: beats (acid)." in result.warnings
    written = (tmp_path / "b.wav").read_bytes()
    assert all(
        word in written for word in (bext, b"zzzz\x04\0\0\0kept", b"ISRF\x05\0\0\0tape", b"INAM", b"Song (extended)")
    )
    assert b"old!" not in written
    assert len(written) == int.from_bytes(written[4:8], "little") + 8
    assert result.facts.frames == 9 * RATE


def test_tags_that_are_damaged_are_told(tmp_path: Path) -> None:
    source, result = save(tmp_path / "a.flac", chord_loop(1)), save(tmp_path / "b.flac", chord_loop(1))
    data = bytearray(source.read_bytes())
    at = data.find(b"\x84", 8)
    facts = probe(source)
    source.write_bytes(bytes(data[:42]) + b"\x04\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff" + bytes(data[42:]))
    (said,) = copy_tags((source, facts), (result, probe(result)), "Title")
    assert "damaged" in said
    assert at
    assert cast("Any", FLAC)(result)["title"] == ["Title"]


def told_in_matroska(folder: Path, ending: str, *more: str) -> Path:
    """As another program says it, beside what it says of itself."""
    made, plain = folder / f"said{ending}", save(folder / "plain.wav", chord_loop(1, rate=48_000), 48_000)
    said = {**WORDS, "track": "3", "encoder": "another", "comment": "fine", "odd": "1"}
    words = [part for name, text in said.items() for part in ("-metadata", f"{name}={text}")]
    command = ["ffmpeg", "-v", "error", "-i", plain, *more, "-c:a", "libopus", *words, made]
    subprocess.run(command, check=True)
    return made


@needs_ffmpeg
@pytest.mark.parametrize("decoder", [PyAv, Ffmpeg])
def test_what_matroska_says_is_read(tmp_path: Path, decoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata_mcp.media.tagging.reading.library", decoder)
    found = read(told_in_matroska(tmp_path, ".mka"), 48_000)
    assert {name: found.tags.first(name) for name in WORDS} == WORDS
    assert (found.tags.first("comment"), found.lost) == ("fine", ())
    assert not {"encoder", "odd", "duration"} & set(found.tags.texts)


@needs_ffmpeg
@pytest.mark.parametrize("decoder", [PyAv, Ffmpeg])
def test_what_else_is_in_matroska_is_named(tmp_path: Path, decoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata_mcp.media.tagging.reading.library", decoder)
    (note := tmp_path / "note.txt").write_text("words")
    chapters = tmp_path / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=One\n")
    attached = ["-attach", str(note), "-metadata:s:t", "mimetype=text/plain"]
    source = told_in_matroska(tmp_path, ".mka", "-i", str(chapters), "-map_chapters", "1", *attached)
    assert set(read(source, 48_000).lost) == {"chapters", "attachments"}


@needs_ffmpeg
@pytest.mark.parametrize("ending", [".webm", ".opus", ".flac"])
def test_matroska_says_it_to_its_result(tmp_path: Path, ending: str) -> None:
    source = told_in_matroska(tmp_path, ".webm")
    result = extend(source, tmp_path / f"b{ending}", 4.0)
    assert not any("container" in said for said in result.warnings)
    ask = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json", tmp_path / f"b{ending}"]
    told = json.loads(subprocess.run(ask, capture_output=True, check=True).stdout)
    tags = {
        name.lower(): text for one in (told["format"], *told["streams"]) for name, text in one.get("tags", {}).items()
    }
    assert (tags["title"], tags["artist"], tags["album"]) == ("Söng (extended)", "Me", "Disc")


@needs_ffmpeg
def test_what_is_made_shorter_says_so(tmp_path: Path) -> None:
    source = save(tmp_path / "a.flac", chord_loop(6))
    file = cast("Any", FLAC)(source)
    file["title"] = "Söng"
    file.save()
    extend(source, tmp_path / "b.flac", 8.0)
    assert cast("Any", FLAC)(tmp_path / "b.flac")["title"] == ["Söng (shortened)"]
