"""The library that the settings name."""

from __future__ import annotations

from fermata_mcp.config import Settings
from fermata_mcp.engine.clock import Clock
from fermata_mcp.media.objects.base import ObjectStore
from fermata_mcp.media.objects.folder import FolderStore
from fermata_mcp.media.objects.opening import open_objects
from fermata_mcp.media.objects.scratch import Scratch
from fermata_mcp.store.base import Store

from .library import Library


def objects_of(settings: Settings) -> ObjectStore:
    """Where audio lies that more than one machine may need; without such a place, uploads lie in the data folder.

    Raises:
        ConfigurationError: What is set cannot be opened.
    """
    if settings.output_url is None:
        return FolderStore(settings.data_dir / "uploads")
    return open_objects(settings.output_url, settings.link_endpoint_url)


def library_of(settings: Settings, store: Store, clock: Clock) -> Library:
    objects = objects_of(settings)
    scratch = Scratch(objects, settings.data_dir / "scratch", settings.scratch_bytes)
    return Library(store.objects, objects, scratch, settings, clock.now)
