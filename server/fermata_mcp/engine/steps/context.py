"""What everything that carries out steps works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fermata_mcp.config import Settings
from fermata_mcp.domain.task import Step
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.pace import Paces
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.store.base import Store

from .recorder import Recorder


@dataclass(frozen=True)
class StepContext:
    """
    Attributes:
        follow: Hears which step a provider's id, or an attempt's, belongs to.
    """

    store: Store
    recorder: Recorder
    paces: Paces
    settings: Settings
    clock: Clock
    decoder: Decoder
    library: Library
    follow: Callable[[str, Step], None]
