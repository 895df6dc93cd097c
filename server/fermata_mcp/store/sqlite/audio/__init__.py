"""Kept audio and uploads in the SQLite file."""
