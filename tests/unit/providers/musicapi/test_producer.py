"""What producer alone is sent: a point, a length, older names."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from support.musicapi import LINK, PRODUCER, producer, work


def test_producer_continues_a_little_before_the_end_and_asks_where_it_cannot_know() -> None:
    assert producer(continue_at=None, source_seconds=60.5)["starts_at"] == 58.5
    assert producer(continue_at=None, source_seconds=1.5)["starts_at"] == 0
    with pytest.raises(InvalidRequest, match="continue_at"):
        producer(continue_at=None)


def test_producer_sends_no_length_and_no_model_that_nobody_asked_for() -> None:
    assert producer() == {"task_type": "extend_music", "clip_id": "p-1", "starts_at": 45}


def test_older_names_of_producer_are_sent_alone_and_give_the_point() -> None:
    sent = producer(continue_at=None, options={"starts": 5, "lyrics_text": "la"}, fields={"lyrics": "ours"})
    assert sent == {"task_type": "extend_music", "clip_id": "p-1", "starts": 5, "lyrics_text": "la"}


def test_producer_uploads_a_link_by_its_own_name_for_it() -> None:
    call = PRODUCER.submit_call(work(action="upload", source_url=LINK, options={"seed": "1"}))
    assert (call.path, call.body) == ("/api/v1/producer/upload", {"audio_url": LINK})
