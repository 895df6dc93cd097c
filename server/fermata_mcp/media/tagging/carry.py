"""Carries what a source says into what was made of it, from any kind of tag to any other.

Tags are a courtesy: what cannot be read or written is left out and said, and never costs anybody the audio. To be run
where a decoder may end its process.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from fermata_mcp.media.formats.contents import kind_of

from . import atoms, comments, waves
from .model import Tags, title_of_result
from .reading import OGG, Found, read
from .timed import Moves, moved
from .words import STRINGS

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.facts import AudioFacts
    from fermata_mcp.media.formats.contents import Kind

_OPUS_CLOCK = 48_000
_ID3_KINDS = ("mp3", "wav", "aiff")
_HAVE_CHAPTERS = ("flac", "oggflac", "opus", "vorbis", *_ID3_KINDS)

_log = logging.getLogger(__name__)


def copy_tags(
    source: tuple[Path, AudioFacts], result: tuple[Path, AudioFacts], title: str | None, moves: Moves | None = None
) -> tuple[str, ...]:
    """Give `result` what `source` says, its title replaced by `title` or marked as extended.

    Args:
        source, result: Each file, and the facts of its audio.
        moves: What is heard where; None where nobody knows.

    Returns:
        What could not be carried over, as sentences for whoever gave the file.
    """
    try:
        found = read(source[0], source[1].sample_rate)
    except Exception as error:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        _log.info("tags were not read: %s", error)
        return _titled_at_least(result, title)
    try:
        return _told(_carried(found, source, result, title, moves))
    except Exception as error:  # noqa: BLE001
        _log.info("tags were not written: %s", error)
        return ("The tags could not be written into the result.",)


def _titled_at_least(result: tuple[Path, AudioFacts], title: str | None) -> tuple[str, ...]:
    if wanted := title_of_result(None, title):
        write(result, Tags().saying(title=wanted), Found("other"))
    return ("The source's tags are damaged, and were not carried into the result.",)


def _told(lost: tuple[str, ...]) -> tuple[str, ...]:
    return (f"Not carried into the result: {', '.join(dict.fromkeys(lost))}.",) if lost else ()


def _carried(
    found: Found,
    source: tuple[Path, AudioFacts],
    result: tuple[Path, AudioFacts],
    title: str | None,
    moves: Moves | None,
) -> tuple[str, ...]:
    kind = kind_of(result[0])
    counted = (_counts(found.kind, source[1].sample_rate), _counts(kind, source[1].sample_rate, result[1].sample_rate))
    tags, gone = moved(found.tags, moves, counted)
    shorter = result[1].duration_seconds < source[1].duration_seconds
    wanted = title_of_result(tags.first("title"), title, shorter=shorter)
    tags = tags.saying(title=wanted)
    lost = (*found.only_here(kind), *gone, *_without_place(tags, kind))
    if tags or found.native is not None or found.wave is not None:
        lost += write(result, tags, found)
    return lost


def _counts(kind: Kind, rate: int, written: int | None = None) -> float:
    """A loop's counts for each frame of the source in a file of this kind."""
    return (_OPUS_CLOCK if kind == "opus" else written or rate) / rate


def _without_place(tags: Tags, kind: Kind) -> tuple[str, ...]:
    """Words for what a file of this kind has no place for."""
    if kind in _HAVE_CHAPTERS:
        return ()
    lost = ["chapters"] if tags.chapters else []
    if kind not in ("mp4", "asf"):
        lost += [name for name in tags.texts if name not in STRINGS]
        lost += ["pictures"] * bool(tags.pictures) + ["timed lyrics"] * bool(tags.lines)
    return tuple(lost)


def strings_for(source: Path, rate: int, title: str | None, *, shorter: bool = False) -> dict[str, str]:
    """The texts for a container whose writer takes them before the samples, by the names of libsndfile and FFmpeg."""
    try:
        tags = read(source, rate).tags
    except Exception:  # noqa: BLE001 (see above; it is told when they are carried)
        tags = Tags()
    tags = tags.saying(title=title_of_result(tags.first("title"), title, shorter=shorter))
    return {field: "; ".join(tags.texts[name]) for name, field in STRINGS.items() if name in tags.texts}


def write(result: tuple[Path, AudioFacts], tags: Tags, old: Found) -> tuple[str, ...]:
    """Put tags into a file that was just made, and what can stay as it was of those of the `old` one.

    Returns:
        Words for what of the old ones cannot stay.
    """
    path, facts = result
    kind = kind_of(path)
    if kind in _ID3_KINDS:
        return _write_frames(path, facts, tags, old, kind)
    if kind == "flac":
        file = cast("Any", FLAC)(path)
        file.clear_pictures()
        for picture in tags.pictures:
            file.add_picture(comments.block_of(picture))
        _save_comments(file, comments.comments_of(tags))
    elif kind in OGG:
        pictures = {comments.COVERS.upper(): list(map(comments.encoded, tags.pictures))} if tags.pictures else {}
        _save_comments(OGG[kind](path), comments.comments_of(tags) | pictures)
    elif kind == "mp4":
        _save_all(
            cast("Any", MP4)(path), (atoms.kept_atoms(old.native) if old.kind == "mp4" else {}) | atoms.atoms_of(tags)
        )
    elif kind == "asf":
        _save_all(cast("Any", ASF)(path), atoms.attributes_of(tags))
    return ()


def _save_all(file: Any, values: dict[str, Any]) -> None:
    tags = _tags_of(file)
    for name, value in values.items():
        tags[name] = value
    file.save()


def _tags_of(file: Any) -> Any:
    """Those of an opened file, made where it has none."""
    if file.tags is None:
        file.add_tags()
    return cast("Any", file.tags)


def _save_comments(file: Any, values: dict[str, list[str]]) -> None:
    tags = _tags_of(file)
    for name in {name.lower() for name in tags.keys()} - {"encoder"}:  # noqa: SIM118
        del tags[name]
    for name, value in values.items():
        tags[name] = value
    file.save()


def _write_frames(path: Path, facts: AudioFacts, tags: Tags, old: Found, kind: Kind) -> tuple[str, ...]:
    stay, lost = old.kept_frames()
    frames = old.native if stay or old.kind in _ID3_KINDS else None
    frames = frames if old.kind in _ID3_KINDS else None
    if kind == "mp3":
        new = waves.filled_id3(tags, frames, stay, old.version, round(facts.duration_seconds * 1000))
        if len(new):
            new.save(path, v2_version=old.version, v1=2 if old.oldest else 0)
        return lost
    wave = replace(old.wave, chunks=old.wave.chunks if old.kind == kind else ()) if old.wave else None
    empty = waves.Wave(Tags(), None, (), (), ())
    shown = replace(wave or empty, id3=frames)
    waves.write(path, tags, shown, stay, old.version, (facts.sample_rate, facts.frames))
    return lost
