"""Where things of the repository are."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
REPOSITORY = TESTS.parent
GROOVE = REPOSITORY / "examples" / "groove.wav"
