"""The short run shows every promise, and whoever looks for the test of a file finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from layers import PROMISES, SHORT
from support.places import REPOSITORY, TESTS
from unit.covered_elsewhere import COVERED_ELSEWHERE

PRODUCT = REPOSITORY / "server" / "fermata_mcp"
FEWEST_LINES = 20
MODULES = [
    path.relative_to(PRODUCT)
    for path in sorted(PRODUCT.rglob("*.py"))
    if len(path.read_text().splitlines()) >= FEWEST_LINES
]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_a_test_that_is_found_by_its_name(module: Path) -> None:
    name = module.parent.name if module.name == "__init__.py" else module.stem
    own = TESTS / "unit" / module.parent / f"test_{name}.py"
    elsewhere = COVERED_ELSEWHERE.get(str(module))
    assert own.exists() or elsewhere, f"write {own.relative_to(TESTS)}, or say in the list what covers {module}"
    assert elsewhere is None or (TESTS / elsewhere).exists(), elsewhere


def test_the_list_names_no_module_that_is_gone() -> None:
    assert set(COVERED_ELSEWHERE) <= {str(module) for module in MODULES}


def test_every_promise_has_tests(pytestconfig: pytest.Config) -> None:
    """Names that match nothing would leave a promise out of the short run."""
    nodes = [node for some in PROMISES.values() for node in some]
    collected = pytestconfig.stash[SHORT]
    files = {node.partition("::")[0] for node in nodes} - {node.partition("::")[0] for node in collected}
    if files:  # this run is not about all of them
        collected = [*collected, *_short_run_of(sorted(files))]
    assert [node for node in nodes if not any(line.startswith(node) for line in collected)] == []


def _short_run_of(files: list[str]) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        *files,
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()
