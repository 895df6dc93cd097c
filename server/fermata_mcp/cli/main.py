"""From the command line to an exit code, whatever happens in between."""

from __future__ import annotations

import gc
import sys
from argparse import Namespace
from typing import NoReturn

from .exit_codes import DONE, FAILED, INTERRUPTED, WRONG_CALL
from .interrupt import CtrlC
from .streams import OutputLost, finish_output, make_safe


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code (see `exit_codes`)."""
    given = sys.argv[1:] if argv is None else argv
    # A server that is asked to leave has done what it should, however early that is.
    ctrl_c = CtrlC(DONE, "") if _serves(given) else CtrlC(INTERRUPTED, "Stopped.\n")
    gc.disable()  # until all is loaded: there is no garbage to find in imports
    make_safe()
    code = _code_of(given, ctrl_c)
    try:
        finish_output()
    except BrokenPipeError:
        pass  # whoever read us has left
    except OutputLost as error:
        code = _said(str(error), code or FAILED)
    sys.exit(code)


def _serves(argv: list[str]) -> bool:
    return not argv or argv[0] == "serve"


def _code_of(argv: list[str], ctrl_c: CtrlC) -> int:
    # Imported here, so that Ctrl-C is heard while the rest is loaded.
    from fermata_mcp.domain.errors import FermataError

    try:
        return _carry_out(argv, ctrl_c)
    except SystemExit as wrong:  # the words of the command line end so
        return wrong.code if isinstance(wrong.code, int) else WRONG_CALL
    except BaseException as error:
        match _cause(error):
            case FermataError() as cause:
                return _said(str(cause), WRONG_CALL)
            case OutputLost() as cause:
                return _said(str(cause), FAILED)
            case BrokenPipeError():
                return DONE
            case KeyboardInterrupt():  # not through us: somebody has put the default back
                return _said("Stopped.", INTERRUPTED)
            case _:
                raise


def _said(words: str, code: int) -> int:
    print(words, file=sys.stderr)
    return code


def _cause(error: BaseException) -> BaseException:
    """What went wrong inside the task groups that report it."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _cause(inside[0]) if len(inside) == 1 else error


def _carry_out(argv: list[str], ctrl_c: CtrlC) -> int:
    from .arguments import parse

    args = parse(argv)
    # Imported by what is used, so that a server that a host starts pays for nothing else.
    return _serve(args) if args.command == "serve" else _for_people(args, ctrl_c)


def _serve(args: Namespace) -> int:
    from fermata_mcp.app import read_settings, serve_http, serve_stdio

    if args.transport == "stdio":
        _greet_a_person()
        serve_stdio(read_settings())
    serve_http(read_settings(), args.host, args.port)
    return DONE


def _greet_a_person() -> None:
    if sys.stdin.isatty():
        print(
            "Fermata is waiting for an MCP client on standard input (Ctrl-C ends it).\n"
            "To lengthen a track yourself: fermata-mcp extend song.mp3 --by 30. Stuck? fermata-mcp doctor",
            file=sys.stderr,
        )


def _for_people(args: Namespace, ctrl_c: CtrlC) -> int:
    from .commands import run

    return run(vars(args), ctrl_c)
