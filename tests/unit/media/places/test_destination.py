"""Where results are saved that somebody wants elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.domain.errors import FileNotAllowed, InvalidRequest
from fermata_mcp.media.places.destination import check_destination, destination, wanted_ending
from fermata_mcp.media.places.naming import stem_for


def saved(written: str | None, output: Path, suffix: str = ".wav") -> Path:
    return destination(written, output, "song", "abc123", suffix)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "out" / "inner").mkdir(parents=True)
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, "out/song (extended abc123).wav"),
        ("long.wav", "out/long.wav"),
        ("long", "out/long.wav"),
        (" long.mp3 ", "out/long.wav"),
        ("v1.2 final", "out/v1.2 final.wav"),
        ("inner", "out/inner/song (extended abc123).wav"),
        ("inner/long.wav", "out/inner/long.wav"),
        ("new/", "out/new/song (extended abc123).wav"),
        ("../elsewhere/", "elsewhere/song (extended abc123).wav"),
    ],
)
def test_places(output: Path, written: str | None, expected: str) -> None:
    assert saved(written, output) == output.parent / expected


def test_what_is_made_shorter_is_called_so(output: Path) -> None:
    path = destination(None, output, "song", "abc123", ".wav", done="shortened")
    assert path.name == "song (shortened abc123).wav"
    assert stem_for(None, str(path)) == "song"


def test_home_and_whole_paths_are_understood(output: Path, clean_environ: Path) -> None:
    assert saved("~/long.wav", output) == clean_environ / "home" / "long.wav"
    assert saved(str(output / "x.flac"), output, "") == output / "x"


@pytest.mark.parametrize("form", ['"{}"', "'{}'", "file:{}", "file://{}", "{}"])
def test_pasted_forms_are_understood(output: Path, form: str) -> None:
    assert saved(form.format(output / "my song.wav"), output) == output / "my song.wav"


@pytest.mark.parametrize("written", ["$HOME/long.wav", "${HOME}/long.wav", "'$HOME/long.wav'", "~/lo\\ ng.wav"])
def test_home_is_known_by_its_variable(output: Path, clean_environ: Path, written: str) -> None:
    assert saved(written, output).parent == clean_environ / "home"


@pytest.mark.parametrize("written", ["there.wav", "there", "there.mp3", "inner/old.flac"])
def test_nothing_that_is_there_is_replaced(output: Path, written: str) -> None:
    (output / "there.wav").touch()
    (output / "inner" / "old.flac").touch()
    with pytest.raises(InvalidRequest, match="is there already"):
        check_destination(written, output, anywhere=True)


def test_a_folder_that_is_not_there_is_named(output: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no folder"):
        check_destination("missing/long.wav", output, anywhere=True)


@pytest.mark.parametrize("written", ["../a.wav", "/tmp/a.wav", "inner/../../a.wav", "..", "link/a.wav"])
def test_callers_from_elsewhere_stay_in_the_output_folder(output: Path, written: str) -> None:
    (output / "link").symlink_to(output.parent)
    with pytest.raises(FileNotAllowed):
        check_destination(written, output, anywhere=False)
    check_destination("inner/a.wav", output, anywhere=False)


@pytest.mark.parametrize(
    ("written", "ending"), [(None, ""), ("a", ""), ("a.WAV", ".wav"), ("a.mp3", ".mp3"), ("v1.2", "")]
)
def test_endings(written: str | None, ending: str) -> None:
    assert wanted_ending(written) == ending
