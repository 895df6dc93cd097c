"""MCP hosts: where each keeps its configuration, what goes into it, and how it gets there without harm."""
