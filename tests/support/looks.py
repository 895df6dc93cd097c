"""Every look that the server takes at a foreign file, one after the other, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.media.decoding.client import Decoder, Undecodable
from fermata_mcp.media.facts import AudioFacts

from .mutants import KINDS, mutant, whole

T = TypeVar("T")


@dataclass
class Tally:
    """What became of damaged files. `odd` are outcomes that there must not be."""

    files: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    killers: list[str] = field(default_factory=list[str])
    odd: list[str] = field(default_factory=list[str])


async def look_at_mutants(decoder: Decoder, folder: Path, seeds: range, tally: Tally) -> None:
    """Put damaged files of every kind through everything that touches foreign bytes."""
    sources = {kind: whole(kind) for kind in KINDS}
    before = folder / "before.wav"
    before.write_bytes(sources["wav"])
    for seed in seeds:
        kind = KINDS[seed % len(KINDS)]
        path = folder / f"mutant-{seed}.{kind}"
        path.write_bytes(mutant(sources[kind], seed))
        tally.files += 1
        await _everything(decoder, path, before, folder, tally)
        path.unlink()


async def _everything(decoder: Decoder, path: Path, before: Path, folder: Path, tally: Tally) -> None:
    name = path.name
    facts = await _noted(decoder.probe(path), name, tally)
    if facts is not None:
        tally.read += 1
        _check(facts, path, tally)
    heard = await decoder.hear(path)
    if "damaged so that" in (heard.note or "") and name not in tally.killers:
        tally.killers.append(name)
    await decoder.likeness(path, before, 0.0, 1.0)
    for one, other in ((before, path), (path, before)):
        joined = await _noted(decoder.join(one, other, 1.0, 1.0, 1.0, folder / "joined"), name, tally)
        if joined is not None:
            joined.path.unlink()
    await decoder.label(path, "Title", "Origin")


async def _noted(look: Coroutine[Any, Any, T], name: str, tally: Tally) -> T | None:
    """What a look gives, or None with its refusal counted."""
    try:
        return await look
    except Undecodable:
        if name not in tally.killers:
            tally.killers.append(name)
    except FermataError as error:
        if error.code not in ("not_audio", "too_large"):
            tally.odd.append(f"{name}: {error}")
        tally.refused[error.code] += 1
    return None


def _check(facts: AudioFacts, path: Path, tally: Tally) -> None:
    """A damaged file does not become much longer than its bytes allow at the lowest rate there is for music."""
    size = path.stat().st_size
    if not 0 < facts.duration_seconds < 600 + size:
        tally.odd.append(f"{path.name}: {facts}")
