"""One rig per adapter: how to make it, what its documentation says, and how to test it. A new adapter adds one."""

from __future__ import annotations

from contract.local_rig import LOCAL
from contract.rig import Rig
from contract.rigs_apiin import APIIN
from contract.rigs_kie import KIE, KIE_CLASSIC
from contract.rigs_musicapi import MUSICAPI_PRODUCER, MUSICAPI_SONIC
from contract.rigs_suno import SUNOAPI
from contract.wire_rig import WireRig

WIRED: tuple[WireRig, ...] = (SUNOAPI, KIE, APIIN, MUSICAPI_SONIC, MUSICAPI_PRODUCER)
RIGS: tuple[Rig, ...] = (*WIRED, LOCAL)
ALL_RIGS = (*RIGS, KIE_CLASSIC)
"""With those of providers that have one already."""
