"""Scenarios of a server whose finished audio lies where several machines find it."""

from __future__ import annotations

from .scenarios import knob, simple
from .scenarios_far import TWO_LINKS

simple("kept for others", shares_audio=True)
simple("a chain kept for others", {"stitch": "never"} | TWO_LINKS, shares_audio=True)
simple("joined and kept for others", {"source": "file"}, prepare=knob(extend_returns="segment"), shares_audio=True)
