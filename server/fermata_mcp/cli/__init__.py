"""Commands for people. Each is a client of the same MCP surface that assistants use."""

from __future__ import annotations

import gc
import sys
from argparse import Namespace
from typing import NoReturn

from .arguments import parse

DONE, FAILED, WRONG_CALL, UNKNOWN_OUTCOME, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code.

    0 done; 1 the work failed; 2 the call was wrong; 3 money may have been spent, outcome unknown.
    """
    args = parse(sys.argv[1:] if argv is None else argv)
    gc.disable()  # until all is loaded: there is no garbage to find in imports
    # Imported here, so that a server that a host starts pays for nothing it does not use.
    from fermata_mcp.domain.errors import FermataError

    try:
        code = _serve(args) if args.command == "serve" else _for_people(args)
    except BaseException as error:
        match _cause(error):
            case FermataError() as cause:
                print(str(cause), file=sys.stderr)
                code = WRONG_CALL
            case KeyboardInterrupt():
                print("Stopped waiting; nothing is lost. See: fermata-mcp tasks", file=sys.stderr)
                code = INTERRUPTED
            case BrokenPipeError():
                sys.stdout = None  # whoever read us has left; flushing at exit would complain
                code = DONE
            case _:
                raise
    sys.exit(code)


def _cause(error: BaseException) -> BaseException:
    """What went wrong inside the task groups that report it."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _cause(inside[0]) if len(inside) == 1 else error


def _serve(args: Namespace) -> int:
    from fermata_mcp.app import serve_http, serve_stdio
    from fermata_mcp.config import load_settings

    if args.transport == "stdio":
        _greet_a_person()
        serve_stdio(load_settings())
    serve_http(load_settings(), args.host, args.port)
    return DONE


def _greet_a_person() -> None:
    if sys.stdin is not None and sys.stdin.isatty():
        print(
            "Fermata is waiting for an MCP client on standard input (Ctrl-C ends it).\n"
            "To lengthen a track yourself: fermata-mcp extend song.mp3 --by 30. Stuck? fermata-mcp doctor",
            file=sys.stderr,
        )


def _for_people(args: Namespace) -> int:
    from .commands import run

    return run(vars(args))
