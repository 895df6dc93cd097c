"""Everything MCP: tools, resources, prompts, and how results read."""
