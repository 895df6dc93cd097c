"""Fermata: an MCP server that makes music tracks longer."""

__version__ = "0.1.0"
