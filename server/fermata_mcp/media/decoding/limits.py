"""What a process that reads files of others may use up. Where the system has no such limits, time alone is limited."""

from __future__ import annotations

import sys

MOST_MEMORY = 1536 * 1024 * 1024
LARGEST_FILE = 16 * 1024**3


def limit_this_process() -> None:
    """Memory, the size of files, no image of itself when it crashes. Imports come first."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, LARGEST_FILE)
    if sys.platform != "darwin":  # it counts what every process there maps
        _lower(resource.RLIMIT_AS, MOST_MEMORY)


def allow_seconds(seconds: float) -> None:
    """So much more time on a processor from now on; the process ends when it is used up."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _lower(kind: int, wanted: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (least, least))
