"""Web pages of providers that show one song, from whose address its clip id can be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SUNO = ("musicapi-sonic", "sunoapi", "kie")
_NO_SONG = re.compile(r"/(playlists?|personas?|profiles?|users?|albums?|artists?|collections?|spaces?|@[^/]*)/", re.I)
_AUDIO = re.compile(r"\.(mp3|wav|flac|ogg|opus|m4a|aac|mp4|webm|json|jpe?g|png)$", re.I)


@dataclass(frozen=True)
class Site:
    """Hosts that show songs; `id` is how the address holds the clip's id, as one or two groups."""

    providers: tuple[str, ...]
    id: re.Pattern[str]


_BY_UUID = re.compile(rf".*?({_UUID})(?:[/?#].*)?", re.I)
_BY_TASK = re.compile(r".*?/((?:gen|ext)[0-9a-z]{8,})(?:/|.*?[?&](?:index|variation)=)([01])(?:[/?&#].*)?", re.I)
SITES: Mapping[str, Site] = {
    "suno.com": Site(_SUNO, _BY_UUID),
    "suno.ai": Site(_SUNO, _BY_UUID),
    "sunoapi.org": Site(("sunoapi",), _BY_UUID),
    "kie.ai": Site(("kie",), _BY_UUID),
    "musicapi.ai": Site(("musicapi-sonic", "musicapi-producer"), _BY_UUID),
    "producer.ai": Site(("musicapi-producer",), _BY_UUID),
    "riffusion.com": Site(("musicapi-producer",), _BY_UUID),
    "apiin.one": Site(("apiin",), _BY_TASK),
}


@dataclass(frozen=True)
class SongPage:
    """A page that shows the clip `clip_id`, which only `providers` can know."""

    host: str
    clip_id: str
    providers: tuple[str, ...]


def song_page(url: str) -> SongPage | None:
    """The song that a page shows, where its address tells; None for every other address."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    site = SITES.get(re.sub(r"^(www|app|m|share)\.", "", host))
    path = unquote(parts.path)
    if site is None or _AUDIO.search(path) or _NO_SONG.search(path):
        return None
    found = site.id.fullmatch(f"{path}?{parts.query}#{parts.fragment}")
    return SongPage(host, "/".join(found.groups()), site.providers) if found else None
