"""What every emulated provider is made of: checked requests, a ledger, tasks that advance, a script of faults.

A provider's emulator subclasses `Emulator`, names its operations in `ops()`, and answers each with a plain function.
Whoever scripts it does so on the object, or from another process:

    GET  /_emulator/ledger      balance, entries, submits, double_charges, violations
    POST /_emulator/script      {"faults": [{"kind": "submit", "times": 2, "status": 503, "body": "…"}],
                                 "set": {"ready_after_polls": 3}, "advance": 60, "reset": true}
"""

from __future__ import annotations

import json
import re
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import anyio
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp

from .audio import Recipe, Studio
from .faults import Fault, Faults, Kind

JsonType = Literal["string", "number", "integer", "boolean", "object", "array"]
_TYPES: dict[JsonType, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,),
    "boolean": (bool,), "object": (dict,), "array": (list,),
}  # fmt: skip
MEDIA = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac"}


@dataclass(frozen=True)
class Field:
    """A documented body field."""

    type: JsonType = "string"
    required: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    longest: int | None = None
    null: bool = False

    def problems(self, value: Any) -> list[str]:
        if value is None:
            return [] if self.null else [f"is not of type {self.type}"]
        if not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "boolean"):
            return [f"is not of type {self.type}"]
        found: list[str] = []
        if self.choices and value not in self.choices:
            found.append(f"is none of {', '.join(self.choices)}")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            found.append(f"is outside {self.low} to {self.high}")
        if self.step is not None and abs(value / self.step - round(value / self.step)) > 1e-6:
            found.append(f"is not a multiple of {self.step}")
        if self.longest is not None and isinstance(value, str) and len(value) > self.longest:
            found.append(f"is longer than {self.longest}")
        return found


Fields = Mapping[str, Field]


def body_problems(body: Any, fields: Fields) -> list[str]:
    """Everything in a body that the documentation does not allow."""
    if not isinstance(body, dict):
        return ["the body is not an object"]
    given = cast(dict[str, Any], body)
    found = [f"{name} is not documented" for name in given if name not in fields]
    found += [f"{name} is missing" for name, known in fields.items() if known.required and name not in given]
    for name in given.keys() & fields.keys():
        found += [f"{name} {problem}" for problem in fields[name].problems(given[name])]
    return sorted(found)


@dataclass(frozen=True)
class Asked:
    """A request that passed the checks. `base` is the emulator's own address."""

    base: str
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Op:
    """One documented operation.

    Attributes:
        body: Its JSON body, or the fields of its form where `form` is set (`file` is then required besides).
        query: Its documented query parameters, all required; None where the answer judges them.
        parts: The file parts of its form.
    """

    kind: Kind
    method: Literal["GET", "POST", "PUT"]
    path: str
    answer: Callable[[Asked], Response]
    body: Fields = field(default_factory=dict[str, Field])
    query: tuple[str, ...] | None = ()
    form: bool = False
    open: bool = False
    parts: tuple[str, ...] = ("file",)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived, whatever became of it. Header names are in small letters."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Job:
    """Paid work. `outcome` is the provider's own word for how it will end; `data` belongs to the emulator.

    `looks_at_end` counts the looks that found it over.
    """

    id: str
    body: dict[str, Any]
    price: float
    outcome: str
    made_at: float
    polls: int = 0
    looks_at_end: int = 0
    data: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class Ledger:
    """Money, and what it was taken for."""

    balance: float = 1000.0
    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    submits: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def charge(self, task: str, amount: float, body: dict[str, Any]) -> None:
        self.submits.append({"task": task, "amount": amount, "body": body})
        self._book("charge", task, -amount)

    def refund(self, task: str, amount: float) -> None:
        self._book("refund", task, amount)

    def _book(self, kind: str, task: str, amount: float) -> None:
        self.balance = round(self.balance + amount, 3)
        self.entries.append({"kind": kind, "task": task, "amount": abs(amount)})

    def double_charges(self) -> list[str]:
        """The bodies that were paid for more than once."""
        prints = Counter(json.dumps(submit["body"], sort_keys=True) for submit in self.submits)
        return [body for body, times in prints.items() if times > 1]

    def view(self) -> dict[str, Any]:
        return asdict(self) | {"double_charges": self.double_charges()}


class Emulator(ABC):
    """One emulated provider.

    Attributes:
        violations: Undocumented fields, wrong types, and bugs of the emulator; tests assert that there are none.
        ready_after_polls: Looks that find the work unfinished, spread over the provider's states.
        ready_after_seconds: Seconds before the work can be finished, on a clock that `advance` pushes.
        outcome: How work submitted from now on ends ("" is well).
        extend_returns: Whether finished audio is the whole track or only the new part, or one after the other.
        source_seconds: Length of a source that the emulator has never seen.
        adds_seconds: Music that one extension adds.
        cut_audio: Finished audio is stored by halves: whole HTTP answers with half a file.
        late_links: Looks that find the work done before its links are there.
        late_refund: Looks that find the work failed before its money is back.
        done_looks: Looks that find the work done before it is told as failed after all; 0 for never.
        price: Credits that work costs from now on; None for the documented price.
        audio_host: Where links to finished audio lead; "" for the emulator itself.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        "ready_after_polls", "ready_after_seconds", "outcome", "extend_returns", "source_seconds", "adds_seconds",
        "audio_format", "cut_audio", "late_links", "late_refund", "done_looks", "price",
    )  # fmt: skip

    failed_outcome: ClassVar[str] = "failed"

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        self.key = key
        self.ledger = Ledger(balance)
        self.faults = Faults()
        self.studio = Studio()
        self.seen: list[Seen] = []
        self.violations: list[str] = []
        self.jobs: dict[str, Job] = {}
        self.sounds: dict[str, Recipe] = {}
        self.ready_after_polls = 0
        self.ready_after_seconds = 0.0
        self.outcome = ""
        self.extend_returns: Literal["whole", "segment", "in turn", "other way round"] = "whole"
        self.source_seconds = 20.0
        self.adds_seconds = 10.0
        self.audio_format = "mp3"
        self.audio_host = ""
        self.cut_audio = False
        self.late_links = 0
        self.late_refund = 0
        self.done_looks = 0
        self.price: float | None = None
        self._pushed = 0.0

    # --- what a provider fills in ----------------------------------------------------------------------------------

    @abstractmethod
    def ops(self) -> list[Op]: ...

    @abstractmethod
    def unauthorized(self) -> Response:
        """The provider's answer to a wrong key."""
        ...

    @abstractmethod
    def invalid(self, problems: list[str]) -> Response:
        """The provider's answer to a body that its documentation does not allow."""
        ...

    def knows(self, seen: Seen) -> bool:
        """Whether the request carries the account's key."""
        return seen.headers.get("authorization") == f"Bearer {self.key}"

    # --- what it can use -------------------------------------------------------------------------------------------

    def new_job(self, body: dict[str, Any], price: float, name: str | None = None) -> Job:
        """Take work on and charge for it."""
        job = Job(name or uuid.uuid4().hex, body, self.cost(price), self.outcome, self.now())
        self.jobs[job.id] = job
        self.ledger.charge(job.id, job.price, body)
        return job

    def cost(self, price: float) -> float:
        """What something with this documented price costs now."""
        return price if self.price is None else self.price

    def returns_whole(self) -> bool:
        """Whether the work that was just taken on will be told as the whole track."""
        turn = len(self.ledger.submits) % 2 == 1
        return {"whole": True, "segment": False, "in turn": turn, "other way round": not turn}[self.extend_returns]

    def stage(self, job: Job, stages: int) -> int:
        """Count a look, and say which of the provider's states (0 to stages - 1) it finds."""
        found = self.peek(job, stages)
        job.polls += 1
        if found == stages - 1:
            job.looks_at_end += 1
            if 0 < self.done_looks < job.looks_at_end:
                job.outcome = self.failed_outcome
        return found

    def peek(self, job: Job, stages: int) -> int:
        """Its state, without a look."""
        by_polls = job.polls / self.ready_after_polls if self.ready_after_polls else 1.0
        by_time = (self.now() - job.made_at) / self.ready_after_seconds if self.ready_after_seconds else 1.0
        return min(stages - 1, int(min(by_polls, by_time) * (stages - 1) + 1e-9))

    def has_links(self, job: Job) -> bool:
        """Whether what is done can be fetched already; clips that are done before the others always can."""
        return job.looks_at_end == 0 or job.looks_at_end > self.late_links

    def give_back(self, job: Job) -> bool:
        """Refund failed work, if its time has come; True once it is refunded."""
        if job.looks_at_end > self.late_refund and "refunded" not in job.data:
            job.data["refunded"] = True
            self.ledger.refund(job.id, job.price)
        return "refunded" in job.data

    def now(self) -> float:
        return time.monotonic() + self._pushed

    def advance(self, seconds: float) -> None:
        """Let this much time pass for every task."""
        self._pushed += seconds

    def host_audio(self, name: str, recipe: Recipe) -> None:
        """Serve a sound at /audio/<name>.mp3 (or .wav, .flac)."""
        self.sounds[name] = recipe

    def audio_url(self, base: str, name: str) -> str:
        return f"{self.audio_host or base}/audio/{name}.{self.audio_format}"

    def submits_seen(self) -> int:
        return sum(seen.kind == "submit" for seen in self.seen)

    # --- scripting -------------------------------------------------------------------------------------------------

    def script(self, kind: Kind, fault: Fault, times: int = 1) -> None:
        """The next requests of that kind meet this fault."""
        self.faults.add(kind, fault, times)

    def apply_script(self, wanted: Mapping[str, Any]) -> None:
        if wanted.get("reset"):
            self.faults.clear()
        for name, value in wanted.get("set", {}).items():
            if name == "balance":
                self.ledger.balance = value
            elif name in self.KNOBS:
                setattr(self, name, value)
            else:
                raise ValueError(f"no such knob: {name}")
        self.advance(wanted.get("advance", 0))
        for said in wanted.get("faults", []):
            given = dict(said)
            kind, times = given.pop("kind"), given.pop("times", 1)
            self.script(kind, Fault(**given), times)

    def saw(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", query: str = "") -> Seen:
        """Note a request that arrived."""
        named = {name.lower(): value for name, value in headers.items()}
        self.seen.append(Seen(self.kind_of(method, path), method, path, named, body, query))
        return self.seen[-1]

    # --- the application -------------------------------------------------------------------------------------------

    @property
    def app(self) -> ASGIApp:
        return self._app

    @cached_property
    def _app(self) -> ASGIApp:
        ours = [
            Route("/_emulator/ledger", self._show_ledger),
            Route("/_emulator/script", self._take_script, methods=["POST"]),
        ]
        return Starlette(routes=[*ours, *(self._route(op) for op in self._all_ops())])

    def kind_of(self, method: str, path: str) -> str:
        found = (op.kind for pattern, op in self._patterns if op.method == method and pattern.match(path))
        return next(found, "")

    def _all_ops(self) -> list[Op]:
        return [*self.ops(), Op("audio", "GET", "/audio/{name}.{extension}", self.play, open=True)]

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Op]]:
        return [(compile_path(op.path)[0], op) for op in self._all_ops()]

    def _route(self, op: Op) -> Route:
        async def endpoint(request: Request) -> Response:
            url = request.url
            seen = self.saw(request.method, url.path, request.headers, await request.body(), url.query)
            front = request.scope.get("extensions", {}).get("front")
            fault = None if front == "faulted" else self.faults.take(op.kind, wire=False)
            if fault is None:
                if front is None and self.faults.take(op.kind, wire=True):  # only a Front can do it: here it is silence
                    await anyio.sleep_forever()
                return await self._answer(op, request, seen)
            if fault.charged:
                await self._answer(op, request, seen)
            return fault.response()

        return Route(op.path, endpoint, methods=[op.method])

    async def _answer(self, op: Op, request: Request, seen: Seen) -> Response:
        if not op.open and not self.knows(seen):
            return self.unauthorized()
        query = dict(request.query_params)
        files, body = await _content(op, request, seen)
        wanted = set(query) if op.query is None else set(op.query)
        problems = [f"query {name} is wrong" for name in sorted(set(query) ^ wanted)]
        if op.method == "POST" and (op.body or seen.body):
            problems += body_problems(body, op.body)
        if op.form and set(files) != set(op.parts):
            problems.append(f"{', '.join(op.parts)} is missing")
        if problems:
            self.violations += [f"{op.method} {op.path}: {problem}" for problem in problems]
            return self.invalid(problems)
        base = str(request.base_url).rstrip("/")
        given = cast(dict[str, Any], body or {})
        return op.answer(Asked(base, given, dict(request.path_params), query, files, seen.headers))

    def play(self, asked: Asked) -> Response:
        name, extension = asked.path["name"], asked.path["extension"]
        if name not in self.sounds or extension not in MEDIA:
            return Response("no such file", 404)
        data = self.studio.render(self.sounds[name], extension)
        return Response(data[: len(data) // 2] if self.cut_audio else data, media_type=MEDIA[extension])

    async def _show_ledger(self, _: Request) -> Response:
        looks = Counter(seen.kind for seen in self.seen)
        return JSONResponse(self.ledger.view() | {"violations": self.violations, "requests": looks})

    async def _take_script(self, request: Request) -> Response:
        self.apply_script(await request.json())
        return JSONResponse({"ok": True})


async def _content(op: Op, request: Request, seen: Seen) -> tuple[dict[str, bytes], Any]:
    """Files and body of a request; the body is None where it is not what the operation takes."""
    if not op.form:
        try:
            return {}, json.loads(seen.body) if seen.body else None
        except ValueError:
            return {}, None
    async with request.form() as form:
        files = {name: await value.read() for name, value in form.items() if isinstance(value, UploadFile)}
        return files, {name: value for name, value in form.items() if isinstance(value, str)}
