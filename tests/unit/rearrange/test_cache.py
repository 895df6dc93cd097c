"""What is remembered of a file makes the same result, and only of that file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata_mcp.rearrange import cache
from fermata_mcp.rearrange.job import Ending
from support.audio_signals import chord_loop, extend, form, save

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("brief_search")


@pytest.mark.parametrize("ending", ["auto", "fade"])
def test_what_was_remembered_makes_the_same_result(tmp_path: Path, ending: Ending) -> None:
    source = save(tmp_path / "a.wav", form("ABCABCD", 2.0))
    made = [
        extend(source, tmp_path / f"{i}.wav", 20, ending=ending, cache=kept)
        for i, kept in enumerate([None, tmp_path / "kept", tmp_path / "kept"])
    ]
    assert made[0].seams == made[1].seams == made[2].seams
    assert len({(tmp_path / f"{i}.wav").read_bytes() for i in range(3)}) == 1


def test_a_changed_file_is_analysed_anew(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    source = save(tmp_path / "a.wav", form("ABCABCD", 2.0))
    extend(source, tmp_path / "b.wav", 20, cache=kept)
    before = set(kept.iterdir())
    save(source, form("CBACBAD", 2.0))
    extend(source, tmp_path / "b.wav", 20, cache=kept)
    assert len(set(kept.iterdir())) == 2 * len(before)


def test_what_is_damaged_is_not_used(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    source = save(tmp_path / "a.wav", form("ABCABCD", 2.0))
    first = extend(source, tmp_path / "b.wav", 20, cache=kept)
    for file in kept.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert extend(source, tmp_path / "b.wav", 20, cache=kept).seams == first.seams


@pytest.mark.slow
def test_only_so_much_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST", 3)
    for bars in range(4, 10):
        extend(save(tmp_path / "a.wav", chord_loop(bars)), tmp_path / "b.wav", 20, cache=tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    source = save(tmp_path / "a.wav", form("ABCABCD", 2.0))
    assert extend(source, tmp_path / "b.wav", 20, cache=tmp_path / "kept").seams
