"""Durable work: what was asked for is carried out, whoever is still listening."""
