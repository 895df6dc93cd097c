"""Where a provider's result begins: at the track's start, at its clip's start, or only where the new music starts.

Three frames of reference, all in seconds. The *track* is what the user hears. The provider's *clip* is what was
continued; it begins `ahead` seconds into the track. Where only a window of the track was sent, that is the clip. The
*result* is what came back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Start = Literal["track", "clip", "new", "unknown"]
Likeness = Literal["same", "different"]

# A result this much longer than the point where new music starts can hold everything before it.
HOLDS_MARGIN_SECONDS = 1.0
# Lengths are met this closely by providers that are told one: encoders pad, models round to whole bars.
LENGTH_TOLERANCE_SECONDS = 1.5
LENGTH_TOLERANCE_SHARE = 0.02
# The same for windows, whose providers make exact lengths.
WINDOW_TOLERANCE_SECONDS = 0.5


@dataclass(frozen=True)
class Evidence:
    """What is known about a result. Seconds; None where it is not known.

    Attributes:
        own: Length of the result.
        point: Where new music was to start, in the provider's clip.
        ahead: Seconds of the track before the provider's clip.
        asked: Length of new music that the request fixed.
        told: What the provider itself says: True that it is the whole, False that it is only the new part.
        like_track, like_clip: Whether the result begins with the same audio as the track, and as the clip.
        window: Whether the clip is a window that was cut out of the track and sent.
    """

    own: float | None
    point: float | None
    ahead: float = 0.0
    asked: float | None = None
    told: bool | None = None
    like_track: Likeness | None = None
    like_clip: Likeness | None = None
    window: bool = False


def start_of(known: Evidence) -> Start:
    """Where the result begins. Nothing is guessed: without evidence it is `unknown`.

    The audio itself is the strongest evidence that everything is there; that something is missing is believed
    from whatever says so first, since joining too much can be heard and undone, and losing music cannot.
    """
    if known.told is False:
        return "new"
    if known.own is None or known.point is None:
        return "track" if known.told else "unknown"
    if known.own < known.point + HOLDS_MARGIN_SECONDS:
        return "new"
    if known.window:
        return _of_window(known)
    if "same" in (known.like_track, known.like_clip):
        return "track" if known.like_track == "same" or not known.ahead else "clip"
    if known.like_track == known.like_clip == "different":
        return "new"
    return "track" if known.told else _by_length(known)


def _of_window(known: Evidence) -> Start:
    """A model's own codec changes what it gives back of a window, so that the exact length counts where it says so.

    Where neither bears out that the window was given back, the provider may have made something of its own.
    """
    if known.like_clip == "same":
        return "clip"
    fits = None
    if known.asked is not None and known.own is not None and known.point is not None:
        fits = abs(known.own - known.point - known.asked) <= WINDOW_TOLERANCE_SECONDS
    if known.told:
        return "clip" if fits or (fits is None and known.like_clip is None) else "unknown"
    if known.like_clip == "different":
        return "new"
    return "clip" if fits else "unknown"


def _by_length(known: Evidence) -> Start:
    """What the asked length makes of the result's; two explanations that are too close to tell apart are none."""
    if known.asked is None or known.own is None or known.point is None:
        return "unknown"
    of_clip: Start = "clip" if known.ahead else "track"
    explanations: tuple[tuple[float, Start], ...] = (
        (known.asked, "new"),
        (known.point + known.asked, of_clip),
        (known.ahead + known.point + known.asked, "track"),
    )
    near = max(LENGTH_TOLERANCE_SECONDS, LENGTH_TOLERANCE_SHARE * known.own)
    fitting: set[Start] = {start for length, start in explanations if abs(known.own - length) <= near}
    return fitting.pop() if len(fitting) == 1 else "unknown"
