"""What a command that has ended tells whoever ran it."""

from __future__ import annotations

DONE = 0
FAILED = 1  # the work failed
WRONG_CALL = 2
UNKNOWN_OUTCOME = 3  # money may have been spent
INTERRUPTED = 130  # Ctrl-C
