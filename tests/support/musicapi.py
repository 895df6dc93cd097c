"""What MusicAPI's adapters write for some work, without a network."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.task import Work
from fermata_mcp.providers.musicapi.producer import ProducerAdapter
from fermata_mcp.providers.musicapi.sonic import SonicAdapter

SONIC, PRODUCER = SonicAdapter(), ProducerAdapter()
LINK = "https://music.example/song.mp3"


def work(**given: Any) -> Work:
    return Work(save_as="/music/out.mp3", **given)


def sonic(**given: Any) -> dict[str, Any]:
    """The body of a submit to sonic."""
    call = SONIC.submit_call(work(source_clip="c-1", **given))
    assert (call.method, call.path, call.host) == ("POST", "/api/v1/sonic/create", "api")
    return dict(call.body or {})


def producer(**given: Any) -> dict[str, Any]:
    """The body of a submit to producer."""
    call = PRODUCER.submit_call(work(source_clip="p-1", **{"continue_at": 45} | given))
    assert (call.method, call.path, call.host) == ("POST", "/api/v1/producer/create", "api")
    return dict(call.body or {})
