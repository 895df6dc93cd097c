"""Hearing a result: its audio as a resource, and the player, in a host and in a browser."""
