"""Song pages of providers: which addresses tell a clip's id, and whose it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.domain.pages import is_known_page, song_page
from fermata_mcp.providers.registry import built_in_specs

SPECS = built_in_specs()
SITES = sorted({host for spec in SPECS for host in spec.song_pages})
ID = "1b2c3d4e-0000-4abc-8def-0123456789ab"
TASK = "gen2e31f00ksv"


@pytest.mark.parametrize(
    ("url", "clip_id", "provider"),
    [
        (f"https://suno.com/song/{ID}", ID, "sunoapi"),
        (f"https://www.suno.com/song/{ID}?sh=abc", ID, "kie"),
        (f"https://app.suno.ai/song/{ID}/", ID, "musicapi-sonic"),
        (f"HTTPS://Suno.COM/embed/{ID}#t=3", ID, "sunoapi"),
        (f"https://sunoapi.org/songs/{ID}", ID, "sunoapi"),
        (f"https://kie.ai/logs?song={ID}", ID, "kie"),
        (f"https://app.musicapi.ai/share/{ID}", ID, "musicapi-producer"),
        (f"https://www.producer.ai/song/{ID}", ID, "musicapi-producer"),
        (f"https://www.riffusion.com/song/{ID}", ID, "musicapi-producer"),
        (f"https://apiin.one/music/{TASK}/1", f"{TASK}/1", "apiin"),
        (f"https://apiin.one/music/{TASK}?index=0", f"{TASK}/0", "apiin"),
    ],
)
def test_a_song_page_is_read(url: str, clip_id: str, provider: str) -> None:
    page = song_page(url, SPECS)
    assert page is not None
    assert page.clip_id == clip_id
    assert provider in page.providers


@pytest.mark.parametrize(
    "url",
    [
        f"https://cdn1.suno.ai/{ID}.mp3",
        f"https://suno.com/playlist/{ID}",
        f"https://suno.com/@somebody/{ID}",
        "https://suno.com/s/AbCdEf",
        "https://suno.com/",
        f"https://suno.com.example.com/song/{ID}",
        f"https://example.com/song/{ID}",
        f"https://tempfile.kie.ai/{ID}",
        f"https://kie.ai/files/{ID}.wav?x=1",
        f"https://apiin.one/music/{TASK}",
    ],
)
def test_any_other_address_is_none(url: str) -> None:
    assert song_page(url, SPECS) is None


def test_a_page_is_told_to_every_provider_that_knows_its_song() -> None:
    page = song_page(f"https://suno.com/song/{ID}", SPECS)
    assert page is not None
    assert page.providers == ("musicapi-sonic", "sunoapi", "kie")


@given(st.sampled_from(SITES), st.text(max_size=300))
def test_whatever_follows_the_host_is_read_or_not(host: str, rest: str) -> None:
    page = song_page(f"https://{host}/{rest}", SPECS)
    assert page is None or (page.clip_id and page.host == host)


@pytest.mark.parametrize("host", ["www.youtube.com", "youtu.be", "m.YouTube.com", "open.spotify.com", "a.bandcamp.com"])
def test_hosts_of_players_are_known(host: str) -> None:
    assert is_known_page(host)


@pytest.mark.parametrize("host", ["example.com", "youtube.com.example.org", "notyoutube.com", "cdn1.suno.ai"])
def test_other_hosts_may_give_audio(host: str) -> None:
    assert not is_known_page(host)
