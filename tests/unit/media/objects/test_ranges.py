from __future__ import annotations

import pytest

from fermata_mcp.media.objects.ranges import NoSuchPart, Part, Sent, part_asked_for, part_sent


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=10-19", Part(10, 20)),
        ("Bytes = 10-19", Part(10, 20)),
        ("bytes=90-", Part(90, 100)),
        ("bytes=90-5000", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-5000", Part(0, 100)),
        ("bytes=0-", Part(0, 100)),
        # What means nothing is to be ignored; several parts may be.
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=5-2", None),
        ("bytes=a-b", None),
        ("bytes=1-2,4-5", None),
        ("items=0-5", None),
        ("bytes=" + "9" * 40 + "-", None),
        ("garbage", None),
    ],
)
def test_one_part_or_the_whole(header: str | None, part: Part | None) -> None:
    assert part_asked_for(header, 100) == part


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_what_lies_behind_the_end(header: str, size: int) -> None:
    with pytest.raises(NoSuchPart):
        part_asked_for(header, size)


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ("bytes 0-99/1000", Sent(Part(0, 100), 1000)),
        ("bytes 900-999/1000", Sent(Part(900, 1000), 1000)),
        ("bytes */1000", Sent(None, 1000)),
        ("bytes 0-1000/1000", None),
        ("bytes 5-2/1000", None),
        ("bytes 0-99/*", None),
        ("0-99/1000", None),
        ("", None),
    ],
)
def test_what_a_request_brings(header: str, sent: Sent | None) -> None:
    assert part_sent(header) == sent
