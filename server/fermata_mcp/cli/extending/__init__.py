"""`fermata-mcp extend`: which tracks, at what price, saved where, one after another."""
