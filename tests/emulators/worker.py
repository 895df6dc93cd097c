"""A worker process of `local` that goes wrong: it takes its job as usual, and then does what `PLAYED` says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

PLAYED = "PLAYED_OUTCOME"
NOISE = bytes(1 << 16).replace(b"\x00", b"x")
SAID: dict[str, bytes] = {
    "is silent": b"",
    "chats": b"hello\n",
    "says half a line": b'{"done": {"duration',
    "says no text": b"\xff\xfe\n",
    "says a number": b"5\n",
    "says a list": b"[1]\n",
    "says odd progress": b'{"progress": {"fraction": "some", "message": "x"}}\n',
    "says an odd error": b'{"error": {"reason": "x"}}\n',
    "says an odd result": b'{"done": {}}\n',
    "says a code of its own": b'{"error": {"code": "frobbing", "message": "it frobbed.", "hint": "x"}}\n',
}


def main() -> None:
    job = sys.stdin.readline()
    outcome = os.environ[PLAYED]
    if outcome in SAID:
        _say(SAID[outcome])
    elif outcome == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif outcome == "crashes":
        sys.exit(3)
    elif outcome == "floods":
        while True:
            _say(NOISE)
    elif outcome == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    elif outcome == "repeats its job":
        _refuse("internal", job)
    elif outcome == "repeats its environment":
        _refuse("internal", json.dumps(dict(os.environ)))
    else:
        _refuse(outcome, "as played.")


def _refuse(code: str, message: str) -> None:
    _say(json.dumps({"error": {"code": code, "message": message, "hint": "x"}}).encode() + b"\n")


def _say(said: bytes) -> None:
    while said:
        said = said[os.write(1, said) :]


if __name__ == "__main__":
    main()
