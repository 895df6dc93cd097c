"""Which files may be read, and what finished files are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest, StoreUnavailable
from fermata_mcp.media.files import identity, is_there, readable_file
from fermata_mcp.media.places.naming import output_path, stem_for

RESERVED = ("con", "PRN", "aux", "NUL", "com1", "LPT9", "nul.tar")
OUT = Path("/music/out")


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "secret.wav"
    file.write_bytes(b"x")
    return file


def a_file(folder: Path, name: str = "song.wav") -> Path:
    file = folder / name
    file.write_bytes(b"x")
    return file


def no_access(*_: object) -> bool:
    return False


class TestReading:
    def test_without_roots_any_file_may_be_read(self, outside: Path) -> None:
        assert readable_file(str(outside), None) == outside.resolve()

    def test_home_is_understood(self, clean_environ: Path) -> None:
        (clean_environ / "home").mkdir(parents=True)
        file = a_file(clean_environ / "home")
        assert readable_file("~/song.wav", None) == file.resolve()

    def test_a_file_in_a_root_may_be_read_by_any_way_to_write_it(self, allowed: Path) -> None:
        file = a_file(allowed)
        (allowed / "sub").mkdir()
        assert readable_file(f"{allowed}/sub/../song.wav", (allowed,)) == file.resolve()

    def test_no_roots_at_all_means_no_files_at_all(self, outside: Path) -> None:
        with pytest.raises(FileNotAllowed, match="not open to this server's callers"):
            readable_file(str(outside), ())

    @pytest.mark.parametrize(
        "way", ["{outside}", "{allowed}/../secret.wav", "{allowed}/link.wav", "{allowed}/up/secret.wav"]
    )
    def test_no_way_leads_out_of_the_roots(self, way: str, allowed: Path, outside: Path) -> None:
        (allowed / "link.wav").symlink_to(outside)
        (allowed / "up").symlink_to(outside.parent)
        with pytest.raises(FileNotAllowed):
            readable_file(way.format(allowed=allowed, outside=outside), (allowed,))

    def test_a_neighbour_whose_name_starts_alike_is_outside(self, allowed: Path) -> None:
        (allowed.parent / "allowed-too").mkdir()
        with pytest.raises(FileNotAllowed):
            readable_file(str(a_file(allowed.parent / "allowed-too")), (allowed,))

    def test_a_root_that_is_itself_a_link_is_followed(self, allowed: Path) -> None:
        file = a_file(allowed)
        alias = allowed.parent / "alias"
        alias.symlink_to(allowed)
        assert readable_file(str(alias / "song.wav"), (alias,)) == file.resolve()

    def test_nobody_learns_what_exists_outside(self, allowed: Path, outside: Path) -> None:
        told: set[str] = set()
        for path in (outside, outside.parent / "nothing.wav", outside.parent):
            with pytest.raises(FileNotAllowed) as refused:
                readable_file(str(path), (allowed,))
            told.add(str(refused.value))
        assert len(told) == 1
        assert str(outside.parent) not in told.pop()

    def test_a_missing_file_is_a_wrong_request(self, allowed: Path) -> None:
        with pytest.raises(InvalidRequest, match="no file") as refused:
            readable_file(str(allowed / "nothing.wav"), (allowed,))
        assert refused.value.code == "invalid_request"

    def test_a_folder_is_a_wrong_request(self, allowed: Path) -> None:
        with pytest.raises(InvalidRequest, match="is a folder"):
            readable_file(str(allowed), (allowed,))

    def test_a_pipe_is_refused_without_waiting_for_its_writer(self, allowed: Path) -> None:
        os.mkfifo(allowed / "pipe.wav")
        with pytest.raises(InvalidRequest, match="not a regular file"):
            readable_file(str(allowed / "pipe.wav"), None)

    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
    def test_a_device_is_refused(self, path: str) -> None:
        with pytest.raises(InvalidRequest, match="not a regular file"):
            readable_file(path, None)

    def test_an_unreadable_file_says_so(self, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", no_access)  # root may read everything
        with pytest.raises(FileNotAllowed, match="cannot be read"):
            readable_file(str(outside), None)

    @pytest.mark.parametrize(
        "written", ["a\x00b", "x" * 5000, "a/" * 3000, "~nobody-of-that-name/a.wav", "{file}/below.wav"]
    )
    def test_a_path_that_cannot_be_one_is_a_wrong_request(self, written: str, outside: Path) -> None:
        with pytest.raises(InvalidRequest):
            readable_file(written.format(file=outside), None)

    def test_links_in_a_circle_are_a_wrong_request(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")
        with pytest.raises(InvalidRequest):
            readable_file(str(tmp_path / "a"), None)

    @given(st.text(max_size=60))
    def test_any_text_is_a_file_or_a_refusal(self, written: str) -> None:
        with pytest.raises(InvalidRequest):
            readable_file(f"/no-such-folder/{written}", (Path("/no-such-folder"),))

    def test_identity_changes_with_the_file(self, outside: Path) -> None:
        before = identity(outside)
        assert identity(outside) == before
        outside.write_bytes(b"longer")
        assert identity(outside) != before

    def test_a_folder_is_not_a_saved_file(self, outside: Path) -> None:
        assert is_there(str(outside))
        assert not is_there(str(outside.parent))
        assert not is_there(str(outside) + ".gone")


class TestNaming:
    @pytest.mark.parametrize(
        ("title", "source", "stem"),
        [
            ("My song", "/a/b.wav", "My song"),
            (None, "/a/b.wav", "b"),
            ("", "/a/b.wav", "b"),
            (None, "", "track"),
            ("../../etc/passwd", "/a.wav", "_.._etc_passwd"),
            ("a/b\\c:d*e?f", "/a.wav", "a_b_c_d_e_f"),
            ("line\none\x1b[31m", "/a.wav", "line one [31m"),
            ("right\u202eleft", "/a.wav", "right left"),
            (" .hidden. ", "/a.wav", "hidden"),
            ("cafe\u0301", "/a.wav", "caf\u00e9"),
        ],
    )
    def test_stems(self, title: str | None, source: str, stem: str) -> None:
        assert stem_for(title, source) == stem

    @pytest.mark.parametrize("name", RESERVED)
    def test_names_that_some_systems_reserve_are_altered(self, name: str) -> None:
        assert stem_for(name, "/a.wav") == f"_{name}"

    @pytest.mark.parametrize("title", ["...", "\x00", "///", "\u200b", "ф" * 500, "🎵" * 500, "é" * 79 + "🎵"])
    def test_odd_titles_still_make_a_name(self, title: str) -> None:
        stem = stem_for(title, "/a.wav")
        assert stem
        assert len(stem.encode()) <= 81
        assert "\ufffd" not in stem

    @given(st.text(max_size=300) | st.none(), st.text(max_size=60), st.sampled_from([".wav", ".mp3", ""]))
    @example("..", "..", "")
    @example("/", "", ".wav")
    def test_a_result_never_leaves_its_folder(self, title: str | None, source: str, suffix: str) -> None:
        name = f"{stem_for(title, source)} (extended abc123){suffix}"
        path = OUT / name
        assert path.parent == OUT
        assert Path(os.path.normpath(path)) == path
        assert not set(name) & set('<>:"/\\|?*\x00\n\r\t\x1b\u202e')
        assert len(name.encode()) <= 110

    def test_the_folder_is_made(self, tmp_path: Path) -> None:
        path = output_path(tmp_path / "new" / "deep", "song", "abc123", ".wav")
        assert path == tmp_path / "new" / "deep" / "song (extended abc123).wav"
        assert path.parent.is_dir()

    def test_a_folder_that_cannot_be_made_is_told_with_the_variable_to_change(self, outside: Path) -> None:
        with pytest.raises(StoreUnavailable) as refused:
            output_path(outside / "below-a-file", "song", "abc123", ".wav")
        assert "FERMATA_OUTPUT_DIR" in refused.value.hint

    def test_a_read_only_folder_is_told_before_any_work(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", no_access)
        with pytest.raises(StoreUnavailable, match="cannot be saved"):
            output_path(tmp_path, "song", "abc123", ".wav")
