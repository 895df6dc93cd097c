"""Web pages of providers that show one song, from whose address its clip id can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from .spec import ProviderSpec

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BY_UUID = rf".*?({_UUID})(?:[/?#].*)?"
"""For `ProviderSpec.song_pages`: the id is the first UUID of the address."""
_SITES = re.compile(
    r"(?:.*\.)?(youtube\.com|youtu\.be|youtube-nocookie\.com|vimeo\.com|soundcloud\.com|spotify\.com|"
    r"music\.apple\.com|tidal\.com|deezer\.com|tiktok\.com|instagram\.com|facebook\.com|twitch\.tv|bilibili\.com|"
    r"nicovideo\.jp|bandcamp\.com|mixcloud\.com|audiomack\.com)"
)
_NO_SONG = re.compile(r"/(playlists?|personas?|profiles?|users?|albums?|artists?|collections?|spaces?|@[^/]*)/", re.I)
_AUDIO = re.compile(r"\.(mp3|wav|flac|ogg|opus|m4a|aac|mp4|webm|json|jpe?g|png)$", re.I)


@dataclass(frozen=True)
class SongPage:
    """A page that shows the clip `clip_id`, which only `providers` can know."""

    host: str
    clip_id: str
    providers: tuple[str, ...]


def song_page(url: str, specs: Iterable[ProviderSpec]) -> SongPage | None:
    """The song that a page shows, where one of the providers says so; None for every other address."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    path = unquote(parts.path)
    if _AUDIO.search(path) or _NO_SONG.search(path):
        return None
    site, told = re.sub(r"^(www|app|m|share)\.", "", host), f"{path}?{parts.query}#{parts.fragment}"
    ids = {spec.name: clip_id for spec in specs if (clip_id := _clip_id(spec.song_pages.get(site), told))}
    first = next(iter(ids.values()), None)
    if first is None:
        return None
    return SongPage(host, first, tuple(name for name, clip_id in ids.items() if clip_id == first))


def _clip_id(form: str | None, address: str) -> str | None:
    found = re.fullmatch(form, address, re.I) if form else None
    return "/".join(found.groups()) if found else None


def is_known_page(host: str) -> bool:
    """Whether a host is known to show pages with players, and never audio itself."""
    return _SITES.fullmatch(host.lower().rstrip(".")) is not None
