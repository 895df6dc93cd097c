"""What adapters to HTTP ask for: bodies as documented, native fields, uploads."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from contract.suite import check
from contract.wire_rig import Example, WireRig, bench
from emulators.audio import origin
from fermata_mcp.domain.errors import InvalidRequest


@check(lambda rig: rig.examples, needs="wire")
async def documented_examples(rig: WireRig, case: Example) -> None:
    """Our words become the documented request, field for field, and the provider takes it."""
    call = rig.made().submit_call(case.work)
    assert (call.method, call.path, call.body) == ("POST", case.path, case.body)
    async with bench(rig) as made:
        made.emulator.source_seconds = 90.0
        await made.submitted(case.work)
        assert made.emulator.seen[-1].json() == case.body
        made.clean()


@check(lambda rig: [(kind, name) for kind in rig.sources for name in rig.spec.fields], needs="wire")
async def fields_are_documented(rig: WireRig, case: tuple[str, str]) -> None:
    """What a field becomes is nothing that the provider's pages do not list."""
    kind, name = case
    if kind not in rig.only_for.get(name, rig.sources):
        return
    full = rig.given(rig.sources[kind], rig.full_for(name))
    async with bench(rig) as made:
        await made.submitted(rig.given(full, {name: rig.samples[name][0]}))
        made.clean()


@check(lambda rig: list(rig.sources), needs="wire")
async def options_override(rig: WireRig, case: str) -> None:
    """Native fields are passed on verbatim, and win over ours under the same wire name."""
    full = rig.given(rig.sources[case], rig.full)
    plain = rig.body_of(full)
    for name in rig.full:
        wire = rig.wire[name]
        options = {wire: "as given"}
        changed = rig.body_of(full.model_copy(update={"options": options}))
        assert changed == plain | options, wire
    native = dict(rig.native)
    assert rig.body_of(full.model_copy(update={"options": native})) == plain | native


@check(needs="wire")
async def uploads(rig: WireRig, case: None) -> None:
    """A local file is put where the provider fetches it, under a new name each time; or files are refused."""
    async with bench(rig) as made:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "My söng.wav"
            file.write_bytes(made.emulator.studio.render(origin("mine", 4.0), "wav"))
            local = made.work.model_copy(update={"source_clip": None, "source_url": None, "source_file": str(file)})
            if not rig.uploads:
                with pytest.raises(InvalidRequest):
                    await made.provider.prepare(local)
                return
            ready = [await made.provider.prepare(local) for _ in range(2)]
        assert ready[0].source_url != ready[1].source_url
        assert abs(await made.played(ready[0].source_url) - 4.0) < 0.01
        assert made.emulator.ledger.entries == []
        found = await made.poll(await made.submitted(ready[0]))
        assert max([await made.played(clip.url) for clip in found.clips]) > 4.0
        made.clean()
