"""Times as people write them on a command line."""

from __future__ import annotations

import argparse
import math
import re

_CLOCK = re.compile(r"(?:(\d+):(?=[0-5]\d:))?(\d+):([0-5]\d(?:[.,]\d+)?)", re.ASCII)
_AGE = re.compile(r"(\d+(?:\.\d+)?)(w|d|h|min|m|s)", re.ASCII)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "min": 60, "m": 60, "s": 1}


def seconds(text: str) -> float:
    """Seconds of `90`, `1:30` or `1:02:03.5`. Raises ArgumentTypeError, as a type of argparse."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write seconds, m:ss or h:mm:ss") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time")
    return value


def age(text: str) -> float:
    """Seconds of `30d`, `12h`, `2w`, `45min`, or of what `seconds` reads. Raises ArgumentTypeError."""
    told = _AGE.fullmatch(text.strip())
    if told:
        return float(told[1]) * _UNITS[told[2]]
    try:
        return seconds(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write 30d, 12h, 45min, or seconds") from None
