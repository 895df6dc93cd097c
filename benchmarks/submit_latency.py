"""From a tool call to the provider's receipt of the paid POST, durable intent included.

    .venv/bin/python benchmarks/submit_latency.py [calls]

Real processes: server over stdio, emulated sunoapi over loopback TCP. The floor is a bare tool on the same SDK that
posts the same body through one shared, kept-alive httpx2 client and keeps no record. Calls alternate, slowly enough
for the provider's rate limit, with `wait_seconds: 0`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from talk import FERMATA, child, env_in, get, post, spread, talking

CALLS = 60
# 20 requests in 10 seconds are allowed, a pause keeps every turn free.
PAUSE_SECONDS = 0.35
EMULATOR = """
import asyncio, time
from emulators.faults import Front
from emulators.suno import SUNOAPI, SunoEmulator

class Timed(SunoEmulator):
    def saw(self, method, path, headers, body=b""):
        if method == "POST" and path.startswith("/api/v1/generate/"):
            print(time.monotonic_ns(), flush=True)
        return super().saw(method, path, headers, body)

async def main():
    async with Front(Timed(SUNOAPI)) as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
FLOOR = """
import os
import httpx2
from mcp.server import MCPServer
server = MCPServer("floor", log_level="WARNING")
client = httpx2.AsyncClient(headers={"Authorization": "Bearer emulator-key"})
@server.tool()
async def extend_track(source: str) -> dict[str, object]:
    "Extend a clip"
    body = {"defaultParamFlag": False, "audioId": source, "model": "V5", "callBackUrl": "https://x.invalid/"}
    return (await client.post(os.environ["SUNOAPI_BASE_URL"] + "/api/v1/generate/extend", json=body)).json()
server.run()
"""


async def run(calls: int, folder: str) -> None:
    floor = Path(folder) / "floor.py"
    floor.write_text(FLOOR)
    sent: dict[str, list[float]] = {"floor": [], "fermata": [], "the disk: one append and fsync": []}
    async with child((sys.executable, "-c", EMULATOR)) as (emulator, url):
        env = env_in(folder, url, "SUNOAPI")
        post(f"{url}/_emulator/script", {"set": {"balance": 1e6, "ready_after_seconds": 1e6}})
        async with talking((sys.executable, str(floor)), env) as bare, talking(FERMATA, env) as ours:
            assert emulator.stdout
            for number in range(calls + 2):
                sent["the disk: one append and fsync"].append(durable_write(Path(folder) / "disk"))
                for name, talk in (("floor", bare), ("fermata", ours)):
                    more = {"provider": "sunoapi", "wait_seconds": 0} if name == "fermata" else {}
                    clip = f"clip:bench-{number}" if more else f"bench-{number}"
                    began = time.monotonic_ns()
                    answer = asyncio.create_task(talk.call("extend_track", source=clip, **more))
                    arrived = int(await asyncio.wait_for(emulator.stdout.readline(), 30))
                    await answer
                    if number >= 2:  # the first calls import what later ones use
                        sent[name].append((arrived - began) / 1e6)
                    await asyncio.sleep(PAUSE_SECONDS)
        ledger = get(f"{url}/_emulator/ledger")
    if ledger["violations"]:
        raise SystemExit(str(ledger["violations"]))
    print("| tool call to the POST's arrival, ms | p50 | p95 | most |\n|---|---|---|---|")
    for name, values in sent.items():
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in spread(values)) + " |")
    ratio = spread(sent["fermata"])[0] / spread(sent["floor"])[0]
    print(f"\n{calls} calls each, in turn; ratio of the medians {ratio:.1f}. Goal: p50 <= 10, p95 <= 20.")


def durable_write(path: Path) -> float:
    """Milliseconds; a submit needs some of these one after another."""
    with path.open("ab") as file:
        file.write(bytes(4096))
        file.flush()
        began = time.monotonic_ns()
        os.fsync(file.fileno())
        return (time.monotonic_ns() - began) / 1e6


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(calls, folder))


if __name__ == "__main__":
    main()
