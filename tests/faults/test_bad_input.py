"""Whatever a caller sends, a real server answers in words with a code, stays up and leaves nothing behind."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult

from support.journeys import check_refusal
from support.processes import (
    Home,
    Message,
    RawServer,
    needs_proc,
    open_server,
    peak_memory,
    seconds_of,
    text,
    view,
    within,
    write_beat,
    write_music,
)

TEN_MB = 10_000_000
UNKNOWN_TASK = "tsk_00000000000000000000000000000000"
Make = Callable[[Path], Path]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def server(home: Home) -> Generator[RawServer]:
    """One server that survives everything in this file."""
    with open_server(home) as server:
        yield server


@pytest.fixture(scope="module")
def song(home: Home) -> str:
    return str(write_beat(home.root / "song.wav"))


@pytest.fixture(autouse=True)
def nothing_is_left_behind(server: RawServer, home: Home) -> Generator[None]:
    """After every test: the server answers, and there is no half-written file."""
    yield
    assert not server.call("list_tasks").is_error
    assert home.leftovers() == []
    assert "Traceback" not in home.log.read_text()


def refused(server: RawServer, tool: str, arguments: Message, code: str, *words: str) -> CallToolResult:
    """A call that is refused, and makes no task."""
    before = _tasks(server)
    result = server.call(tool, arguments)
    check_refusal(result, code, *words)
    assert all(letter.isprintable() for letter in text(result))
    assert _tasks(server) == before
    return result


def _tasks(server: RawServer) -> list[str]:
    return [task["task_id"] for task in view(server.call("list_tasks", {"limit": 100}))["tasks"]]


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("/no/such/song.wav", "invalid_request"), ("relative-and-missing.mp3", "invalid_request"),
        ("~no_such_user_here/song.wav", "invalid_request"), ("song.wav/inside", "invalid_request"),
        ("", "invalid_request"), ("   ", "invalid_request"), (".", "invalid_request"), ("/", "invalid_request"),
        ("/dev/zero", "invalid_request"), ("x" * 5000 + ".wav", "invalid_request"),
        ("a\x00b.wav", "invalid_request"), ("a\nb\x1b[31m.wav", "invalid_request"),
        ("file://elsewhere/song.wav", "invalid_request"), ("ftp://music.example/song.wav", "invalid_request"),
        ("https://", "invalid_request"), ("javascript:alert(1)", "invalid_request"),
        ("clip:abc", "invalid_request"), ("clip:", "invalid_request"), ("tsk_nothing", "invalid_request"),
        (UNKNOWN_TASK, "unknown_track"), (f"{UNKNOWN_TASK}/1", "unknown_track"),
    ],
)  # fmt: skip
def test_a_source_that_is_none(source: str, code: str, server: RawServer) -> None:
    refused(server, "extend_track", {"source": source, "add_seconds": 4}, code)


def folder(root: Path) -> Path:
    (root / "folder.wav").mkdir()
    return root / "folder.wav"


def pipe_nobody_writes(root: Path) -> Path:
    os.mkfifo(root / "pipe.wav")
    return root / "pipe.wav"


def broken_link(root: Path) -> Path:
    (root / "link.wav").symlink_to(root / "gone.wav")
    return root / "link.wav"


def link_to_itself(root: Path) -> Path:
    (root / "loop.wav").symlink_to(root / "loop.wav")
    return root / "loop.wav"


@pytest.mark.parametrize("make", [folder, pipe_nobody_writes, broken_link, link_to_itself])
def test_a_path_that_is_no_file(make: Make, server: RawServer, tmp_path: Path) -> None:
    with within(5, "looking at the file"):
        refused(server, "extend_track", {"source": str(make(tmp_path)), "add_seconds": 4}, "invalid_request")


def words_named_wav(root: Path) -> Path:
    return _file(root / "words.wav", b"These are words, not music.\n" * 100)


def empty_file(root: Path) -> Path:
    return _file(root / "empty.wav", b"")


def no_frames(root: Path) -> Path:
    return write_beat(root / "silent.wav", 0)


def header_alone(root: Path) -> Path:
    return _file(root / "header.wav", b"RIFF\xff\xff\xff\xffWAVE")


def noise_named_mp3(root: Path) -> Path:
    return _file(root / "noise.mp3", bytes(range(256)) * 40)


def noise_named_flac(root: Path) -> Path:
    return _file(root / "noise.flac", b"fLaC" + bytes(range(256)) * 40)


def noise_named_ogg(root: Path) -> Path:
    return _file(root / "noise.ogg", b"OggS" + bytes(range(256)) * 40)


def rate_of_zero(root: Path) -> Path:
    return _wav(root / "rate.wav", channels=1, rate=0)


def no_channels(root: Path) -> Path:
    return _wav(root / "channels.wav", channels=0, rate=8000)


def a_picture(root: Path) -> Path:
    return _file(root / "cover.mp3", b"\x89PNG\r\n\x1a\n" + bytes(500))


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _wav(path: Path, channels: int, rate: int, claimed: int = 8000) -> Path:
    """A wav file with a header of our own and a second of silence."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    data = struct.pack("<4sI", b"data", claimed) + bytes(8000)
    return _file(path, struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data)


@pytest.mark.parametrize(
    "make",
    [
        words_named_wav, empty_file, no_frames, header_alone, noise_named_mp3, noise_named_flac, noise_named_ogg,
        rate_of_zero, no_channels, a_picture,
    ],
)  # fmt: skip
def test_a_file_that_is_not_audio(make: Make, server: RawServer, tmp_path: Path) -> None:
    source = make(tmp_path)
    result = server.call("extend_track", {"source": str(source), "add_seconds": 4})
    check_failure(result, "not_audio")


def check_failure(result: CallToolResult, *codes: str) -> None:
    """A refusal, or a task that failed, with one of these codes; both in words."""
    said = text(result)
    assert result.is_error, said
    assert said.partition(": ")[0] in codes, said
    assert "Next: " in said


def test_a_tenth_of_a_second_is_too_short(server: RawServer, tmp_path: Path) -> None:
    refused(server, "extend_track", {"source": str(write_beat(tmp_path / "tick.wav", 0.1))}, "invalid_request", "0.5")


def cut_mp3(root: Path) -> Path:
    return _cut(write_music(root / "cut.mp3", 20))


def cut_flac(root: Path) -> Path:
    return _cut(write_music(root / "cut.flac", 20))


def cut_ogg(root: Path) -> Path:
    return _cut(write_music(root / "cut.ogg", 20))


def cut_wav(root: Path) -> Path:
    return _cut(write_beat(root / "cut.wav", 20))


def claims_four_gigabytes(root: Path) -> Path:
    return _wav(root / "bomb.wav", channels=1, rate=8000, claimed=0xFFFFFFF0)


def _cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize("make", [cut_mp3, cut_flac, cut_ogg, cut_wav, claims_four_gigabytes])
def test_a_file_that_ends_early(make: Make, server: RawServer, tmp_path: Path) -> None:
    """What can be decoded is made longer, to the length that was told; or the file is refused as damaged."""
    result = server.call("extend_track", {"source": str(make(tmp_path)), "add_seconds": 30})
    if result.is_error:
        check_failure(result, "not_audio", "too_large", "invalid_request")
        return
    audio = view(result)["audio"]
    assert abs(seconds_of(Path(audio["file"])) - audio["duration_seconds"]) <= 0.05
    assert audio["duration_seconds"] >= 30


def test_a_file_that_may_not_be_read(bound_server: tuple[str, ...], tmp_path: Path) -> None:
    source = write_beat(tmp_path / "private.wav")
    source.chmod(0)
    with open_server(Home(tmp_path), command=bound_server) as server:
        refused(server, "extend_track", {"source": str(source), "add_seconds": 4}, "file_not_allowed", "private.wav")


def test_a_file_in_a_folder_that_may_not_be_entered(bound_server: tuple[str, ...], tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    source = write_beat(closed / "song.wav")
    closed.chmod(0)
    with open_server(Home(tmp_path), command=bound_server) as server:
        refused(server, "extend_track", {"source": str(source), "add_seconds": 4}, "file_not_allowed")
    closed.chmod(0o700)


def test_a_path_outside_the_allowed_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for one in (inside, outside):
        one.mkdir()
        write_beat(one / "song.wav")
    (inside / "link.wav").symlink_to(outside / "song.wav")
    with open_server(Home(tmp_path), FERMATA_INPUT_ROOTS=str(inside)) as server:
        for source in (outside / "song.wav", inside / "link.wav", inside / "../outside/song.wav", outside / "none.wav"):
            refused(server, "extend_track", {"source": str(source), "add_seconds": 4}, "file_not_allowed")
        allowed = server.call("extend_track", {"source": str(inside / "song.wav"), "add_seconds": 4})
        assert view(allowed)["status"] == "succeeded"


# --- numbers and types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("add_seconds", -1), ("add_seconds", 0), ("add_seconds", "ten"), ("add_seconds", [4]),
        ("continue_at", -0.5), ("continue_at", 6.5), ("continue_at", 1e300), ("wait_seconds", -1),
        ("wait_seconds", 1e9), ("take", 0), ("take", 1.5), ("take", 100), ("take", 2**70), ("source", 5),
        ("source", None), ("source", ["song.wav"]), ("title", 7), ("title", {"a": "b"}), ("options", "not json"),
        ("options", [1]), ("dry_run", "perhaps"), ("stitch", "always"),
        ("idempotency_key", "k" * 201), ("max_credits", -1), ("provider", "nobody"), ("provider", 5),
        ("add_secs", 4), ("target_seconds", 30), ("__class__", "x"), ("", 1),
    ],
)  # fmt: skip
def test_an_argument_that_is_wrong(name: str, value: Any, server: RawServer, song: str) -> None:
    refused(server, "extend_track", {"source": song, "add_seconds": 4} | {name: value}, "invalid_request", name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", "jazz"), ("lyrics", "la"), ("style", "jazz"), ("exclude_style", "jazz"), ("model", "v5"),
        ("instrumental", True), ("vocal_gender", "f"), ("style_weight", 0.5), ("weirdness", 0.5),
        ("audio_weight", 0.5), ("persona_id", "p"), ("options", {"wire": 1}),
    ],
)  # fmt: skip
def test_an_argument_that_the_provider_cannot_use(name: str, value: Any, server: RawServer, song: str) -> None:
    refused(server, "extend_track", {"source": song, "add_seconds": 4, name: value}, "unsupported_field", name)


def test_less_than_a_sample_more(server: RawServer, song: str) -> None:
    check_failure(server.call("extend_track", {"source": song, "add_seconds": 1e-9}), "invalid_request")


@pytest.mark.parametrize("add_seconds", [1e6, 1e300])
def test_a_result_that_would_be_too_long(add_seconds: float, server: RawServer, song: str) -> None:
    refused(server, "extend_track", {"source": song, "add_seconds": add_seconds}, "too_large")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("name", ["add_seconds", "continue_at", "wait_seconds"])
def test_a_number_that_is_none(number: str, name: str, server: RawServer, song: str) -> None:
    answer = raw_call(server, f'{{"source": {json.dumps(song)}, "{name}": {number}}}')
    if "error" not in answer:
        check_refusal(CallToolResult.model_validate(answer["result"]), "invalid_request", name)


def raw_call(server: RawServer, arguments: str) -> Message:
    """The answer to an `extend_track` whose arguments are JSON of our own spelling."""
    request = server.next_id()
    params = f'{{"name": "extend_track", "arguments": {arguments}}}'
    server.send_bytes(f'{{"jsonrpc": "2.0", "id": {request}, "method": "tools/call", "params": {params}}}'.encode())
    return server.answer(request)


@pytest.mark.parametrize("arguments", ["null", "[]", '"text"', "5"])
def test_arguments_that_are_no_object(arguments: str, server: RawServer) -> None:
    answer = raw_call(server, arguments)
    assert "error" in answer or answer["result"]["isError"]


def test_half_a_letter(server: RawServer, song: str) -> None:
    """A lone surrogate is legal JSON and no legal text."""
    request = server.next_id()
    arguments = f'{{"source": {json.dumps(song)}, "add_seconds": 4, "title": "half \\ud800 letter"}}'
    params = f'{{"name": "extend_track", "arguments": {arguments}}}'
    server.send_bytes(f'{{"jsonrpc": "2.0", "id": {request}, "method": "tools/call", "params": {params}}}'.encode())
    with within(5, "going on after half a letter"):
        assert not server.call("list_tasks").is_error


def test_nesting_without_end(server: RawServer, song: str) -> None:
    nested = '{"a":' * 20_000 + "1" + "}" * 20_000
    server.next_id()
    server.send_bytes(
        b'{"jsonrpc": "2.0", "id": "deep", "method": "tools/call", "params": {"name": "extend_track", "arguments": '
        + f'{{"source": {json.dumps(song)}, "options": {nested}}}}}}}'.encode()
    )
    with within(5, "going on after deep nesting"):
        assert not server.call("list_tasks").is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("get_task", {}, "invalid_request"), ("get_task", {"task_id": ""}, "not_found"),
        ("get_task", {"task_id": UNKNOWN_TASK}, "not_found"), ("get_task", {"task_id": "x\x00y"}, "not_found"),
        ("get_task", {"task_id": "x" * 100_000}, "not_found"),
        ("get_task", {"task_id": UNKNOWN_TASK, "wait_seconds": -1}, "invalid_request"),
        ("get_task", {"id": UNKNOWN_TASK}, "invalid_request"), ("list_tasks", {"limit": 0}, "invalid_request"),
        ("list_tasks", {"limit": 101}, "invalid_request"), ("list_tasks", {"limit": "many"}, "invalid_request"),
        ("list_tasks", {"cursor": "x"}, "invalid_request"),
        ("list_tasks", {"cursor": "9" * 40 + ".x"}, "invalid_request"),
        ("list_tasks", {"status": "done"}, "invalid_request"),
        ("get_credits", {"provider": "nobody"}, "invalid_request"),
        ("cancel_task", {"task_id": UNKNOWN_TASK}, "not_found"),
        ("resolve_task", {"task_id": UNKNOWN_TASK, "action": "check"}, "not_found"),
        ("resolve_task", {"task_id": UNKNOWN_TASK, "action": "retry"}, "invalid_request"),
        ("play_track", {"task_id": UNKNOWN_TASK}, "not_found"),
        ("play_track", {"task_id": UNKNOWN_TASK, "index": -1}, "invalid_request"),
        ("chain_extend", {"source": "song.wav"}, "invalid_request"),
        ("chain_extend", {"source": "song.wav", "target_seconds": 20, "prompts": [1]}, "invalid_request"),
        ("chain_extend", {"source": "song.wav", "target_seconds": 20, "max_steps": 0}, "invalid_request"),
        ("chain_extend", {"source": "song.wav", "target_seconds": 20, "add_seconds": 4}, "invalid_request"),
    ],
)  # fmt: skip
def test_other_calls_that_are_wrong(tool: str, arguments: Message, code: str, server: RawServer) -> None:
    refused(server, tool, arguments, code)


def test_every_wrong_argument_is_named_at_once(server: RawServer, song: str) -> None:
    wrong = {"source": song, "add_seconds": -1, "take": 0, "colour": "red"}
    refused(server, "extend_track", wrong, "invalid_request", "add_seconds", "take", "colour")


@pytest.mark.parametrize(
    "uri",
    ["fermata://tasks/tsk_nothing", f"fermata://tasks/{UNKNOWN_TASK}/audio/0", "fermata://x", "file:///etc/passwd"],
)
def test_a_resource_that_is_none(uri: str, server: RawServer) -> None:
    assert "error" in server.ask("resources/read", {"uri": uri})


# --- size -------------------------------------------------------------------------------------------------------------


@needs_proc
@pytest.mark.parametrize("name", ["source", "prompt", "title", "idempotency_key", "unheard_of"])
def test_ten_megabytes_are_refused_at_once(name: str, server: RawServer, song: str) -> None:
    with within(1, "refusing 10 MB"):
        result = server.call("extend_track", {"source": song} | {name: "x" * TEN_MB})
    check_refusal(result, "too_large", "262144")
    assert len(text(result)) < 1000
    assert peak_memory(server.process.pid) < 400_000_000


# --- words that become names ------------------------------------------------------------------------------------------


def ascii_name(title: str) -> str:
    return ascii(title)[:20]


@pytest.mark.parametrize(
    "title",
    [
        "bell\x07 and \x1b[31mred\x1b[0m", "two\nlines\r\nand\ttab", "null\x00byte", "turned \u202egnp.exe",
        "../../etc/passwd", "/etc/passwd", "..", ".hidden", "\x00\x01\x02", " ", "CON", "x" * 1000, "ü" * 200,
        "🎵" * 90, 'a<b>c:d"e|f?g*h',
    ],
    ids=ascii_name,
)  # fmt: skip
def test_a_title_becomes_a_harmless_name(title: str, server: RawServer, home: Home, song: str) -> None:
    result = server.call("extend_track", {"source": song, "add_seconds": 4, "title": title})
    made = Path(view(result)["audio"]["file"])
    assert view(result)["status"] == "succeeded"
    assert made.parent == home.music
    assert made.is_file()
    assert made.name.isprintable()
    assert not made.name.startswith(".")
    assert not set(made.name) & set('<>:"/\\|?*')
    assert all(letter.isprintable() for line in text(result).splitlines() for letter in line)
    assert [line.split(":")[0] for line in text(result).splitlines()[:2]] == ["Done", "Joins"], "it adds no line"
