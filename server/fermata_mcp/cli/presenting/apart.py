"""Work on audio that may end its process is done in another one."""

from __future__ import annotations

import sys

import anyio

from fermata_mcp.domain.errors import FermataError, InternalError, NotAudio
from fermata_mcp.media.child_process import environment

LONGEST_SECONDS = 900


async def run_apart(module: str, *words: str) -> bytes:
    """What a module of ours writes to standard output, given these words; it ends with us.

    Raises:
        NotAudio: It could not read the file.
        FermataError: It ended otherwise, or took too long.
    """
    command = [sys.executable, "-P", "-m", module, *words]  # -P: no module is taken from the folder we are in
    try:
        with anyio.fail_after(LONGEST_SECONDS):
            done = await anyio.run_process(command, env=environment(), check=False)
    except TimeoutError:
        raise InternalError("looking at the audio took too long.", "try a shorter file.") from None
    if done.returncode:
        raise _failure(done.stderr.decode(errors="replace"))
    return done.stdout


def _failure(said: str) -> FermataError:
    last = said.strip().splitlines()[-1:] or ["the process that read it ended."]
    message, _, hint = last[0].partition(" Next: ")
    return NotAudio(f"the audio could not be read ({message[:300]})", hint or "look at the file with another program.")
