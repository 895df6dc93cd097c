"""The nouns and the rules of lengthening tracks. Pure: no I/O, no clock, no HTTP, no MCP."""
