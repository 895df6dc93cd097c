"""What comes back over HTTP, bounded and without belief."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fermata_mcp.providers.http.answers.reply import MAX_ANSWER_BYTES, TooBig, kind, limited, parsed, retry_after


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 65_536


@pytest.mark.anyio
async def test_an_answer_is_read_to_its_end_or_the_limit() -> None:
    assert len(await limited(chunks(3))) == 3 * 65_536
    with pytest.raises(TooBig):
        await limited(chunks(MAX_ANSWER_BYTES // 65_536 + 1))


@pytest.mark.parametrize("raw", [b"", b"words", b"\xff", b"[" * 100_000, b"{"])
def test_what_is_no_json_is_nothing(raw: bytes) -> None:
    assert parsed(raw) is None
    assert parsed(b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("-3", 0), ("1e9", 300), ("inf", 300), ("nan", None), ("soon", None), ("", None)]
)
def test_how_long_to_wait_within_reason(said: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": said}) == seconds
    assert retry_after({}) is None


def test_a_date_is_how_long_it_is_from_now() -> None:
    now = datetime.now(UTC)
    assert retry_after({"retry-after": format_datetime(now - timedelta(hours=1))}) == 0
    assert retry_after({"retry-after": format_datetime(now + timedelta(days=1))}) == 300


@pytest.mark.parametrize(
    ("error", "words"), [(TooBig(), "far too large"), (TimeoutError(), "no answer in time"), (OSError(), "OSError")]
)
def test_what_went_wrong_in_words(error: Exception, words: str) -> None:
    assert words in kind(error)
