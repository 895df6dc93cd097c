"""An emulator on loopback.

In a thread of a test (`with serving(emulator) as url`), or as a process, with `tests` on the path, that prints its URL
and takes the key `KEY`:
`python -m emulators.serve NAME [--port N]`.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

from .faults import Faulty, Front
from .paid import every_free, every_paid

KEY = "emulator-key"


@contextmanager
def serving(emulator: Faulty, port: int = 0) -> Generator[str]:
    """The emulator's URL, while a thread serves it."""
    loop = asyncio.new_event_loop()
    stop, ready, found = asyncio.Event(), threading.Event(), list[str]()

    async def run() -> None:
        async with Front(emulator, port) as url:
            found.append(url)
            ready.set()
            await stop.wait()

    def body() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=body, name="emulator", daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the emulator did not start")
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def main() -> None:
    emulators = {one.family: one.emulator for one in every_paid()} | every_free()
    parser = argparse.ArgumentParser(prog="emulators.serve")
    parser.add_argument("name", choices=sorted(emulators))
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    emulator = emulators[chosen.name](KEY)

    async def run() -> None:
        async with Front(emulator, chosen.port) as url:
            print(url, flush=True)
            await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
