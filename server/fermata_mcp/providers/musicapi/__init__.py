"""MusicAPI.ai: one account, two models of its own kind."""
