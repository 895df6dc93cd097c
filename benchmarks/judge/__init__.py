"""An objective judge of lengthened music. It knows the original and the result, and nothing of the tool between them.

`Judge(original, rate).verdict(result, wanted)` finds the joins by itself and gives scores 0..100:

| of a join | unit | what it is compared with |
|---|---|---|
| click: the waveform bends sharply | dB | the original's own places |
| rise, fall: bands get louder, softer at once | dB | the original's own places |
| step, swell: the level before and after, over 0.45 s and 3 s | dB | the original's own places |
| harmony: chroma before and after, over 1.5 s | 0..1 | the original's own places |
| dip: the level leaves what both sides have | dB | both sides |
| pulse: the onsets after it are early or late | ms | the onsets it left |
| voice: somebody is cut off while singing or speaking | 0..1 | the same words at both places |
| context: what led to both places and what follows them | 1 for places at random | places of the original at random |

A join's score is the product of its measures' scores; the joins of a result count by their mean (0.6) and their worst
(0.4). The overall quality is the product of joins, length, repetition, of what comes again too soon, of new samples at
full scale, of beginning and ending.
"""

from .alignment import Seam, Stretch
from .seams import SeamScore
from .verdict import BAD, Judge, Verdict

__all__ = ["BAD", "Judge", "Seam", "SeamScore", "Stretch", "Verdict"]
