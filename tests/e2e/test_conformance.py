"""The public conformance suite against our app, on every line of it and in both protocol eras."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from e2e.node_tools import CONFORMANCE, CONFORMANCE_0_1, needs_node, run_node
from e2e.servers import announced_server

pytestmark = [pytest.mark.node, needs_node]

Checks = dict[str, list[dict[str, Any]]]  # scenario -> its checks

# What the suite only recommends and we do not do: an event stream that can be left and taken up again.
# A call here ends in a bounded time and `get_task` finds the outcome, so there is no event store.
RECOMMENDED = {"server-sse-polling"}
# What the suite itself leaves for later: it announces the scenario and skips it.
NOT_WRITTEN = {"tasks-status-notifications"}


class Leg(NamedTuple):
    """One run of the suite, and how much it must at least have tested to count."""

    package: Path
    options: tuple[str, ...]
    scenarios: int
    passed: int


LEGS = {
    "0.1": Leg(CONFORMANCE_0_1, (), 32, 43),
    "0.2-handshake": Leg(CONFORMANCE, ("--spec-version", "2025-11-25"), 33, 80),
    "0.2-modern": Leg(CONFORMANCE, ("--spec-version", "2026-07-28"), 40, 150),
    "0.2-extensions": Leg(CONFORMANCE, (), 50, 200),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("conformance")
    with announced_server([sys.executable, "-m", "e2e.conformance_app"], folder) as url:
        yield url


def read_checks(results: Path) -> Checks:
    """What the suite wrote: a folder `server-SCENARIO-TIME` with `checks.json` for every scenario."""
    named = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
    found: Checks = {}
    for file in results.glob("*/checks.json"):
        match = named.fullmatch(file.parent.name)
        assert match, f"unexpected folder {file.parent.name}"
        found[match[1]] = json.loads(file.read_text())
    return found


def with_status(checks: Checks, status: str) -> list[str]:
    return [
        f"{scenario}: {check['id']}: {check.get('errorMessage', '')}"
        for scenario, found in sorted(checks.items())
        for check in found
        if check["status"] == status
    ]


@pytest.mark.parametrize("leg", LEGS.values(), ids=LEGS.keys())
def test_conformance(leg: Leg, address: str, tmp_path: Path) -> None:
    done = run_node(leg.package, "server", "--url", address, "--suite", "all", *leg.options, "--output-dir", tmp_path)
    checks = read_checks(tmp_path)
    advice = [line for line in with_status(checks, "WARNING") if line.split(":")[0] not in RECOMMENDED]

    assert with_status(checks, "FAILURE") == []
    assert advice == []
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert len(checks) >= leg.scenarios, f"only {sorted(checks)} ran"
    assert len(with_status(checks, "SUCCESS")) >= leg.passed
    silent = {name for name, found in checks.items() if all(check["status"] != "SUCCESS" for check in found)}
    assert silent <= RECOMMENDED | NOT_WRITTEN, "scenarios that tested nothing"
