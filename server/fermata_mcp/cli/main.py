"""From the command line to an exit code, whatever happens in between."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from fermata_mcp.transports.front.front import Handed, answer_first

from .exit_codes import DONE, FAILED, INTERRUPTED, WRONG_CALL
from .interrupt import CtrlC
from .streams import OutputLost, finish_output, make_safe

if TYPE_CHECKING:
    from argparse import Namespace

# Said exactly so, it is what a host starts, and the first answers need not wait for anything.
_STARTED_BY_A_HOST: tuple[list[str], ...] = ([], ["serve"], ["serve", "--transport", "stdio"])


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code (see `exit_codes`)."""
    given = sys.argv[1:] if argv is None else argv
    # A server that is asked to leave has done what it should, however early that is.
    ctrl_c = CtrlC(DONE, "") if _serves(given) else CtrlC(INTERRUPTED, "Stopped.\n")
    gc.disable()  # until all is loaded: there is no garbage to find in imports
    make_safe()
    handed = answer_first(_load) if given in _STARTED_BY_A_HOST and not sys.stdin.isatty() else None
    code = _code_of(given, ctrl_c, handed)
    try:
        finish_output()
    except BrokenPipeError:
        pass  # whoever read us has left
    except OutputLost as error:
        code = _said(str(error), code or FAILED)
    sys.exit(code)


def _serves(argv: list[str]) -> bool:
    return not argv or argv[0] in ("serve", "work")


def _load() -> None:
    import_module("fermata_mcp.transports.stdio")
    import_module("fermata_mcp.app")


def _code_of(argv: list[str], ctrl_c: CtrlC, handed: Handed | None) -> int:
    # Imported here, so that Ctrl-C is heard while the rest is loaded.
    from fermata_mcp.domain.errors import FermataError

    try:
        return _carry_out(argv, ctrl_c, handed)
    except SystemExit as wrong:  # the words of the command line end so
        return wrong.code if isinstance(wrong.code, int) else WRONG_CALL
    except BaseException as error:
        match _cause(error):
            case FermataError() as cause:
                return _refused(str(cause), as_json="--json" in argv)
            case OutputLost() as cause:
                return _said(str(cause), FAILED)
            case BrokenPipeError():
                return DONE
            case KeyboardInterrupt():  # not through us: somebody has put the default back
                return _said("Stopped.", INTERRUPTED)
            case _:
                raise


def _refused(words: str, *, as_json: bool) -> int:
    """Whoever reads JSON is told so, too."""
    from .show import Screen

    with Screen(as_json=as_json) as screen:
        screen.refused(words)
    return WRONG_CALL


def _said(words: str, code: int) -> int:
    print(words, file=sys.stderr)
    return code


def _cause(error: BaseException) -> BaseException:
    """What went wrong inside the task groups that report it."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _cause(inside[0]) if len(inside) == 1 else error


def _carry_out(argv: list[str], ctrl_c: CtrlC, handed: Handed | None) -> int:
    from .arguments import parse

    args = parse(argv)
    # Imported by what is used, so that a server that a host starts pays for nothing else.
    match args.command:
        case "serve":
            return _serve(args, handed)
        case "work":
            return _work(args)
        case _:
            return _for_people(args, ctrl_c)


def _serve(args: Namespace, handed: Handed | None) -> int:
    from fermata_mcp.app import read_settings, serve_http, serve_stdio

    if args.transport == "stdio":
        _greet_a_person()
        serve_stdio(read_settings(), handed)
    serve_http(read_settings(), args.host, args.port)
    return DONE


def _work(args: Namespace) -> int:
    from fermata_mcp.app import read_settings, work

    work(read_settings(**({} if args.renders is None else {"renders_at_once": args.renders})))
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
