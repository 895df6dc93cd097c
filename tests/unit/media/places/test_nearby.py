"""What people mean by a path that leads to no file."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest
from fermata_mcp.domain.source import FileSource, parse_source
from fermata_mcp.media.files import name_of, readable_file
from fermata_mcp.media.places.nearby import MOST_NAMED, audio_in, held_in, meant_by, spellings

NAME = "Mein Lied (é).wav"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    file = tmp_path / unicodedata.normalize("NFC", NAME)
    file.write_bytes(b"x")
    return file


@pytest.mark.parametrize(
    "pasted",
    [
        "{}", "'{}'", '"{}"', " “{}” ", "«{}»", "file://{}", "file:{}",
    ],
)  # fmt: skip
def test_quotes_and_addresses(song: Path, pasted: str) -> None:
    source = parse_source(pasted.format(song))
    assert isinstance(source, FileSource)
    assert readable_file(source.path, None) == song.resolve()


def test_shell_escapes_and_other_letters(song: Path) -> None:
    escaped = str(song).replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")
    assert readable_file(escaped, None) == song.resolve()
    assert readable_file(unicodedata.normalize("NFD", str(song)), None) == song.resolve()


def test_home_by_its_variable(clean_environ: Path) -> None:
    (clean_environ / "home").mkdir(parents=True)
    (clean_environ / "home" / "a.wav").write_bytes(b"x")
    assert readable_file("$HOME/a.wav", None) == (clean_environ / "home" / "a.wav").resolve()


def test_a_name_with_a_backslash_is_itself_first(tmp_path: Path) -> None:
    (tmp_path / "a\\ b.wav").write_bytes(b"x")
    (tmp_path / "a b.wav").write_bytes(b"y")
    assert readable_file(f"{tmp_path}/a\\ b.wav", None).name == "a\\ b.wav"
    assert next(spellings("as it is")) == "as it is"


@pytest.mark.parametrize(
    "attached",
    [
        "/mnt/user-data/uploads/song.mp3", "/mnt/data/song.mp3", "sandbox:/mnt/data/song.mp3",
        "sandbox:///mnt/data/song.mp3", "attachment://song.mp3", "/mnt/user-data/other/x.wav",
    ],
)  # fmt: skip
@pytest.mark.parametrize("roots", [None, ()])
def test_a_file_attached_to_a_chat_is_elsewhere(attached: str, roots: tuple[Path, ...] | None) -> None:
    with pytest.raises(InvalidRequest, match="attached to a chat") as refused:
        readable_file(getattr(parse_source(attached), "path", ""), roots)
    assert "https://" in refused.value.hint


def test_a_link_has_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "3f1c9e").write_bytes(b"x")
    (tmp_path / "My Song.wav").symlink_to("3f1c9e")
    for written in (tmp_path / "My Song.wav", f"{tmp_path}/My\\ Song.wav"):
        path = readable_file(str(written), None)
        assert (path.name, name_of(str(written), path)) == ("3f1c9e", "My Song.wav")
    assert name_of("tsk_1", tmp_path / "a.wav") == "a.wav"


def test_no_spelling_leads_out_of_the_roots(tmp_path: Path, song: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(FileNotAllowed):
        readable_file(str(song).replace(" ", "\\ "), (root,))


@pytest.mark.parametrize("wrong", ["song.mp3", "Song.wav", "sonng.wav", "song"])
def test_the_nearest_name_is_told(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "song.wav").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    with pytest.raises(InvalidRequest) as refused:
        readable_file(str(tmp_path / wrong), None)
    assert str(tmp_path / "song.wav") in refused.value.hint


def test_nothing_near_is_not_made_up(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"x")
    assert meant_by(tmp_path / "entirely other.flac") == ""
    assert meant_by(tmp_path / "gone" / "song.wav") == ""


def test_a_bare_clip_id_is_told_apart(tmp_path: Path) -> None:
    clip = "0f0e1b1f-1d0e-4f0e-8f0e-0123456789ab"
    assert f"clip:{clip}" in meant_by(tmp_path / clip)


def test_a_folder_tells_its_audio(tmp_path: Path) -> None:
    for number in range(MOST_NAMED + 2):
        (tmp_path / f"{number}.flac").write_bytes(b"x")
    (tmp_path / "cover.jpg").write_bytes(b"x")
    assert held_in(tmp_path) == ", such as 0.flac, 1.flac, 2.flac, 3.flac, 4.flac or one of 2 more"
    assert held_in(tmp_path / "gone") == ""
    assert len(audio_in(tmp_path)) == MOST_NAMED + 2


@pytest.mark.parametrize("said", ["latest", "my last song"])
def test_words_for_an_earlier_result_lead_to_the_list(tmp_path: Path, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        readable_file(str(tmp_path / said), None)
    assert "list_tasks" in refused.value.hint
