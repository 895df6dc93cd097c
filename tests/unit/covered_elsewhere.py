"""Modules without a test file of their own name, by the file (under `tests`) that covers them.

Mostly these are parts that mean something only together: a command and its process, a server and its clients, a store
and its file. What is pure has a test of its own.
"""

_COVERS = {
    "unit/surface/test_callers.py": (
        "engine/shared.py",
        "transports/web/auth.py",
    ),
    "contract/test_never_sent.py": ("providers/http/client.py",),
    "contract/test_sqlite_file.py": (
        "store/sqlite/store.py",
        "store/sqlite/file.py",
    ),
    "contract/test_store.py": (
        "domain/task.py",
        "store/base.py",
        "store/sqlite/claiming.py",
        "store/sqlite/writing.py",
        "store/sqlite/removing.py",
    ),
    "contract/test_unreadable_rows.py": ("store/sqlite/reading.py",),
    "e2e/test_cli.py": (
        "cli/main.py",
        "cli/commands.py",
        "cli/doctor.py",
        "cli/answers.py",
    ),
    "e2e/test_cli_seen_and_heard.py": (
        "cli/lookup.py",
        "cli/presenting/apart.py",
        "cli/presenting/playing.py",
    ),
    "e2e/test_cli_output.py": ("cli/extending/saving.py",),
    "e2e/test_cli_stop.py": (
        "cli/interrupt.py",
        "cli/stopped.py",
    ),
    "e2e/test_cli_several.py": ("cli/extending/tracks.py",),
    "e2e/test_cli_streams.py": ("cli/streams.py",),
    "e2e/test_http.py": ("transports/http.py",),
    "e2e/test_lifecycle.py": (
        "app.py",
        "transports/serving.py",
        "transports/signals.py",
    ),
    "e2e/test_player_routes.py": ("surface/player/routes.py",),
    "e2e/test_providers.py": ("surface/people/confirm.py",),
    "e2e/test_sse.py": ("transports/sse.py",),
    "e2e/test_stdio.py": (
        "surface/announcer.py",
        "surface/prompts.py",
        "surface/resources.py",
    ),
    "faults/test_decoder.py": (
        "media/child_process.py",
        "media/decoding/client.py",
        "media/decoding/limits.py",
        "media/decoding/messages.py",
        "media/decoding/process.py",
        "media/decoding/quarantine.py",
        "media/decoding/time_limits.py",
    ),
    "faults/test_hostile_http.py": (
        "transports/guard.py",
        "transports/sockets.py",
    ),
    "faults/test_hostile_stdio.py": (
        "transports/connection.py",
        "transports/stdio.py",
    ),
    "faults/test_machine.py": ("engine/steps/recorder.py",),
    "unit/domain/requests/test_wire_request.py": ("engine/intake/work.py",),
    "unit/engine/intake/test_provider_choice.py": ("engine/intake/sources.py",),
    "unit/engine/steps/test_delivery.py": (
        "engine/steps/placing.py",
        "engine/steps/publish.py",
    ),
    "unit/engine/steps/test_late_answers.py": ("engine/intake/source_audio.py",),
    "unit/engine/steps/test_moves.py": ("domain/change.py",),
    "unit/engine/steps/test_planted_bugs.py": ("engine/steps/money.py",),
    "unit/engine/steps/test_submit.py": ("engine/steps/context.py",),
    "unit/engine/test_lifespan.py": ("engine/runner.py",),
    "unit/engine/test_people.py": (
        "engine/progress.py",
        "engine/service.py",
    ),
    "unit/engine/test_repeat.py": ("engine/intake/prepare.py",),
    "unit/providers/suno/test_kie.py": (
        "providers/suno/kie_classic.py",
        "providers/suno/kie_jobs.py",
    ),
    "unit/providers/suno/test_sunoapi.py": (
        "providers/suno/clips.py",
        "providers/suno/common.py",
    ),
    "unit/media/test_files.py": ("media/places/naming.py",),
    "unit/media/network/test_download.py": ("media/network/addresses.py",),
    "unit/media/test_audio.py": (
        "media/codecs/sndfile.py",
        "media/facts.py",
        "media/formats/flac.py",
        "media/formats/ogg.py",
        "media/formats/pieces.py",
        "media/formats/wav.py",
    ),
    "unit/providers/musicapi/test_common.py": (
        "providers/musicapi/producer.py",
        "providers/musicapi/sonic.py",
    ),
    "unit/media/codecs/test_foreign.py": (
        "media/codecs/libraries.py",
        "media/codecs/program.py",
        "media/codecs/pyav.py",
        "media/codecs/reader.py",
        "media/codecs/sound.py",
        "media/formats/caf.py",
    ),
    "unit/media/test_join.py": ("media/resampling.py",),
    "unit/rearrange/test_lengthen.py": ("rearrange/job.py",),
    "unit/surface/test_tools.py": ("surface/errors.py", "surface/reporter.py", "surface/tool_class.py"),
    "unit/surface/tasks/test_extension.py": ("surface/tasks/rows.py", "surface/tasks/wire.py"),
    "unit/surface/results/test_task_view.py": ("surface/results/task_text.py", "surface/results/view.py"),
    "unit/surface/player/test_audio.py": ("engine/previews.py",),
    "unit/test_logs.py": ("surface/server.py",),
    "unit/media/tagging/test_carry.py": (
        "media/formats/chunks.py",
        "media/formats/contents.py",
        "media/tagging/atoms.py",
        "media/tagging/comments.py",
        "media/tagging/frames.py",
        "media/tagging/model.py",
        "media/tagging/reading.py",
        "media/tagging/timed.py",
        "media/tagging/waves.py",
        "media/tagging/words.py",
    ),
    "unit/media/tagging/test_loops.py": ("media/tagging/points.py",),
    "unit/media/encoding/test_quality.py": (
        "media/encoding/layout.py",
        "media/encoding/spent.py",
    ),
}
COVERED_ELSEWHERE = {module: test for test, modules in _COVERS.items() for module in modules}
