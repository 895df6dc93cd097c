"""Which providers there are, and what it takes to know."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.providers.base import ProviderContext
from fermata_mcp.providers.registry import BUILT_IN, Registry
from support.engines import settings_in
from support.remote import Remote


def test_installed_packages_are_read_once(tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the time of a hundred answers, in which nobody else is answered."""
    reads = 0
    found: Any = metadata.entry_points

    def counted(**chosen: Any) -> Any:
        nonlocal reads
        reads += 1
        return found(**chosen)

    monkeypatch.setattr(metadata, "entry_points", counted)
    registry = Registry(ProviderContext(settings_in(tmp_path), lambda _: None, lambda _: None))
    for _ in range(3):
        assert registry.names() == [*BUILT_IN, "again", "paid"]
        assert registry.get("paid").spec.name == "paid"
        assert "local" in registry.candidates()
        assert registry.default()
        with pytest.raises(InvalidRequest, match="no provider 'other'"):
            registry.get("other")
    assert reads == 1
