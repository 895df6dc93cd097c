"""Modules without a test file of their own name, and the one that covers them (under `tests`)."""

COVERED_ELSEWHERE: dict[str, str] = {}
