from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from fermata_mcp.media.objects.base import ObjectStore
from fermata_mcp.media.objects.opening import open_objects
from support.objects_server import ObjectsServer, needs_objects_server, objects_server


@pytest.fixture(scope="session")
def served_objects() -> Generator[ObjectsServer]:
    with objects_server() as server:
        yield server


@pytest.fixture(params=["folder", pytest.param("cloud", marks=needs_objects_server)])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Each kind of place, empty."""
    if request.param == "folder":
        return open_objects(str(tmp_path / "shared"))
    server: ObjectsServer = request.getfixturevalue("served_objects")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return open_objects(f"{server.url}/{tmp_path.name}")
