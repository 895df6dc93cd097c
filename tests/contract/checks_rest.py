"""Balances, and what nothing may ever tell."""

from __future__ import annotations

from typing import Any

import pytest

from contract.rig import CANARY
from contract.suite import check
from contract.wire_rig import WireRig, bench, logged
from emulators.faults import Fault
from fermata_mcp.domain.errors import FermataError, ProviderError


@check(lambda _: [0.0, 0.4, 12.0, 1234567.25], needs="wire")
async def balances(rig: WireRig, case: float) -> None:
    """The balance to the decimal, or None where there is no such call."""
    async with bench(rig) as made:
        made.emulator.ledger.balance = case
        found = await made.provider.balance()
        assert found == (case if rig.balance else None)
        made.clean()


@check(lambda rig: [{}, [], "x", {"code": 200, "data": None}, {"code": 200, "data": True}, {"code": 200, "data": [1]},
                    {"code": 500, "data": 5}, "<html>"] if rig.balance else [], needs="wire")  # fmt: skip
async def odd_balances(rig: WireRig, case: Any) -> None:
    """A balance that cannot be read is an error, never a number."""
    async with bench(rig) as made:
        made.emulator.script("balance", Fault.answer(200, case))
        with pytest.raises(ProviderError):
            await made.provider.balance()


@check(needs="wire")
async def the_key_stays_secret(rig: WireRig, case: None) -> None:
    """The key is in no result, no error and no log line, whatever happens."""
    shown: list[str] = []
    with logged() as lines:
        async with bench(rig) as made:
            remote_id = await made.submitted()
            shown += [repr(made.provider), made.provider.account_id, repr(await made.poll(remote_id))]
            for fault in (Fault.answer(401, {"code": 401}), Fault.answer(500, "<html>"), Fault.answer(200, [1])):
                made.emulator.script("submit", fault)
                made.emulator.script("poll", fault)
                made.emulator.script("balance", fault)
                shown.append(repr(await made.submit()))
                for reading in (made.poll(remote_id), made.provider.balance()):
                    try:
                        shown.append(repr(await reading))
                    except FermataError as error:
                        shown += [repr(error), str(error)]
    assert not [line for line in (*shown, *lines) if CANARY in line]
