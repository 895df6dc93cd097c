"""The contract suite: every check, on every adapter that can do what it needs, in every case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from contract.checks import CHECKS, Check
from contract.rig import Rig
from contract.rigs import ALL_RIGS
from fermata_mcp.providers.registry import BUILT_IN

pytestmark = pytest.mark.anyio


def _everything() -> Iterator[Any]:
    for rig in ALL_RIGS:
        for check in CHECKS:
            for index, case in enumerate(check.cases_of(rig)):
                yield pytest.param(rig, check, case, id=f"{rig.label or rig.name}-{check.name}-{_named(index, case)}")


def _named(index: int, case: Any) -> str:
    parts = cast("tuple[Any, ...]", case) if isinstance(case, tuple) else (case,)
    return "-".join(str(part) for part in parts if isinstance(part, str | int))[:40] or str(index)


@pytest.mark.parametrize(("rig", "check", "case"), list(_everything()))
async def test_contract(rig: Rig, check: Check, case: Any) -> None:
    await check.run(rig, case)


def test_every_provider_has_a_rig() -> None:
    assert {rig.name for rig in ALL_RIGS} == set(BUILT_IN)
