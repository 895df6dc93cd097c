"""What every test can ask for."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from fermata_mcp.engine import progress, runner
from fermata_mcp.store.sqlite import store
from layers import SHORT, longest_first, mark_slow, together
from support.accounts import OURS
from support.engines import House
from support.music import silence
from support.remote import Plugin, Remote, ScriptedProvider
from support.rows import DOLLARS, FREE_WORK, PAID

# What an example takes says something about the machine, and nothing about the product.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.register_profile("long", hypothesis.settings.get_profile("untimed"), max_examples=1000)
hypothesis.settings.load_profile("untimed")

# A shell that runs us in the background has Ctrl-C ignored, and so would all that we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HOMES = {"HOME": "home", "USERPROFILE": "home", "XDG_STATE_HOME": "state", "XDG_MUSIC_DIR": "music"}


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Two more than there are processors: much of a test is waiting, for processes and for each other."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or not (processors := os.cpu_count()):
        return None
    return processors + 2


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One test goes to a worker at a time, or a file that shares something: else one would get all that takes longest.

    Thousands of quick ones go in larger lots, as usual.
    """
    if config.getoption("dist") != "load" or "not slow" in str(config.getoption("markexpr")):
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    config.option.loadscopereorder = False
    return OneByOne(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark_slow(items)
    longest_first(items)
    config.stash[SHORT] = [item.nodeid for item in items if item.get_closest_marker("slow") is None]


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place for each test's person; folders are made by what uses them, as most tests use none."""
    root = tmp_path_factory.mktemp("people")
    numbers = itertools.count()
    return (root / str(number) for number in numbers)


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch, people: Iterator[Path]) -> Path:
    """No setting, key or folder of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(OURS) or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    person = next(people)
    for name, folder in HOMES.items():
        monkeypatch.setenv(name, str(person / folder))
    return person


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def house(tmp_path: Path, quick_pump: None) -> House:
    """A folder with four seconds of audio in it."""
    return House(tmp_path, silence(tmp_path / "song.wav"))


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Remote:
    """The far side of what another package brought: `paid`, `again` (free and repeatable), `paid-usd` (in dollars)."""
    far = Remote()
    plugins = [Plugin(spec.name, ScriptedProvider(far, spec)) for spec in (PAID, FREE_WORK, DOLLARS)]
    real: Any = metadata.entry_points

    def entry_points(**chosen: Any) -> Iterable[Any]:
        return plugins if chosen.get("group") == "fermata_mcp.providers" else real(**chosen)

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    return far


@pytest.fixture
def quick_pump(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that notice a pushed clock and each other soon."""
    monkeypatch.setattr(runner, "LONGEST_SLEEP_SECONDS", 0.03)
    monkeypatch.setattr(store, "FOREIGN_LOOK_SECONDS", 0.03)
    monkeypatch.setattr(progress, "DEAF_SECONDS", 0.03)


@pytest.fixture
def brief_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is about files and not about which joins are the best: the first good ones are taken."""
    for patience in ("_PATIENCE", "_LITTLE_PATIENCE"):
        monkeypatch.setattr(f"fermata_mcp.rearrange.arrangement.search.{patience}", 4)
