"""Every secret reaches the one it is for, and nobody else: no other provider, no trace, no log, no file, no answer."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from emulators.audio import origin
from emulators.base import Emulator, Seen
from emulators.collector import Collector, collecting
from emulators.faults import Fault
from emulators.issuer import CLIENT, Issuer, issuing
from emulators.musicapi import MusicApi
from emulators.paid import every_free, every_paid
from emulators.serve import serving
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.providers.registry import built_in_specs
from support.processes import (
    PATIENCE,
    Home,
    Served,
    fermata,
    http_server,
    open_server,
    text,
    view,
    wait_until,
    write_beat,
)
from support.team import bearer

pytestmark = pytest.mark.anyio
HOST = "a host of tracks"
PUBLIC = "https://music.example.org"
SPECS = [one for one in built_in_specs() if one.account]
CALLS = {one.name: one.call for one in every_paid()}
BESIDES = {one.name: one.besides for one in every_paid()}
SOURCE_SECONDS = 8.0
WISHES = {"add_seconds": SOURCE_SECONDS, "style": "warm piano"}


def family(spec: ProviderSpec) -> str:
    return spec.name.partition("-")[0]


def planted(name: str) -> str:
    return f"canary-{name}-{secrets.token_hex(12)}"


# --- where a secret is found ------------------------------------------------------------------------------------------


def written(secret: str) -> list[bytes]:
    """A secret in plain words, and within something in base64, wherever it begins there."""
    forms = [secret.encode()]
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret.encode())
        forms.append(coded[4 : 4 * (len(coded) // 4) - 4])  # without what its neighbours have a part in
    return forms


def holders(secret: str, places: Mapping[str, bytes]) -> set[str]:
    """The places that hold it."""
    return {name for name, data in places.items() if any(form in data for form in written(secret))}


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_secret_is_found_in_whatever_form(before: str) -> None:
    secret = planted("one")
    inside = f"{before}{secret}".encode()
    places = {"plain": inside, "coded": base64.b64encode(inside + b":x"), "other": planted("one").encode()}
    assert holders(secret, places) == {"plain", "coded"}


# --- a server with everything that is secret --------------------------------------------------------------------------


@dataclass
class World:
    """Everybody whom a server can tell something, and every secret that it was given, with those who may hear it."""

    home: Home
    emulators: Mapping[str, Emulator]
    issuer: Issuer
    collector: Collector
    link: str
    settings: dict[str, str] = field(default_factory=dict[str, str])
    secret: dict[str, str] = field(default_factory=dict[str, str])
    may_hear: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    answers: list[str] = field(default_factory=list[str])

    def plant(self, name: str, *hear: str, value: str | None = None) -> str:
        self.secret[name] = value or planted(name)
        self.may_hear[name] = set(hear)
        return self.secret[name]

    def places(self) -> dict[str, bytes]:
        kept = [path.read_bytes() for path in self.home.root.rglob("*") if path.is_file()]
        told = dict[str, bytes]()
        for name, seen in ((name, seen) for name, one in self.emulators.items() for seen in one.seen):
            # What a provider names besides its own address is not it.
            place = name if seen.headers["host"].startswith("127.0.0.1:") else f"a host named by {name}"
            told[place] = told.get(place, b"") + _whole(seen)
        books = json.dumps([one.ledger.view() for one in self.emulators.values()]).encode()
        return told | {
            "a provider's books": books, "traces": self.collector.everything(), "issuer": repr(self.issuer).encode(),
            "files and logs": b"\n".join(kept), "answers": "\n".join(self.answers).encode(),
        }  # fmt: skip


def _whole(seen: Seen) -> bytes:
    head = f"{seen.method} {seen.path}?{seen.query}\n" + "\n".join(f"{n}: {v}" for n, v in seen.headers.items())
    return head.encode() + b"\n" + seen.body + b"\n"


@contextmanager
def world(folder: Path) -> Generator[World]:
    """Every provider that is built in, behind an emulator, with a key of its own."""
    made = {one.family: one.emulator for one in every_paid()} | every_free()
    with ExitStack() as stack:
        emulators = {name: made[name]("") for name in dict.fromkeys(map(family, SPECS))} | {HOST: MusicApi("")}
        urls = {name: stack.enter_context(serving(one)) for name, one in emulators.items()}
        issuer, collector = stack.enter_context(issuing()), stack.enter_context(collecting())
        emulators[HOST].host_audio("track", origin("track", SOURCE_SECONDS))
        at = World(Home(folder), emulators, issuer, collector, emulators[HOST].audio_url(urls[HOST], "track"))
        for spec in SPECS:
            lead_to(at, spec, urls[family(spec)])
        hosts = [f"{name}:{urlsplit(url).port}" for url in urls.values() for name in ("localhost", "127.0.0.1")]
        at.settings |= {
            "FERMATA_TIME_SCALE": "0.005", "FERMATA_LOG_LEVEL": "debug", "FERMATA_INPUT_ROOTS": str(folder),
            "FERMATA_TRUSTED_HOSTS": ",".join(hosts), "FERMATA_PUBLIC_URL": PUBLIC,
            "FERMATA_AUTH_TOKENS": f"anna:{at.plant('token-of-anna')}",
            "FERMATA_OAUTH_ISSUER": issuer.address, "FERMATA_OAUTH_CLIENT_ID": CLIENT,
            "FERMATA_OAUTH_CLIENT_SECRET": at.plant("secret-of-this-server"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={at.plant('key-of-the-collector', 'traces')}",
        }  # fmt: skip
        yield at


def lead_to(at: World, spec: ProviderSpec, url: str) -> None:
    assert spec.account is not None
    name, emulator = family(spec), at.emulators[family(spec)]
    emulator.ready_after_polls = 1
    for one in spec.account.more:
        if one.secret and one.name not in at.settings:
            at.settings[one.name] = at.plant(one.name)
    at.settings |= {one.name: url for one in spec.account.addresses()}
    if spec.account.key and not emulator.key:
        emulator.key = at.plant(name, name)
        at.settings[spec.account.key.name] = emulator.key


@asynccontextmanager
async def client_of(served: Served, token: str) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(headers=bearer(token), timeout=PATIENCE) as http,
        Client(streamable_http_client(f"{served.base}/mcp", http_client=http)) as client,
    ):
        yield client


def sources(at: World, spec: ProviderSpec) -> list[str]:
    """A track of each form that a provider takes; none where it only takes its own clips."""
    song = write_beat(at.home.root / "song.wav", SOURCE_SECONDS, 44100, 2)
    known = {"file": str(song), "url": at.link}
    return [place for kind, place in known.items() if kind in spec.sources]


async def use(at: World, client: Client, spec: ProviderSpec, number: int) -> None:
    """Refused first by somebody who repeats the key, then carried out, for each caller from another kind of source."""
    known = sources(at, spec)
    if not known:
        return
    emulator, besides = at.emulators[family(spec)], BESIDES.get(spec.name, WISHES)
    asked = {"provider": spec.name, "source": known[number % len(known)], **besides}
    if number == 0:
        echo = dict.fromkeys(("msg", "error", "detail"), f"no: {emulator.key}")
        emulator.script("submit", Fault.answer(400, echo))
        refused = await client.call_tool("extend_track", asked | {"take": 2})
        assert refused.is_error, spec.name
        at.answers.append(refused.model_dump_json())
    result = await client.call_tool("extend_track", asked)
    assert view(result)["status"] == "succeeded", (spec.name, text(result))
    at.answers.append(result.model_dump_json())


def use_by_hand(at: World) -> None:
    """Clips that nobody here has made are for whoever started the program."""
    with open_server(at.home, **at.settings) as server:
        for spec in SPECS:
            if not sources(at, spec):
                wishes = {"source": "clip:seed-clip", "continue_at": SOURCE_SECONDS, **WISHES}
                asked = {"provider": spec.name, "wait_seconds": PATIENCE, **CALLS.get(spec.name, wishes)}
                result = server.call("extend_track", asked)
                assert view(result)["status"] == "succeeded", (spec.name, text(result))
        at.answers += [line.decode() for line in server.lines]


async def test_every_secret_is_told_to_whom_it_is_for_alone(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        added = fermata(at.home, "token", "add", "carl", "--scopes", "read,extend,spend", **at.settings)
        assert added.returncode == 0, added.stderr
        tokens = [
            at.secret["token-of-anna"],
            at.plant("token-of-the-store", value=added.stdout.split()[-1]),
            at.plant("token-of-the-issuer", value=at.issuer.signed("first", f"{PUBLIC}/mcp", sub="olga")),
        ]
        with http_server(at.home, **at.settings) as served, anyio.fail_after(4 * PATIENCE):
            for number, token in enumerate(tokens):
                async with client_of(served, token) as client:
                    for spec in SPECS:
                        await use(at, client, spec, number)
                    at.answers.append((await client.call_tool("get_credits", {})).model_dump_json())
                    at.answers.append((await client.read_resource("fermata://tasks")).model_dump_json())
            use_by_hand(at)
            told = [f"submit {spec.name}".encode() for spec in SPECS]
            wait_until(lambda: all(one in at.collector.everything() for one in told), "a span of each provider")
        places = at.places()
        heard = {name: holders(value, places) for name, value in at.secret.items()}
        assert heard == at.may_hear
        assert "a host named by fal" in places
        assert [one.violations for one in (*at.emulators.values(), at.collector)] == [[]] * (len(at.emulators) + 1)
