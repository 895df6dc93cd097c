"""Commands for people. Each is a client of the same MCP surface that assistants use."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from . import __version__


def main() -> NoReturn:
    args = parser().parse_args()
    if args.command in (None, "serve"):
        from .config import load_settings
        if getattr(args, "transport", "stdio") == "stdio":
            from .transports.stdio import run_stdio
            run_stdio(load_settings())
        from .transports.http import run_http
        run_http(load_settings(), args.host, args.port)
    sys.exit(0)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("fermata-mcp")
    p.add_argument("--version", action="version", version=__version__)
    sub = p.add_subparsers(dest="command")
    s = sub.add_parser("serve")
    s.add_argument("--transport", choices=["stdio", "http", "sse"], default="stdio")
    s.add_argument("--host", default="127.0.0.1")
    s.add_argument("--port", type=int, default=8321)
    return p
