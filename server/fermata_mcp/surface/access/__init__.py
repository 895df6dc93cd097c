"""Whose call it is, and which scope it needs."""
