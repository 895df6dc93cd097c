"""A job that takes six seconds at the provider: one call, end to end, while the client pings all the time.

    .venv/bin/python benchmarks/six_seconds.py [jobs] [time scale]

Real processes: server over stdio, emulated sunoapi over loopback TCP. Its two clips are downloaded and saved within the
call; they are wav, which costs the emulator nothing to make. A provider this fast deserves `FERMATA_TIME_SCALE` 0.02:
first look after 0.9 s, then every 0.3 s. Jobs follow each other in one data folder, so the pace learns; between them is
a pause, in which the account's rate (20 requests in 10 s, which no time scale changes) fills up again.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time

from talk import FERMATA, Message, Talk, child, env_in, get, post, spread, talking

JOBS = 6
SECONDS = 6.0
TIME_SCALE = "0.02"
PING_EVERY = 0.02
PAUSE_SECONDS = 10


async def job(talk: Talk, number: int) -> tuple[float, int, list[float]]:
    """Seconds of the call, its progress messages, and the milliseconds of every ping during it."""
    told: list[Message] = []
    talk.listener = told.append
    pings: list[float] = []

    async def ping() -> None:
        while True:
            pings.append(await talk.ping())
            await asyncio.sleep(PING_EVERY)

    pinging = asyncio.create_task(ping())
    began = time.perf_counter()
    done = await talk.call("extend_track", source=f"clip:six-{number}", provider="sunoapi", wait_seconds=40)
    took = time.perf_counter() - began
    pinging.cancel()
    if done.get("status") != "succeeded":
        raise SystemExit(f"not done: {done}")
    return took, sum(message.get("method") == "notifications/progress" for message in told), pings


async def run(jobs: int, scale: str, folder: str) -> None:
    async with child((sys.executable, "-m", "emulators.serve", "sunoapi")) as (_, url):
        post(
            f"{url}/_emulator/script", {"set": {"ready_after_seconds": SECONDS, "balance": 1e6, "audio_format": "wav"}}
        )
        env = env_in(folder, url, "SUNOAPI", FERMATA_TIME_SCALE=scale)
        async with talking(FERMATA, env) as talk:
            print("| job | call s | progress messages | looks | ping p50 ms | p95 | most |")
            print("|---|---|---|---|---|---|---|")
            looks = 0
            for number in range(1, jobs + 1):
                await asyncio.sleep(PAUSE_SECONDS if number > 1 else 0)
                took, told, pings = await job(talk, number)
                before, looks = looks, get(f"{url}/_emulator/ledger")["requests"]["poll"]
                times = " | ".join(f"{value:.1f}" for value in spread(pings))
                print(f"| {number} | {took:.2f} | {told} | {looks - before} | {times} |", flush=True)
    print("\nGoal: the call <= 6.5 s, >= 3 progress messages, every ping <= 50 ms.")


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(jobs, sys.argv[2] if len(sys.argv) > 2 else TIME_SCALE, folder))


if __name__ == "__main__":
    main()
