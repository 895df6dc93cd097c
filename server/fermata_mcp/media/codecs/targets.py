"""In which format a result is written: that of its source where that can be written exactly, or one that was asked for.

A name's ending and the file's content always agree. Pure: nothing here opens a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fermata_mcp.media.facts import AudioFacts


@dataclass(frozen=True)
class Form:
    """What can be written under an ending.

    Attributes:
        container: libsndfile's name; "M4A", "WEBM" and "OGA" (FLAC in Ogg) need another library.
        subtypes: Sample formats it can have; the first is taken where the source has none of them.
        rates: Hz; () for any.
        most_channels: None for any.
    """

    container: str
    subtypes: tuple[str, ...]
    rates: tuple[int, ...] = ()
    most_channels: int | None = None


@dataclass(frozen=True)
class Target:
    """How a result is written.

    Attributes:
        same: Whether it is the format of its source.
        warning: What to tell, where it is another one although nobody asked for it.
    """

    ending: str
    container: str
    subtype: str
    rate: int
    same: bool
    warning: str | None = None

    @property
    def needs_library(self) -> bool:
        """Whether libsndfile cannot write it."""
        return needs_library(self.container, self.subtype)

    @property
    def takes_words(self) -> bool:
        """Whether its texts must be given to what writes it, because nothing puts them in afterwards."""
        return self.container not in _TAGGED_LATER


_TAGGED_LATER = {"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3", "M4A"}
_PCM = ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8", "PCM_S8")
_OPUS_RATES = (48_000, 24_000, 16_000, 12_000, 8_000)
_MP3_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_AAC_RATES = (48_000, 96_000, 88_200, 64_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_WAV = Form("WAV", (*_PCM, "ULAW", "ALAW"))
_FLAC = Form("FLAC", ("PCM_24", "PCM_16", "PCM_S8"), most_channels=8)
_MP3 = Form("MP3", ("MPEG_LAYER_III",), _MP3_RATES, 2)
_VORBIS, _OPUS = Form("OGG", ("VORBIS",)), Form("OGG", ("OPUS",), _OPUS_RATES, 8)
_AIFF, _CAF = Form("AIFF", ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "PCM_S8")), Form("CAF", _PCM)
_AAC, _WEBM = Form("M4A", ("AAC",), _AAC_RATES, 8), Form("WEBM", ("OPUS",), _OPUS_RATES, 8)
FORMS: dict[str, Form] = {
    ".wav": _WAV, ".flac": _FLAC, ".mp3": _MP3, ".ogg": _VORBIS, ".oga": _VORBIS, ".opus": _OPUS, ".aiff": _AIFF,
    ".aif": _AIFF, ".caf": _CAF, ".m4a": _AAC, ".webm": _WEBM,
}  # fmt: skip
# Which names a content may have; the first is the usual one.
_NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("WAV", ""): (".wav", ".wave", ".bwf", ".rf64"), ("WAVEX", ""): (".wav", ".wave", ".bwf", ".rf64"),
    ("FLAC", ""): (".flac", ".fla"), ("AU", ""): (".au", ".snd"), ("W64", ""): (".w64",),
    ("MP3", ""): (".mp3", ".mpga"), ("OGG", "VORBIS"): (".ogg", ".oga"), ("OGG", "OPUS"): (".opus", ".ogg", ".oga"),
    ("OGG", ""): (".oga", ".ogg"), ("AIFF", ""): (".aiff", ".aif", ".aifc"), ("CAF", ""): (".caf",),
    ("M4A", "AAC"): (".m4a", ".m4b", ".mp4"), ("M4A", "ALAC"): (".m4a", ".m4b", ".mp4"), ("WEBM", ""): (".webm",),
}  # fmt: skip
_OUR_KINDS = {"FLAC", "OGG", "AIFF", "WAV", "CAF"}
# Containers of sound that is compressed without loss.
_PACKED = {"APE", "WV", "TTA", "TAK", "ASF", "MATROSKA"}
_OTHERS = {".wma", ".aac", ".mp4", ".mka", ".mkv", ".mov", ".m4b", ".m4v", ".ape", ".wv", ".tta", ".amr", ".3gp"}
ENDINGS = frozenset({*FORMS, *_OTHERS, *(name for names in _NAMES.values() for name in names)})
"""Endings that say of a name that it is one of a file, and that go once the audio brings its own."""


def kept(facts: AudioFacts) -> Target:
    """The source's format, or the nearest that can hold its result exactly."""
    container, subtype, why = _nearest(facts)
    names = _names(container, subtype)
    if (facts.suffix in names and not facts.picture) or not names:
        ending = facts.suffix or f".{container.lower()}"
    else:
        ending = names[0]
        if facts.suffix in ENDINGS and why is None:
            why = f"The file is called {facts.suffix} but holds {_words(container, subtype)}: the result is {ending}."
    said = None if why is None else why.format(ending=ending)
    form = next((one for one in (_AAC, _OPUS, _MP3) if subtype == one.subtypes[0]), _WAV)
    return Target(ending, container, subtype, _rate(facts.sample_rate, form), why is None, said)


def target(facts: AudioFacts, ending: str) -> Target | None:
    """What is written under a name with this ending; None where nothing is.

    Args:
        ending: In lower case with its dot; "" for the source's format.
    """
    same = kept(facts)
    if ending in ("", same.ending) or ending in _names(same.container, same.subtype):
        return same
    form = FORMS.get(ending)
    if form is None:
        return None
    subtype = _subtype(facts.subtype, form)
    return Target(ending, form.container, subtype, _rate(facts.sample_rate, form), False)


def most_channels(wanted: Target) -> int | None:
    """How many channels a format can hold that was asked for; None for any."""
    form = FORMS.get(wanted.ending)
    return None if form is None or form.container != wanted.container else form.most_channels


def needs_library(container: str, subtype: str) -> bool:
    """Whether libsndfile cannot write it."""
    return (
        container in ("M4A", "WEBM")
        or (container, subtype) == ("FLAC", "PCM_32")
        or (container == "OGG" and subtype.startswith("PCM_"))
    )


def ending_needs_library(ending: str) -> bool:
    """Whether libsndfile cannot write what has this ending."""
    form = FORMS.get(ending)
    return form is not None and needs_library(form.container, form.subtypes[0])


def writable(*, with_library: bool) -> str:
    """The endings that a result can have, in words."""
    return ", ".join(ending for ending in FORMS if with_library or not ending_needs_library(ending))


def _nearest(facts: AudioFacts) -> tuple[str, str, str | None]:
    """Container and subtype to write, and what to tell where they are not those of the source."""
    container, subtype = facts.container, facts.subtype
    layer = "MPEG_LAYER_III" if subtype.startswith("MPEG_LAYER") else subtype
    if container == "M4A" and subtype in ("AAC", "ALAC_16", "ALAC_24") and not facts.picture:
        return container, subtype, None
    if container == "MATROSKA" and subtype == "OPUS" and facts.suffix == ".webm" and not facts.picture:
        return "WEBM", subtype, None
    if not facts.kind or (container in _OUR_KINDS and facts.lossless):
        return container, layer, None
    return *_by_codec(container, subtype), _why(facts)


def _by_codec(container: str, subtype: str) -> tuple[str, str]:
    match subtype:
        case "VORBIS" | "OPUS":
            return "OGG", subtype
        case "MPEG_LAYER_III":
            return "MP3", subtype
        case "ALAC_16" | "ALAC_24":
            return "M4A", subtype
        case "PCM_16" | "PCM_24":
            return "FLAC" if container in _PACKED else "WAV", subtype
        case "PCM_32" | "ALAC_32":
            return "WAV", "PCM_32"
        case "FLOAT" | "DOUBLE":
            return "WAV", subtype
        case _:
            return "M4A", "AAC"


def _why(facts: AudioFacts) -> str:
    if facts.picture:
        return "The picture is left out: the result holds the sound alone, as {ending}."
    kind = facts.suffix.lstrip(".") or facts.container.lower()
    return f"A .{kind} file cannot be written here so that its length is exact: the result is {{ending}}."


def _names(container: str, subtype: str) -> tuple[str, ...]:
    family = subtype.partition("_")[0]
    return _NAMES.get((container, subtype)) or _NAMES.get((container, family)) or _NAMES.get((container, ""), ())


def _words(container: str, subtype: str) -> str:
    return {"M4A": subtype.partition("_")[0], "OGG": subtype.capitalize()}.get(container, container)


def _subtype(given: str, form: Form) -> str:
    plain = given.replace("ALAC_20", "PCM_24").replace("ALAC_", "PCM_")
    if plain in form.subtypes:
        return plain
    if plain in ("PCM_U8", "PCM_S8", "ULAW", "ALAW") and "PCM_16" in form.subtypes:
        return "PCM_16"
    return form.subtypes[0]


def _rate(given: int, form: Form) -> int:
    if not form.rates or given in form.rates:
        return given
    return min((rate for rate in form.rates if rate >= given), default=form.rates[0])
