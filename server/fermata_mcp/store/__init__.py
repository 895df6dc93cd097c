"""Durable rows. The only room that knows a database."""
