"""All that one file says, whatever its kind and however many tags of other kinds it carries besides.

Raises whatever damaged tags make a reader raise: who calls is to catch that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import mutagen
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3, ID3NoHeaderError
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from fermata_mcp.media.codecs.libraries import library
from fermata_mcp.media.formats.contents import Kind, kind_of

from . import atoms, comments, frames, waves
from .model import Tags
from .words import ATOMS, FRAMES, plain

if TYPE_CHECKING:
    from pathlib import Path

    from fermata_mcp.media.codecs.sound import Library

OGG: dict[Kind, Any] = {"oggflac": OggFLAC, "opus": OggOpus, "vorbis": OggVorbis}
_OF_MUSIC = frozenset((*FRAMES, *ATOMS, "tracknumber", "discnumber"))
_APPLICATION = 2  # a block of FLAC
_RATINGS = {
    "POPM": "rating", "PCNT": "play count", "PRIV": "private data", "GEOB": "attached file", "UFID": "identifier",
    "RVA2": "volume", "MCDI": "disc identifier", "OWNE": "ownership", "COMR": "commercial data", "EQU2": "equaliser",
    "TIPL": "list of people", "TMCL": "list of musicians", "IPLS": "list of people",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a file says.

    Attributes:
        kind: Of the file.
        tags: All of it that we know.
        native: The tag as its library holds it, where its kind has one of its own.
        version: ID3's minor version; 4 where there is none.
        wave: The chunks of a WAV or AIFF file.
        lost: Words for what was there and cannot be read.
        oldest: Whether ID3 stood at its end too, as in its first version.
    """

    kind: Kind
    tags: Tags = Tags()  # noqa: RUF009 (it is frozen)
    native: Any = None
    version: int = 4
    wave: waves.Wave | None = None
    lost: tuple[str, ...] = ()
    oldest: bool = False

    def kept_frames(self) -> tuple[list[Any], tuple[str, ...]]:
        """ID3 frames that can stay as they are in another ID3 tag, and words for those that cannot."""
        return frames.kept(self.native) if self.kind in ("mp3", "wav", "aiff") and self.native is not None else ([], ())

    def only_here(self, kind: Kind) -> tuple[str, ...]:
        """Words for what a result of this kind has no place for, although this kind has."""
        lost = list(self.lost)
        tagged = ("mp3", "wav", "aiff")
        if kind not in tagged:
            stay, _ = self.kept_frames()
            lost += [_word(frame.FrameID) for frame in stay]
        if self.kind == "mp4" and kind != "mp4" and atoms.kept_atoms(self.native):
            lost.append("iTunes' own entries")
        if self.wave is not None:
            gone = self.wave.chunks if kind != self.kind else ()
            lost += [one.name.decode("latin-1").strip() for one in gone] + [*self.wave.lost]
        if self.kind == "flac":
            lost += ["cue sheet block"] * bool(self.native.cuesheet)
            lost += ["application data"] * any(one.code == _APPLICATION for one in self.native.metadata_blocks)
        return tuple(dict.fromkeys(lost))


def _word(frame: str) -> str:
    return _RATINGS.get(frame, "web links" if frame[0] == "W" else frame)


def read(path: Path, rate: int) -> Found:
    """What the file says; `rate` is that of its samples."""
    kind = kind_of(path)
    if kind in ("wav", "aiff"):
        wave = waves.read(path, rate)
        version = 3 if wave.id3 is not None and wave.id3.version < (2, 4) else 4
        return Found(kind, wave.tags, wave.id3, version, wave)
    if kind == "flac":
        file = cast("Any", FLAC)(path)
        own = comments.tags_in(_texts(file), file.pictures)
        return Found(kind, _with_id3(path, own), file)
    if kind in OGG:
        file = OGG[kind](path)
        pictures = getattr(file, "pictures", ())
        return Found(kind, comments.tags_in(_texts(file), pictures), file)
    if kind == "mp3":
        return _in_mp3(path)
    if kind == "mp4":
        file = cast("Any", MP4)(path)
        return Found(kind, atoms.tags_in_atoms(file), file)
    if kind == "asf":
        file = cast("Any", ASF)(path)
        return Found(kind, atoms.tags_in_attributes(file), file)
    if kind == "matroska" and (decoder := library()) is not None:
        return _in_container(path, decoder)
    return _in_others(path, kind)


def _texts(file: Any) -> dict[str, list[str]]:
    tags = file.tags
    return {} if tags is None else {str(name).lower(): list(tags[name]) for name in tags.keys()}  # noqa: SIM118


def _in_mp3(path: Path) -> Found:
    """ID3 in front or behind, and APE."""
    id3 = _id3(path)
    tags = comments.timed(frames.tags_in(id3)) if id3 is not None else Tags()
    with suppress(APENoHeaderError):
        tags = tags.filled_from(comments.tags_in_items(cast("Any", APEv2)(path)))
    version = 3 if id3 is not None and id3.version < (2, 4) else 4
    return Found("mp3", tags, id3, version, oldest=_ends_with_id3(path))


def _ends_with_id3(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 128))
        return file.read(3) == b"TAG"


def _with_id3(path: Path, own: Tags) -> Tags:
    id3 = _id3(path)
    return own if id3 is None else own.filled_from(comments.timed(frames.tags_in(id3)))


def _id3(path: Path) -> Any:
    try:
        return cast("Any", ID3)(path)
    except ID3NoHeaderError:
        return None


def _in_container(path: Path, decoder: Library) -> Found:
    """What FFmpeg's libraries read of it; names that are no known ones say how the file was made."""
    words = decoder.words(path, "matroska")
    known = {name: [text] for name, text in words.texts.items() if plain(name) in _OF_MUSIC}
    return Found("matroska", comments.tags_in(known, ()), lost=words.besides)


def _in_others(path: Path, kind: Kind) -> Found:
    """Kinds whose tags only libsndfile reads, if anybody does."""
    import soundfile

    from fermata_mcp.media.audio import native_name

    try:
        with soundfile.SoundFile(native_name(path)) as file:
            fields = file.copy_metadata()
    except soundfile.SoundFileError:
        found: Any = None if kind == "other" else cast("Any", mutagen).File(path)
        known = comments.tags_in(_texts(found), ()) if found is not None else Tags()
        return replace(Found(kind, known), lost=("tags of its container",) if kind == "matroska" else ())
    return Found(kind, Tags({name: (value,) for name, value in fields.items() if name != "software" and value}))
