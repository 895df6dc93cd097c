"""Write the tables and the manual page of the docs, the files of `packages` and the prepared answers, from the code.

`--check` fails where they differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import packages
import prepared

from fermata_mcp.cli.arguments import make_parser
from fermata_mcp.cli.hosts.entry import COMMAND, entry_for, snippet
from fermata_mcp.cli.hosts.known import HOSTS, SYSTEMS, Host
from fermata_mcp.cli.hosts.links import cursor_link, vscode_link
from fermata_mcp.cli.words.manual import manual
from fermata_mcp.config import Settings, variable_name
from fermata_mcp.domain.requests.fields import option_words
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.engine.credits import prices_in_words
from fermata_mcp.providers.registry import built_in_specs, declared_accounts
from fermata_mcp.surface.tools import Toolbox, make_tools

ROOT = Path(__file__).resolve().parent.parent
MANUAL = "docs/fermata-mcp.1"
PAGES = ("README.md", "docs/tools.md", "docs/settings.md", "docs/providers.md", "docs/hosts.md")


def tools() -> str:
    """One line a tool."""
    rows = [f"| `{tool.name}` | {tool.description.partition('. ')[0].rstrip('.')} |" for tool in _tools()]
    return _table("tool", "what it does", rows)


def parameters() -> str:
    """Every parameter of every tool."""
    return "\n\n".join(f"### `{tool.name}`\n\n{tool.description}\n\n{_parameter_table(tool)}" for tool in _tools())


def _tools() -> list[Any]:
    return make_tools(Toolbox(cast(Any, None), lambda: 0))


def _parameter_table(tool: Any) -> str:
    needed = tool.parameters.get("required", [])
    rows = [
        f"| `{name}`{' (required)' if name in needed else ''} | {_kind(prop)} | {prop['description']} |"
        for name, prop in tool.parameters["properties"].items()
    ]
    return _table("parameter", "type", "meaning", rows=rows)


def _kind(prop: dict[str, Any]) -> str:
    return " or ".join(f"`{value}`" for value in prop["enum"]) if "enum" in prop else prop["type"]


def settings() -> str:
    """Every environment variable."""
    rows = [
        f"| `{variable_name(name)}` | {_default(name, field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    for variable in (variable for account in declared_accounts() for variable in account.variables()):
        default = f"`{variable.default}`" if variable.default else ""
        rows.append(f"| `{variable.name}` | {default} | {variable.meaning} |")
    return _table("variable", "default", "meaning", rows=rows)


def _default(name: str, field: Any) -> str:
    named = {"data_dir": "the user's state folder", "output_dir": "`Fermata` in the user's music folder"}
    if name in named:
        return named[name]
    return "" if field.default in (None, ()) else f"`{field.default}`"


def providers() -> str:
    """What each provider can do: a column each."""
    specs = built_in_specs()
    facts: list[tuple[str, Callable[[ProviderSpec], str]]] = [
        ("needs", lambda s: f"`{s.set_by}`" if s.set_by else "nothing"),
        ("sources", lambda s: ", ".join(sorted(s.sources))),
        ("parameters", lambda s: ", ".join(f"`{name}`" for name in s.fields)),
        ("`options`", option_words),
        ("price of an extension", _price),
        ("shortest source", lambda s: f"{s.lengths.shortest_source:g} s"),
        ("longest source", lambda s: _limit(s.lengths.longest_source)),
        ("longest result", lambda s: _limit(s.lengths.longest_result)),
        ("verified", lambda s: s.verified),
    ]
    rows = [f"| {name} | " + " | ".join(tell(spec) for spec in specs) + " |" for name, tell in facts]
    return _table("", *(f"`{spec.name}`" for spec in specs), rows=rows)


def _price(spec: ProviderSpec) -> str:
    return prices_in_words(spec).replace(" an extension", "")


def _limit(seconds: float) -> str:
    return "none known" if seconds == float("inf") else f"{seconds:g} s"


def hosts() -> str:
    """A section for each host."""
    return "\n\n".join(_host(host) for host in HOSTS)


def _host(host: Host) -> str:
    named = " or ".join(f"`{path}` ({'/'.join(systems)})" for path, systems in _places(host).items())
    moved = f", or in the folder that `{host.moved_by}` names" if host.moved_by else ""
    block = f"```{host.form}\n{snippet(host, entry_for(host, COMMAND))}```"
    named_key = entry_for(host, COMMAND, ["KIE_API_KEY"]).get("env")
    keys = f"{host.keys} With `KIE_API_KEY` set: `{json.dumps({'env': named_key})[1:-1]}`." if named_key else host.keys
    more = "".join(f"\n- {note}" for note in host.notes)
    return (
        f"### {host.title}\n\n`fermata-mcp doctor --host {host.name}`\n\n- File: {named}{moved}.\n"
        f"- Keys: {keys}{more}\n- Tried: {host.tried}\n\n{block}"
    )


def _places(host: Host) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for system, title in SYSTEMS.items():
        places.setdefault(f"{host.folders[system]}/{host.file}", []).append(title)
    return places


def links() -> str:
    """What installs with one click."""
    return f"- [Install in Cursor]({cursor_link()})\n- [Install in VS Code]({vscode_link()})"


def _table(*head: Any, rows: list[str] | None = None) -> str:
    if rows is None:
        *names, rows = head
        head = tuple(names)
    top = "| " + " | ".join(head) + " |"
    return "\n".join([top, "|" + "---|" * len(head), *(rows or [])])


BLOCKS: dict[str, Callable[[], str]] = {
    "tools": tools,
    "parameters": parameters,
    "settings": settings,
    "providers": providers,
    "hosts": hosts,
    "links": links,
}


def filled(page: str) -> str:
    """`page` with every generated block written anew."""
    for name, make in BLOCKS.items():
        start, end = f"<!-- generated:{name} -->", f"<!-- /generated:{name} -->"
        if start in page:
            before, _, rest = page.partition(start)
            after = rest.partition(end)[2]
            page = f"{before}{start}\n{make()}\n{end}{after}"
    return page


def contents() -> dict[str, str]:
    """What every file should hold, by its name."""
    pages = {name: filled((ROOT / name).read_text("utf-8")) for name in PAGES}
    return (
        pages
        | {name: packages.content(name) for name in packages.FILES}
        | {prepared.FILE: prepared.content(), MANUAL: manual(make_parser())}
    )


def main() -> int:
    stale = {name: text for name, text in contents().items() if _present(name) != text}
    if "--check" in sys.argv:
        if stale:
            print(f"out of date: {', '.join(stale)}; run `python docs/generate.py`", file=sys.stderr)
        return 1 if stale else 0
    for name, text in stale.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, "utf-8")
    return 0


def _present(name: str) -> str | None:
    return (ROOT / name).read_text("utf-8") if (ROOT / name).exists() else None


if __name__ == "__main__":
    sys.exit(main())
