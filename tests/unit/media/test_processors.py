"""Room for renders is what the container has, not what the machine around it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.media.processors import MEMORY_OF_ONE_BYTES, renders_at_once, room_for_renders


@pytest.mark.parametrize(
    ("cpu", "memory", "most"),
    [
        ("100000 100000", "max", 1),
        ("50000 100000", "max", 1),
        ("max 100000", str(MEMORY_OF_ONE_BYTES), 1),
        ("max 100000", "1", 1),
    ],
)
def test_a_container_has_what_it_was_given(tmp_path: Path, cpu: str, memory: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(cpu)
    (tmp_path / "memory.max").write_text(memory)
    assert room_for_renders(tmp_path) == most


def test_without_one_there_is_room(tmp_path: Path) -> None:
    assert room_for_renders(tmp_path) >= 1


def test_the_operator_decides() -> None:
    assert [renders_at_once(asked) for asked in (0, 5)] == [0, 5]
    assert renders_at_once(None) == room_for_renders()
