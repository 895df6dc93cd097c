"""Commands for people. Each is a client of the same MCP surface that assistants use."""
