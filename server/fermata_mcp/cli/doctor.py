"""Checks that a stuck newcomer can follow to success."""

from __future__ import annotations

import difflib
import json
import math
import os
import platform
import struct
import tempfile
import wave
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcp.client import Client
from rich.text import Text

from fermata_mcp import __version__
from fermata_mcp.app import open_store, read_settings, running_app
from fermata_mcp.config import Settings, variable_name
from fermata_mcp.domain.errors import FermataError, InternalError
from fermata_mcp.media.places.naming import output_path

from .exit_codes import DONE, FAILED
from .hosts.advice import advise
from .hosts.entry import whole_command
from .hosts.known import HOSTS
from .presenting.terminal import Bar, Out
from .streams import json_text


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, what was found, and what to do if it is not well."""

    check: str
    ok: bool
    found: str
    do: str = ""


async def examine(args: dict[str, Any]) -> int:
    """Run every check and print the findings; 0 if all is well, 1 if not."""
    findings = [Finding("program", True, f"fermata-mcp {__version__}, Python {platform.python_version()}")]
    try:
        settings = read_settings()
    except FermataError as error:
        findings.append(Finding("settings", False, error.message, error.hint))
    else:
        findings += _variables()
        findings += await _look_everywhere(settings)
    _print(findings, as_json=args["json"])
    return DONE if all(finding.ok for finding in findings) else FAILED


async def _look_everywhere(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    with Bar() as bar:
        for check, look in (("tasks", _store), ("output folder", _output), ("local engine", _engine)):
            bar.busy(f"looking at: {check}")
            findings.append(await _finding(check, look, settings))
        bar.busy("asking providers that have a key")
        findings += await _keys(settings)
    return findings


async def _finding(check: str, look: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    try:
        return Finding(check, True, await look(settings))
    except FermataError as error:
        return Finding(check, False, error.message, error.hint)


def _variables() -> list[Finding]:
    known = [variable_name(name) for name in Settings.model_fields]
    findings: list[Finding] = []
    for name in sorted(os.environ):
        if name.startswith("FERMATA_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            do = f"did you mean {close[0]}?" if close else "remove it."
            findings.append(Finding("settings", False, f"{name} is not a setting.", do))
    return findings


async def _store(settings: Settings) -> str:
    store = open_store(settings)
    await store.open()
    await store.close()
    return str(settings.data_dir)


async def _output(settings: Settings) -> str:
    output_path(settings.output_dir, "test", "0", ".wav")
    return str(settings.output_dir)


async def _keys(settings: Settings) -> list[Finding]:
    """Ask every provider that has a key for its balance, which shows whether it is reached and the key is right."""
    with tempfile.TemporaryDirectory(prefix="fermata-doctor-") as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        async with running_app(own, callers_are_local=True) as app, Client(app.server) as client:
            told: Any = (await client.call_tool("get_credits", {})).structured_content
    return [_key(one) for one in told["providers"] if one["configured"] and one["price_per_extend"]] if told else []


def _key(told: dict[str, Any]) -> Finding:
    check = f"provider {told['provider']}"
    if told["error"]:
        found, _, do = told["error"].partition(" Next: ")
        return Finding(check, False, found, do)
    if told["balance"] is None:
        return Finding(check, True, f"has a key ({told['note']})")
    return Finding(check, True, f"{told['balance']:g} credits, enough for {told['extends_left']} extensions")


async def _engine(settings: Settings) -> str:
    """Really lengthen two seconds of sound, in folders of its own."""
    with tempfile.TemporaryDirectory(prefix="fermata-doctor-") as folder:
        source = Path(folder) / "tone.wav"
        _write_tone(source)
        own = settings.model_copy(update={"data_dir": Path(folder), "output_dir": Path(folder) / "out"})
        asked = {"source": str(source), "provider": "local", "add_seconds": 2, "wait_seconds": 60}
        async with running_app(own, callers_are_local=True) as app, Client(app.server) as client:
            result = await client.call_tool("extend_track", asked)
    view = result.structured_content
    if result.is_error or not view or view["status"] != "succeeded":
        said = " ".join(getattr(block, "text", "") for block in result.content)
        raise InternalError(
            f"it did not lengthen a test tone ({said[:300]})", "install fermata-mcp anew, or report this."
        )
    return f"made a 2 s tone {view['audio']['duration_seconds']:g} s long"


def _write_tone(path: Path) -> None:
    rate = 22050
    samples = (int(8000 * math.sin(2 * math.pi * 220 * n / rate)) for n in range(2 * rate))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def host_config() -> dict[str, Any]:
    """What most MCP hosts take."""
    return {"mcpServers": {"fermata": {"command": whole_command(), "args": []}}}


def tell_about_a_host(args: dict[str, Any]) -> int:
    """Print what a host needs, or give it that. Raises as `advise`."""
    advice = advise(args["host"], writes=args["write"])
    print(json_text(advice.as_json()) if args["json"] else "\n".join(advice.lines()))
    return DONE


def _print(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        shown = {"findings": [asdict(finding) for finding in findings], "host_config": host_config()}
        print(json_text(shown))
        return
    out = Out()
    for finding in findings:
        out.print(Text("ok    " if finding.ok else "WRONG ", "green" if finding.ok else "bold red"), end="")
        out.print(Text(f"{finding.check}: {finding.found}"))
        if finding.do:
            out.print(Text(f"      do: {finding.do}"))
    config = host_config()
    out.print(Text("\nFor an MCP host (claude_desktop_config.json and the like):"))
    out.print(Text(json.dumps(config)))
    out.print(Text(f"For Claude Code: claude mcp add fermata -- {config['mcpServers']['fermata']['command']}"))
    out.print(Text(f"For one of {', '.join(host.name for host in HOSTS)}: fermata-mcp doctor --host NAME [--write]"))
