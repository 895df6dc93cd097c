"""Kept audio and uploads in the PostgreSQL database."""
