"""Which tests are slow, and which of those show a promise and are therefore in the short run all the same.

`pytest -m "not slow"` is what a person needs to trust a checkout: every part alone, and every promise once. What is
slow shows the same for each provider, each client and each moment of a kill. What is repeated besides (`make long`)
goes through the same code once more with another name.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

SHORT = pytest.StashKey[list[str]]()  # node ids of what was collected for this run and is not slow

# Each is one code with another provider on the same key.
SIBLINGS = ("kie-classic", "musicapi-producer", "acedata-producer")
# Beginnings of node ids.
SLOW = (
    "tests/unit/benchmarks/",
    # Every provider, source and kind of result, alone and in a chain.
    "tests/unit/engine/steps/audio/test_delivery.py::test_nothing_is_missing_without_a_word",
    "tests/unit/engine/steps/audio/test_delivery_of_servers.py",
    "tests/unit/engine/steps/test_collector.py",
    # Several windows, one after another, and many made-up parts.
    "tests/unit/engine/intake/test_sent_window.py::test_each_window",
    "tests/unit/rearrange/joining/test_joined_file.py::test_the_same_music",
    "tests/unit/rearrange/joining/test_joined_file.py::test_of_a_long_track",
    "tests/unit/rearrange/joining/test_judging.py::test_music_that",
    # Real workers, and long searches.
    "tests/unit/providers/local/",
    "tests/unit/rearrange/arrangement/test_search.py",
    "tests/unit/rearrange/arrangement/test_shorten.py",
    "tests/unit/rearrange/arrangement/test_loops.py::test_another_decoder",
    "tests/unit/rearrange/arrangement/test_loops.py::test_a_loop_may",
    "tests/unit/engine/intake/test_earlier_joins.py",
    "tests/unit/rearrange/arrangement/test_arrange.py::TestRemembering",
    "tests/unit/rearrange/test_formats.py",
    # Both libraries for each kind; what they are asked for is looked at in the short run.
    "tests/unit/media/codecs/test_foreign.py::test_every_kind_is_read_to_the_sample[ffmpeg",
    "tests/unit/media/codecs/test_foreign.py::test_what_only_begins",
    "tests/unit/media/codecs/test_foreign.py::test_names",
    "tests/unit/media/codecs/test_writing.py",
    "tests/e2e/",
    "tests/faults/",
    "tests/property/",
    "tests/contract/test_capabilities.py",
    "tests/contract/test_postgres.py::TestProcesses::test_races",
    # Real processes for each way in which the prepared answers end; what they say is compared in the short run.
    "tests/unit/transports/front/test_front.py",
    "tests/unit/surface/player/test_audio.py",
    "tests/contract/test_border.py",
    "tests/contract/test_adding_a_provider.py",
    # What they read of looks is read by the same code as that of others, which stay in.
    *(
        f"tests/contract/test_adapters.py::test_contract[{name}-{check}"
        for name in ("kie", "sunoapi", "acedata")
        for check in ("refused_looks", "odd_answers_to_a_look", "fields_are_documented")
    ),
    # Both builds of a server of one's own, at length; the short run has one extension and every refusal.
    *(
        f"tests/contract/test_acestep.py::{name}"
        for name in (
            "test_more_than_one_span",
            "test_what_a_restarted",
            "test_work_that_is_lost",
            "test_an_answer_that_is_lost",
            "test_nobody_there",
        )
    ),
    "tests/contract/test_adapters.py::test_contract[acestep of February",
    "tests/unit/media/hearing/test_listen.py::test_every_key",
    # Every kind of tag into every other, and every bit rate; one of each stays in.
    "tests/unit/media/encoding/test_quality.py",
    "tests/unit/media/tagging/test_carry.py::test_from_every_kind",
    # These share their code with another one that stays in.
    *(f"tests/contract/test_adapters.py::test_contract[{name}" for name in SIBLINGS),
)
# Of these only the named combinations (words of their ids) are in `make full`: each kind with one provider, and each
# provider with one kind. The product of both is for `make long`.
THINNED = {
    "tests/faults/test_audio_of_providers.py::test_audio_that_cannot_be_had": ("sunoapi", "404", "truncated"),
    "tests/unit/engine/steps/audio/test_delivery.py::test_nothing_is_missing_without_a_word": (
        "sunoapi",
        "-chain-segment",
        "-extend-whole",
    ),
    "tests/unit/engine/steps/audio/test_delivery_of_servers.py": ("-extend", "-file-chain", "elevenlabs-clip"),
    "tests/unit/engine/steps/test_collector.py::test_a_file_that_is_not_there_at_first": ("sunoapi", "page"),
    "tests/e2e/test_providers.py::test_a_clip_is_extended_and_its_result_again": ("sonic", "sunoapi", "apiin"),
    "tests/e2e/test_providers.py::test_a_chain_reaches_its_target": ("sonic", "sunoapi", "apiin"),
    "tests/e2e/test_providers.py::test_a_lost_answer_is_for_a_person_to_settle": ("musicapi-producer", "sunoapi"),
    "tests/e2e/test_providers.py::test_cancelled_work_may_be_charged": ("sonic", "kie"),
    # What each shares with its sibling on the same key: one code, which is walked with the other.
    **dict.fromkeys(
        (
            f"tests/contract/test_capabilities.py::test_{what}[{name}-"
            for what in ("parameters", "sources")
            for name in SIBLINGS
        ),
        (),
    ),
    **dict.fromkeys(
        (f"tests/contract/test_adapters.py::test_contract[{name}-" for name in SIBLINGS),
        ("fields_are_documented", "fields_arrive", "every_documented", "forms", "runs", "endings", "facts", "states"),
    ),
    # What they read of looks is read by the same code as that of the others.
    **dict.fromkeys(
        (
            f"tests/contract/test_adapters.py::test_contract[{name}-{check}"
            for name in ("kie", "sunoapi", "acedata")
            for check in ("refused_looks", "odd_answers_to_a_look")
        ),
        (),
    ),
    "tests/contract/test_adapters.py::test_contract[acestep of February": ("fields", "runs", "endings"),
    # One of each kind is asked before.
    "tests/e2e/test_evaluation.py::test_every_other_request": (),
    "tests/property/test_protocol_in_postgres.py::test_the_machine_finds_out": (),
    "tests/faults/test_machine.py::test_a_clock_that_jumps": ("sunoapi", "apiin"),
    "tests/faults/test_audio_of_providers.py::test_half_a_file": ("sunoapi", "apiin", "fal"),
    "tests/contract/test_border.py::test_nothing_changes_no_paid_request": ("sonic", "sunoapi", "apiin", "fal"),
    "tests/faults/test_frozen.py": ("sunoapi", "musicapi-sonic", "apiin"),
    # What it says to run are stages of this run, each once more.
    "tests/e2e/test_docs.py::test_commands_work_as_they_are_written[CONTRIBUTING": (),
    "tests/e2e/test_cli_stop.py::test_stopped_work_does_not_go_on_beside": ("[tasks]", "[extend]"),
    "tests/e2e/test_cli_stop.py::test_ctrl_c_at_any_time": ("[extend]", "[tasks]", "[--help]"),
    "tests/e2e/test_long_audio.py::test_three_minutes_are_read": ("stdio-legacy", "http-auto"),
}
# In the short run, but not in `make quick`, which is for every minute: they make or measure music for a while.
LONG = (
    "tests/unit/surface/people/",
    "tests/unit/surface/player/",
    "tests/unit/surface/results/test_result.py",
    "tests/unit/media/test_preview.py",
    "tests/unit/cli/",
    "tests/unit/surface/tasks/",
    "tests/unit/rearrange/",
    "tests/unit/media/formats/",
    "tests/unit/media/network/",
    "tests/unit/media/test_arrival.py",
    "tests/unit/media/test_audio.py",
    "tests/unit/media/test_compare.py",
    "tests/unit/media/test_join.py",
    "tests/unit/media/encoding/",
    "tests/unit/media/tagging/",
    "tests/unit/media/codecs/",
    "tests/unit/providers/local/",
    "tests/unit/engine/test_hooks.py",
    "tests/unit/engine/steps/audio/test_delivery.py",
    "tests/unit/engine/steps/test_further.py",
    "tests/unit/engine/steps/test_planted_bugs.py",
    "tests/unit/test_layers.py::test_every_promise_has_tests",
)
# What takes minutes begins first, so that nobody waits for it at the end. Begun together, the tests of a file also
# share what was recorded or seen once for all of them, instead of once in each worker.
LONGEST = (
    "tests/faults/test_kill_points.py",
    "tests/e2e/test_tutorial.py",
    "tests/e2e/test_secrets.py",
    "tests/e2e/test_providers.py::test_keys",
    "tests/e2e/test_docs.py",
    "tests/faults/test_chaos.py",
    "tests/e2e/test_player.py",
)
# Each makes something for all its tests that takes long: a walk through every scenario, a browser, a clone.
SHARING = (
    "tests/faults/test_kill_points.py",
    "tests/e2e/test_player",
    "tests/e2e/test_home_page.py",
    "tests/e2e/test_docs.py",
    "tests/e2e/test_replicas.py",
    "tests/e2e/test_conformance.py",
    "tests/e2e/test_node_clients.py",
    "tests/e2e/test_inspector.py",
    "tests/e2e/test_cli_seen_and_heard.py",
    "tests/e2e/test_bundle.py",
    "tests/e2e/test_audio_over_http.py",
    "tests/contract/test_adding_a_provider.py",
    "tests/unit/benchmarks/",
)
PROMISES = {
    "any track fits any length": (
        "tests/unit/rearrange/arrangement/test_shorten.py::test_beginning_and_ending_are_bit_for_bit_those_of_the_track[4",
    ),
    "a join that is not wanted is not made again": (
        "tests/unit/engine/intake/test_earlier_joins.py::test_another_way_without_that_join[result",
    ),
    "an assistant makes a track longer over stdio": (
        "tests/e2e/test_stdio.py::test_journey[legacy-lengthens_with_progress",
        "tests/e2e/test_stdio.py::test_journey[auto-",
    ),
    "any format a person has, in and out": (
        "tests/unit/rearrange/test_formats.py::test_the_same_kind_comes_out[aac in m4a",
        "tests/unit/rearrange/test_formats.py::test_the_same_kind_comes_out[alac of 16",
        "tests/unit/rearrange/test_formats.py::test_an_ending_chooses_another[aac in m4a-.flac",
        "tests/unit/media/codecs/test_writing.py::test_content_and_ending_agree",
    ),
    "stdout carries nothing but messages": ("tests/e2e/test_stdio.py::test_stdout_carries_nothing_but_messages",),
    "and over http": ("tests/e2e/test_http.py::test_journey[lengthens_with_progress-auto",),
    "a command makes a track longer": ("tests/e2e/test_cli.py::test_extend_by",),
    "Ctrl-C keeps the task": ("tests/e2e/test_cli.py::test_ctrl_c_keeps_the_task",),
    "what the README tells hosts to start works": ("tests/e2e/test_readme_config.py",),
    "the log tells of decisions": ("tests/e2e/test_log_level.py::test_decisions_are_told_at_info[info",),
    "a server leaves at once, and its work is finished by the next": (
        "tests/e2e/test_lifecycle.py::test_it_leaves_mid_call_and_takes_its_worker_along[sigterm",
        "tests/e2e/test_lifecycle.py::test_what_was_going_on_is_finished_by_the_next_start[end_of_input",
    ),
    "a paid extension, from the call to the file": (
        "tests/e2e/test_providers.py::test_a_clip_is_extended_and_its_result_again[musicapi-sonic",
        "tests/e2e/test_providers.py::test_a_clip_is_extended_and_its_result_again[sunoapi",
    ),
    "a paid request is sent once, whoever sleeps or dies": (
        "tests/faults/test_frozen.py::test_what_was_overslept_is_not_sent_late[sunoapi",
        "tests/faults/test_frozen.py::test_what_another_process_calls_unknown_is_sent_once_at_most[sunoapi",
    ),
    "no task is lost with its process": (
        "tests/faults/test_kill.py::test_a_killed_render_is_finished_by_the_next_start",
        "tests/faults/test_kill.py::test_a_killed_worker_is_told_and_does_not_harm_the_server",
    ),
    "what was paid for arrives whole, or is said to be a part": (
        "tests/unit/engine/steps/audio/test_delivery.py::test_nothing_is_missing_without_a_word[sunoapi-file-",
    ),
    "a worker leaves nothing behind": (
        "tests/unit/providers/local/test_worker.py::test_sigterm_leaves_nothing",
        "tests/unit/providers/local/test_worker.py::test_after_kill_a_new_run_works",
    ),
    "a bad disk, database or clock costs one request at most": (
        "tests/faults/test_machine.py::test_without",
        "tests/faults/test_machine.py::test_an_answer_that_finds_no_room_is_kept_until_there_is[sunoapi",
        "tests/faults/test_machine.py::test_a_database_that_is_locked_delays_and_loses_nothing[after the request-suno",
        "tests/faults/test_machine.py::test_a_clock_that_jumps_around_the_request[intent-back-sunoapi",
    ),
    "a download is whole or not there": ("tests/faults/test_download_faults.py",),
    "a full disk is named": ("tests/faults/test_disk.py::test_a_full_disk_is_named_and_freeing_it_helps",),
    "hostile audio does no harm": (
        "tests/faults/test_decoder.py::test_who_waits_may_leave_at_once",
        "tests/faults/test_swapped_files.py",
    ),
    "what people ask is answered rightly": (
        "tests/e2e/test_evaluation.py::test_one_of_each_kind",
        "tests/e2e/test_evaluation.py::test_the_requests",
    ),
    "what a source says and spends is kept": (
        "tests/unit/media/tagging/test_carry.py::test_from_every_kind_to_every_other[flac-mp3",
        "tests/unit/media/encoding/test_quality.py::test_bits_a_second_are_kept[opus--c:a libopus -b:a 256k",
        "tests/unit/media/encoding/test_quality.py::test_bits_a_second_are_kept[ogg--c:a libvorbis -q:a 3-44100",
    ),
    "bad input is refused in words": ("tests/faults/test_bad_input.py::test_an_argument_that_is_wrong",),
}


def mark_slow(items: Sequence[pytest.Item]) -> None:
    """Give what is slow, or long, its mark; a test that bears it already keeps it."""
    promised = tuple(node for nodes in PROMISES.values() for node in nodes)
    for item in items:
        if item.nodeid.startswith(SLOW) and not item.nodeid.startswith(promised):
            item.add_marker(pytest.mark.slow)
            if _is_repeated(item.nodeid):
                item.add_marker(pytest.mark.repeated)
        if item.nodeid.startswith(LONG):
            item.add_marker(pytest.mark.long)


def longest_first(items: list[pytest.Item]) -> None:
    """Put what takes minutes before all others, which stay in their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def together(node: str) -> str:
    """What is run by one worker, one after another: what a file of tests shares is made once."""
    return node.partition("::")[0] if node.startswith(SHARING) else node


def _is_repeated(node: str) -> bool:
    return any(node.startswith(test) and not any(word in node for word in kept) for test, kept in THINNED.items())
