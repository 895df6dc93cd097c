"""Every paid provider, from a real client through a real server process to an emulator of the provider."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.types import CallToolResult, ElicitResult, TextResourceContents

from emulators.base import Emulator
from emulators.faults import Fault
from emulators.paid import Paid, named
from support.engines import eventually
from support.paid import ALL, Market, connected, done, extend, market
from support.processes import ERAS, Message, fermata, open_server, seconds_of, text, view, wait_until, write_beat

APIIN = named("apiin")
KIE = named("kie")
PRODUCER = named("musicapi-producer")
SONIC = named("musicapi-sonic")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
NEAR = 0.15  # seconds that mp3 files differ from what they hold


def check_clips(task: Message, *seconds: float) -> None:
    """Every clip was saved, as long as is told."""
    assert [clip["clip"] for clip in task["clips"]] == [f"{task['task_id']}/{n}" for n in range(len(seconds))]
    for clip, expected in zip(task["clips"], seconds, strict=True):
        assert clip["duration_seconds"] == pytest.approx(expected, abs=NEAR)
        assert seconds_of(Path(clip["file"])) == pytest.approx(expected, abs=NEAR)
    assert len({clip["file"] for clip in task["clips"]}) == len(seconds)


def check_audio(task: Message, folder: Path, seconds: float) -> None:
    """The deliverable is among the user's music, as long as is told."""
    file = Path(task["audio"]["file"])
    assert file.parent == folder
    assert task["audio"]["duration_seconds"] == pytest.approx(seconds, abs=NEAR)
    assert seconds_of(file) == pytest.approx(seconds, abs=NEAR)


def last_body(emulator: Emulator) -> Message:
    return emulator.ledger.submits[-1]["body"]


def error_of(result: CallToolResult) -> str:
    """The code of a refusal."""
    assert result.is_error, text(result)
    return text(result).partition(":")[0]


# --- what all can do --------------------------------------------------------------------------------------------------


@EACH
async def test_a_clip_is_extended_and_its_result_again(paid: Paid, tmp_path: Path) -> None:
    with market(tmp_path, paid) as place:
        async with connected(place) as client:
            first = view(await extend(client, paid))
            assert first["status"] == "succeeded", first
            assert extensions(place.of(paid))[-1] == paid.seed
            check_clips(first, *paid.seconds)
            check_audio(first, place.home.music, paid.seconds[0])
            assert first["credits"]["quoted"] == paid.money[1] + paid.joining

            again = await done(client, "extend_track", source=first["task_id"], provider=paid.name, **paid.besides)
            body = json.dumps(extensions(place.of(paid))[-1])
            assert (str(first["clips"][0]["provider_clip_id"]).partition("/")[0] in body) == paid.extends_joined
            assert again["source"]["duration_seconds"] == pytest.approx(paid.seconds[0], abs=NEAR)
            assert again["audio"]["duration_seconds"] > paid.seconds[0] + 5
            check_audio(again, place.home.music, again["audio"]["duration_seconds"])
            await check_history(client, again, first)
            await check_credits(client, place, paid, 2)
        assert place.charged() == 2 * paid.money[0] + paid.joining
        place.check()


async def check_history(client: Client, *newest_first: Message) -> None:
    ids = [task["task_id"] for task in newest_first]
    listed = (await done(client, "list_tasks"))["tasks"]
    assert [task["task_id"] for task in listed] == ids
    assert [task["file"] for task in listed] == [task["audio"]["file"] for task in newest_first]
    [told] = (await client.read_resource("fermata://tasks")).contents
    assert isinstance(told, TextResourceContents)
    assert [task["task_id"] for task in json.loads(told.text)["tasks"]] == ids


def extensions(emulator: Emulator) -> list[Any]:
    """The bodies of all submits but those that only join."""
    bodies = [seen.json() for seen in emulator.seen if seen.kind == "submit"]
    return [body for body in bodies if not str(body.get("task_type", body.get("action"))).startswith("concat")]


async def check_credits(client: Client, place: Market, paid: Paid, times: int) -> None:
    credits = await done(client, "get_credits", provider=paid.name)
    [told] = credits["providers"]
    assert credits["spent_today"] == times * paid.money[1] + paid.joining
    if paid.balance:
        balance = place.of(paid).ledger.balance
        assert (told["balance"], told["error"]) == (balance, None)
        assert told["extends_left"] == int(balance // paid.money[1])
    else:
        assert (told["balance"], told["extends_left"]) == (None, None)
        assert "no call" in told["note"]


@EACH
async def test_a_chain_reaches_its_target(paid: Paid, tmp_path: Path) -> None:
    """Whether the provider returns the whole track or only what is new."""
    with market(tmp_path, paid) as place:
        emulator = place.of(paid)
        emulator.extend_returns = "whole"
        async with connected(place) as client:
            known = view(await extend(client, paid, stitch="never"))["task_id"]
            asked: Message = {"source": known, "provider": paid.name, "target_seconds": 45, "max_steps": 3}
            asked |= paid.besides
            if paid is PRODUCER:
                asked |= {"target_seconds": 90}
            whole = await done(client, "chain_extend", **asked)
            check_chain(place, whole, asked["target_seconds"])
            emulator.extend_returns = "segment"
            target = whole["audio"]["duration_seconds"] + 15
            asked |= {"source": whole["task_id"], "target_seconds": target}
            parts = await done(client, "chain_extend", **asked)
            check_chain(place, parts, target)
            assert parts["audio"]["whole_track"] is True
        steps = 1 + len(whole["steps"]) + len(parts["steps"])
        assert len(emulator.ledger.submits) == steps
        assert parts["credits"]["charged"] in (None, len(parts["steps"]) * paid.money[1])
        place.check()


def check_chain(place: Market, task: Message, target: float) -> None:
    assert task["status"] == "succeeded", task
    assert 1 <= len(task["steps"]) <= 3
    assert {step["status"] for step in task["steps"]} == {"succeeded"}
    assert task["audio"]["duration_seconds"] >= target - 1
    check_audio(task, place.home.music, task["audio"]["duration_seconds"])


@EACH
async def test_nothing_is_sent_where_nothing_should_be(paid: Paid, tmp_path: Path) -> None:
    with market(tmp_path, paid) as place:
        async with connected(place) as client:
            dry = view(await extend(client, paid, dry_run=True))
            assert (dry["task_id"], dry["credits"]["quoted"]) == (None, paid.money[1] + paid.joining)
            value = {"add_seconds": 5, "vocal_gender": "f"}.get(paid.unsupported, "x")
            refused = await extend(client, paid, **{paid.unsupported: value})
            assert error_of(refused) == "unsupported_field"
            assert paid.unsupported in text(refused)
            assert error_of(await extend(client, paid, max_credits=1)) == "over_budget"
            assert (await done(client, "list_tasks"))["tasks"] == []
        assert place.of(paid).submits_seen() == 0
        place.check()


async def test_without_a_key_the_variable_is_named(tmp_path: Path) -> None:
    with market(tmp_path) as place:
        async with connected(place) as client:
            for paid in ALL:
                refused = await extend(client, paid)
                assert error_of(refused) == "missing_key"
                assert f"{paid.family.upper()}_API_KEY" in text(refused)
            assert (await done(client, "list_tasks"))["tasks"] == []


# --- files, and from one provider to another --------------------------------------------------------------------------


@pytest.mark.parametrize("paid", [SUNOAPI, KIE], ids=lambda one: one.name)
@pytest.mark.parametrize("returns", ["whole", "segment"])
async def test_a_file_is_uploaded_and_extended(paid: Paid, returns: Any, tmp_path: Path) -> None:
    source = write_beat(tmp_path / "song.wav", 20)
    with market(tmp_path / "home", paid) as place:
        emulator = place.of(paid)
        emulator.extend_returns = returns
        async with connected(place) as client:
            task = await done(client, "extend_track", source=str(source), provider=paid.name)
            lead = 2 if paid is KIE else 0  # told where to go on, which must lie before the end
            check_clips(task, 30 - lead, 31 - lead)
            check_audio(task, place.home.music, 30 - lead)
            assert {clip["whole_track"] for clip in task["clips"]} == {True}
        [upload] = [seen for seen in emulator.seen if seen.kind == "upload"]
        assert source.read_bytes() in upload.body
        asked = last_body(emulator)
        assert asked.get("input", {}).get("upload_url", asked.get("uploadUrl")).startswith("http://127.0.0.1:")
        place.check()


async def test_a_result_goes_on_at_another_provider(tmp_path: Path) -> None:
    with market(tmp_path, SONIC, KIE) as place:
        async with connected(place) as client:
            first = view(await extend(client, SONIC))
            second = await done(client, "extend_track", source=f"{first['task_id']}/1", provider="kie")
            check_audio(second, place.home.music, 38)  # kie is told to go on two seconds before the end
            refused = await client.call_tool("extend_track", {"source": second["task_id"], "provider": PRODUCER.name})
            assert error_of(refused) == "invalid_request"
        [upload] = [seen for seen in place.of(KIE).seen if seen.kind == "upload"]
        saved = anyio.Path(first["clips"][1]["file"])
        assert await saved.read_bytes() in upload.body
        place.check()


# --- money that may be spent ------------------------------------------------------------------------------------------


@EACH
async def test_a_lost_answer_is_for_a_person_to_settle(paid: Paid, tmp_path: Path) -> None:
    with market(tmp_path, paid) as place:
        emulator = place.of(paid)
        async with connected(place) as client:
            emulator.script("submit", Fault.wire("reset"))
            lost = await extend(client, paid)
            task = view(lost)
            assert (lost.is_error, task["status"], task["error"]["code"]) == (True, "unknown", "outcome_unknown")
            again = await extend(client, paid)
            assert (again.is_error, view(again)["task_id"], emulator.submits_seen()) == (True, task["task_id"], 1)
            checked = await resolved(client, task, "check")
            assert (checked["status"], emulator.submits_seen()) == ("unknown", 1)

            await resolved(client, task, "resubmit")
            task = await done(client, "get_task", task_id=task["task_id"], wait_seconds=180)
            assert task["status"] == "succeeded"
            check_clips(task, *paid.seconds)
            refused = await client.call_tool("resolve_task", {"task_id": task["task_id"], "action": "resubmit"})
            assert error_of(refused) == "invalid_request"
            place.check(twice=1)  # as the person was told

            emulator.script("submit", Fault.wire("reset"))
            other = view(await extend(client, paid, take=2))
            given_up = await resolved(client, other, "give_up")
            assert (given_up["status"], given_up["error"]["code"]) == ("failed", "outcome_unknown")
            spent = (await done(client, "get_credits"))["spent_today"]
            assert spent == 3 * paid.money[1] + paid.joining  # what may have been spent stays counted
        assert emulator.violations == []


async def resolved(client: Client, task: Message, action: str) -> Message:
    return view(await client.call_tool("resolve_task", {"task_id": task["task_id"], "action": action}))


@EACH
async def test_cancelled_work_may_be_charged_and_is_still_saved(paid: Paid, tmp_path: Path) -> None:
    with market(tmp_path, paid) as place:
        emulator = place.of(paid)
        emulator.ready_after_polls, emulator.ready_after_seconds = 0, 1000
        async with connected(place) as client:
            task_id = view(await extend(client, paid, wait_seconds=0))["task_id"]

            async def is_taken_on() -> bool:
                message = (await done(client, "get_task", task_id=task_id))["progress"]["message"]
                return message not in ("waiting to start", "fetching the source", "starting")

            async def has_clips() -> bool:
                return bool((await done(client, "get_task", task_id=task_id))["clips"])

            await eventually(is_taken_on)
            cancelled = await done(client, "cancel_task", task_id=task_id)
            assert cancelled["status"] == "cancelled"
            assert any("may be charged" in warning for warning in cancelled["warnings"])
            emulator.advance(2000)
            await eventually(has_clips)
            late = await done(client, "get_task", task_id=task_id)
            assert late["status"] == "cancelled"
            check_clips(late, *(paid.parts or paid.seconds))
        assert len(emulator.ledger.submits) == 1
        place.check()


# --- asking before, and caps ------------------------------------------------------------------------------------------


class Person:
    """Whoever sits in front of a client: what they say, and what they were asked."""

    def __init__(self, answer: ElicitResult) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self._answer


ASKING = {"FERMATA_CONFIRM_ABOVE_CREDITS": "10"}
YES = ElicitResult(action="accept", content={"go_ahead": True})
NO = (ElicitResult(action="decline"), ElicitResult(action="accept", content={"go_ahead": False}))


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_confirms_or_declines(era: str, tmp_path: Path) -> None:
    with market(tmp_path, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        for answer in NO:
            person = Person(answer)
            async with connected(place, era, {"elicitation_callback": person}, **ASKING) as client:
                assert error_of(await extend(client, SUNOAPI)) == "over_budget"
            assert (len(person.asked), emulator.submits_seen()) == (1, 0)
        person = Person(YES)
        async with connected(place, era, {"elicitation_callback": person}, **ASKING) as client:
            assert view(await extend(client, SUNOAPI))["status"] == "succeeded"
            assert [words.count("12 credits") for words in person.asked] == [1]
            assert view(await extend(client, SUNOAPI, take=2, max_credits=12))["status"] == "succeeded"
            assert len(person.asked) == 1
        assert emulator.submits_seen() == 2
        place.check(twice=1)  # another take was asked for


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_cannot_ask_is_told_the_way_out(era: str, tmp_path: Path) -> None:
    with market(tmp_path, APIIN) as place:
        async with connected(place, era, None, **ASKING) as client:
            refused = await extend(client, APIIN)
            assert error_of(refused) == "over_budget"
            assert "max_credits 12" in text(refused)
            assert view(await extend(client, APIIN, max_credits=12))["status"] == "succeeded"
        assert place.of(APIIN).submits_seen() == 1


async def test_caps_of_a_call_and_of_a_day(tmp_path: Path) -> None:
    with market(tmp_path, KIE) as place:
        emulator = place.of(KIE)
        async with connected(place, FERMATA_MAX_CREDITS_PER_CALL="11") as client:
            refused = await extend(client, KIE)
            assert error_of(refused) == "over_budget"
            assert "FERMATA_MAX_CREDITS_PER_CALL" in text(refused)
        async with connected(place, FERMATA_MAX_CREDITS_PER_CALL="25", FERMATA_MAX_CREDITS_PER_DAY="37") as client:
            song = write_beat(tmp_path / "song.wav", 20)
            chain = {"source": str(song), "provider": "kie", "target_seconds": 300}
            capped = await done(client, "chain_extend", **chain)
            assert (capped["status"], len(capped["steps"]), emulator.submits_seen()) == ("partial", 2, 2)
            assert any("cap" in warning for warning in capped["warnings"])
            check_audio(capped, place.home.music, 38)
            own = await done(client, "chain_extend", **chain, max_credits=12, take=2)
            assert (own["status"], emulator.submits_seen()) == ("partial", 3)
            spent = await extend(client, KIE, take=3)
            assert (spent.is_error, view(spent)["error"]["code"]) == (True, "over_budget")
            told = await done(client, "get_credits", provider="kie")
            assert (told["spent_today"], told["cap_today"], emulator.submits_seen()) == (36, 37, 3)
        place.check()


# --- keys stay secret -------------------------------------------------------------------------------------------------


def test_keys_appear_nowhere(tmp_path: Path) -> None:
    """Not even where a provider repeats the header that carried it."""
    keys = {paid.family: f"canary{n}-4f9c1e7a2b" for n, paid in enumerate(ALL)}
    with market(tmp_path, *ALL, keys=keys) as place:
        said: list[str] = []
        with open_server(place.home, **place.settings) as server:
            for paid in ALL:
                emulator, key = place.of(paid), keys[paid.family]
                echo = {"msg": f"Authorization: Bearer {key}", "error": f"no: Bearer {key}"}
                arguments = {"provider": paid.name, **paid.call}
                emulator.script("balance", Fault.answer(400, echo))
                emulator.script("submit", Fault.answer(400, echo))
                assert server.call("extend_track", arguments).is_error
                emulator.script("submit", Fault.answer(500, echo, charged=False))
                assert view(server.call("extend_track", arguments | {"take": 2}))["status"] == "unknown"
                emulator.script("poll", Fault.answer(400, echo))
                emulator.script("audio", Fault.answer(404, f"<html>{key}"))
                assert view(server.call("extend_track", arguments | {"take": 3}))["status"] == "succeeded"
            server.call("get_credits")
            listed = view(server.call("list_tasks"))["tasks"]
            uris = ["fermata://tasks", "fermata://providers", *(f"fermata://tasks/{one['task_id']}" for one in listed)]
            said += [json.dumps(server.ask("resources/read", {"uri": uri})) for uri in uris]
            said += [line.decode() for line in server.lines]
        for command in (["credits"], ["tasks"], ["providers"], ["doctor"], ["doctor", "--json"]):
            ended = fermata(place.home, *command, **place.settings)
            said += [ended.stdout, ended.stderr]
        said.append(place.home.log.read_text())
        kept = {file.name: file.read_bytes() for file in place.home.data.rglob("*") if file.is_file()}
        assert "fermata.db" in kept
        assert any("[key]" in words for words in said)
        for family, key in keys.items():
            assert any(key in seen.headers.get("authorization", "") for seen in place.emulators[family].seen)
            assert not any(key in words for words in said)
            assert [name for name, data in kept.items() if key.encode() in data] == []


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line(tmp_path: Path) -> None:
    with market(tmp_path, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        command = ("extend", "clip:seed-clip", "--provider", "sunoapi", "--yes")

        fine = fermata(place.home, *command, "--json", **place.settings)
        assert fine.returncode == 0, fine.stderr
        check_audio(json.loads(fine.stdout), place.home.music, 30)
        assert "%" in fine.stderr

        emulator.outcome = "GENERATE_AUDIO_FAILED"
        failed = fermata(place.home, *command, "--style", "jazz", "--prompt", "go on", **place.settings)
        assert (failed.returncode, "Traceback" in failed.stderr) == (2, False)  # what custom mode needs is missing
        assert "title" in failed.stderr
        failed = fermata(place.home, "extend", "clip:other-clip", "--provider", "sunoapi", "--yes", **place.settings)
        assert failed.returncode == 1, failed.stderr
        assert "generation_failed" in failed.stdout + failed.stderr

        emulator.outcome = ""
        emulator.script("submit", Fault.wire("reset"))
        unclear = fermata(place.home, "extend", "clip:third-clip", "--provider", "sunoapi", "--yes", **place.settings)
        assert unclear.returncode == 3, unclear.stderr
        assert "outcome_unknown" in unclear.stdout + unclear.stderr
        task = re.search(r"tsk_\w+", unclear.stdout + unclear.stderr)
        assert task is not None
        sent = emulator.submits_seen()
        for action, code in (("check", 3), ("give_up", 0), ("give_up", 2)):
            said = fermata(place.home, "resolve", task[0], action, **place.settings)
            assert said.returncode == code, said.stderr
        assert emulator.submits_seen() == sent
        place.check()


def test_the_command_line_sends_again_on_a_word_only(tmp_path: Path) -> None:
    with market(tmp_path, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        emulator.script("submit", Fault.wire("reset", charged=False))
        unclear = fermata(place.home, "extend", "clip:a-clip", "--provider", "sunoapi", "--yes", **place.settings)
        task = re.search(r"fermata-mcp resolve (tsk_\w+)", unclear.stdout)
        assert task is not None, unclear.stdout
        again = fermata(place.home, "resolve", task[1], "resubmit", "--json", **place.settings)
        assert again.returncode == 0, again.stderr
        check_audio(json.loads(again.stdout), place.home.music, 30)
        assert emulator.submits_seen() == 2


def test_the_command_line_cancels(tmp_path: Path) -> None:
    with market(tmp_path, SUNOAPI) as place:
        emulator = place.of(SUNOAPI)
        emulator.ready_after_seconds = 1e6
        asked = {"source": "clip:a-clip", "provider": "sunoapi", "wait_seconds": 0}
        with open_server(place.home, **place.settings) as server:
            task = view(server.call("extend_track", asked))["task_id"]
            wait_until(emulator.submits_seen, "the paid request")
            stopped = fermata(place.home, "cancel", task, **place.settings)
        assert stopped.returncode == 0, stopped.stderr
        assert "may be charged" in stopped.stdout
