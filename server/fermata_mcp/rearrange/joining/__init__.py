"""Joining new music of whatever provider to what came before: where, how, and how sure."""

from __future__ import annotations

from .joined_file import join
from .judging import judge

__all__ = ["join", "judge"]
