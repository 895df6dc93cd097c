"""Checks that a stuck newcomer can follow to success."""

from __future__ import annotations

import itertools
import json
import math
import os
import platform
import shutil
import struct
import tempfile
import wave
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from mcp.client import Client
from rich.text import Text

from fermata_mcp import __version__
from fermata_mcp.app import read_settings, running_app
from fermata_mcp.config import Settings, unknown_variables
from fermata_mcp.domain.account import AccountSpec
from fermata_mcp.domain.credits import UNITS, in_words
from fermata_mcp.domain.errors import FermataError, InternalError, StoreUnavailable
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.engine.audio.opening import objects_of
from fermata_mcp.media.objects.opening import try_out
from fermata_mcp.media.places.naming import output_path
from fermata_mcp.providers.registry import built_in_specs, declared_accounts
from fermata_mcp.store.opening import open_store

from .exit_codes import DONE, FAILED
from .hosts.advice import advise
from .hosts.entry import whole_command
from .hosts.known import HOSTS
from .presenting.clock import size
from .presenting.terminal import Bar, Out
from .streams import json_text
from .words.spoken import spoken

MOST_FILES = 20_000
LEAST_FREE_BYTES = 1_000_000_000  # an hour of CD sound, and its working copy
_ONLY_FOR_PAID = (
    "FERMATA_MAX_CREDITS_PER_CALL", "FERMATA_MAX_CREDITS_PER_DAY", "FERMATA_CONFIRM_ABOVE_CREDITS",
    "FERMATA_MAX_USD_PER_CALL", "FERMATA_MAX_USD_PER_DAY", "FERMATA_CONFIRM_ABOVE_USD",
    "FERMATA_TIME_SCALE", "FERMATA_SUBMIT_TIMEOUT_SECONDS", "FERMATA_CALLBACK_URL",
)  # fmt: skip


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
        findings += _variables(settings)
        findings += await _look_everywhere(settings)
    _print(findings, as_json=args["json"])
    return DONE if all(finding.ok for finding in findings) else FAILED


async def _look_everywhere(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    with Bar() as bar:
        for check, look in (
            ("tasks", _store), ("output folder", _output), ("disk", _disk), ("local engine", _engine),
        ):  # fmt: skip
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


def _variables(settings: Settings) -> list[Finding]:
    """Names that nearly are settings, and settings that nothing comes of as things are."""
    unknown = unknown_variables(os.environ, declared_accounts(os.environ))
    findings = [Finding("settings", False, f"{unknown}.", "correct or remove them.")] if unknown else []
    findings.append(Finding("callers over http", True, _who_may_call(settings)))
    findings += [Finding("settings", False, *said) for said in _without_effect(settings)]
    return [*findings, *_in_advance(settings)]


def _who_may_call(settings: Settings) -> str:
    """Which ways there are to say who one is; those of the store are told by `token list`."""
    ways = ["tokens of FERMATA_AUTH_TOKENS"] if settings.auth_tokens else []
    ways += [f"tokens of {settings.oauth_issuer}"] if settings.oauth_issuer else []
    ways.append("those of `fermata-mcp token list`")
    return f"{', '.join(ways)}; without any token, whoever is on this machine"


def _without_effect(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is set for nothing, and what to do about it."""
    given = {name.upper() for name, value in os.environ.items() if value}
    keyed = [declared for declared in settings.declared if declared.is_set_up(settings.account(declared))]
    for declared in settings.declared:
        set_here = [known.name for known in declared.variables() if known.name in given]
        if declared not in keyed and set_here:
            needed = declared.set_by.name
            lacks = f"{needed} holds only a reference that was not filled in"
            why = lacks if needed in given else f"{needed} is not set"
            yield f"{', '.join(set_here)} has no effect: {why}.", f"set {needed}, or remove the rest."
    default = settings.default_provider
    if default not in (None, "local") and not any(
        _serves(spec, keyed) for spec in built_in_specs() if spec.name == default
    ):
        yield (
            f"FERMATA_DEFAULT_PROVIDER names {default}, which is not set up.",
            "set its key or its address, or remove this.",
        )


def _in_advance(settings: Settings) -> Iterator[Finding]:
    """What is well to have set, and comes into force with the first key, or stands behind another setting."""
    if settings.public_url is not None and settings.asked_callback is not None:
        yield Finding("settings", True, "FERMATA_CALLBACK_URL wins: providers post there, not to FERMATA_PUBLIC_URL")
    given = [name for name in _ONLY_FOR_PAID if os.environ.get(name)]
    if given and not any(settings.account(declared).key for declared in settings.declared):
        yield Finding("settings", True, f"{', '.join(given)}: no effect until a provider has a key")
    yield from _uncapped(settings)


def _uncapped(settings: Settings) -> Iterator[Finding]:
    """Caps in one unit hold back nothing that is paid in the other."""
    keyed = [declared for declared in settings.declared if settings.account(declared).key]
    for unit in UNITS:
        paid = [spec.name for spec in built_in_specs() if spec.account in keyed and spec.unit == unit]
        capped = [one for one in UNITS if settings.limits(one).per_call or settings.limits(one).per_day]
        if paid and capped and unit not in capped:
            names = f"FERMATA_MAX_{unit.upper()}_PER_CALL and FERMATA_MAX_{unit.upper()}_PER_DAY"
            said = f"no cap holds for {', '.join(paid)}: what is paid there has {names}"
            yield Finding("settings", True, said)


def _serves(spec: ProviderSpec, keyed: Collection[AccountSpec]) -> bool:
    return spec.account is None or spec.account in keyed


async def _store(settings: Settings) -> str:
    store = open_store(settings)
    await store.open()
    damage = await store.damage()
    await store.close()
    if damage is not None:
        raise StoreUnavailable(f"{damage} Nothing is paid for.", "fermata-mcp restore tells what can be done.")
    return f"{settings.data_dir} ({size(await anyio.to_thread.run_sync(_taken, settings.data_dir))})"


async def _output(settings: Settings) -> str:
    """Whether finished audio can be saved: in the output folder, or where all replicas find it, by a probe."""
    if settings.audio_is_shared:
        objects = objects_of(settings)
        await try_out(objects)
        return f"{objects.place} can be written, read and cleared"
    output_path(settings.output_dir, "test", "0", ".wav")
    return str(settings.output_dir)


async def _disk(settings: Settings) -> str:
    """How much room there is where audio is saved and worked on."""
    folders = {"for finished audio": settings.saved_dir, "for working files": settings.data_dir}
    free = {words: _free(folder) for words, folder in folders.items()}
    for words, folder in folders.items():
        if free[words] < LEAST_FREE_BYTES:
            raise StoreUnavailable(
                f"{size(free[words])} free {words}, in {folder}: a long track may not fit.",
                "free some space (fermata-mcp purge tells what could go), or set another folder.",
            )
    taken = await anyio.to_thread.run_sync(_taken, settings.output_dir)
    told = ", ".join(f"{size(count)} free {words}" for words, count in free.items())
    return f"{told}; finished audio takes {size(taken)}"


def _taken(folder: Path) -> int:
    """Bytes of the files in a folder, and in those within; of so many as can be looked at in a moment."""
    files = itertools.islice((path for path in folder.rglob("*")), MOST_FILES)
    return sum(path.lstat().st_size for path in files if path.is_file() and not path.is_symlink())


def _free(folder: Path) -> int:
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    return shutil.disk_usage(there).free


async def _keys(settings: Settings) -> list[Finding]:
    """Ask every provider that has a key for its balance, which shows whether it is reached and the key is right."""
    with tempfile.TemporaryDirectory(prefix="fermata-doctor-") as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        async with running_app(own, callers_are_local=True) as app, Client(app.server) as client:
            told: Any = (await client.call_tool("get_credits", {})).structured_content
    return [_key(one) for one in told["providers"] if one["configured"] and _is_far(one)] if told else []


def _is_far(told: dict[str, Any]) -> bool:
    """Whether it is no part of this program: it costs something, or is a server of one's own."""
    spec = next((spec for spec in built_in_specs() if spec.name == told["provider"]), None)
    return told["price"] != "free" or (spec is not None and spec.start is not None)


def _key(told: dict[str, Any]) -> Finding:
    check = f"provider {told['provider']}"
    if told["error"]:
        found, _, do = told["error"].partition(" Next: ")
        return Finding(check, False, found, do)
    if told["price"] == "free":
        return Finding(check, True, told["note"])
    if told["balance"] is None:
        return Finding(check, True, f"has a key; whether it is right shows the first call ({told['note']})")
    left = "" if told["extends_left"] is None else f", enough for {counted(told['extends_left'], 'extension')}"
    return Finding(check, True, f"{in_words(told['balance'], told['unit'])}{left}")


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
        out.print(Text(f"{finding.check}: {spoken(finding.found)}"))
        if finding.do:
            out.print(Text(f"      do: {spoken(finding.do)}"))
    config = host_config()
    out.print(Text("\nFor an MCP host (claude_desktop_config.json and the like):"))
    out.print(Text(json.dumps(config)))
    out.print(Text(f"For Claude Code: claude mcp add fermata -- {config['mcpServers']['fermata']['command']}"))
    out.print(Text(f"For one of {', '.join(host.name for host in HOSTS)}: fermata-mcp doctor --host NAME [--write]"))
