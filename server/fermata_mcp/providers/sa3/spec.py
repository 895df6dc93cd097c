"""What sa3 can do, and the numbers of its model."""

from __future__ import annotations

from fermata_mcp.domain.account import AccountSpec, own_server
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, ProviderSpec, Refusal, Window

START = (
    "start it (`sa3-server --model small-music --encoding f16`, port 8006; `./server.sh` listens at 8086), and set "
    "SA3_BASE_URL to its address, such as http://127.0.0.1:8006."
)
LICENCE = (
    "The weights of Stable Audio 3 are Stability AI's: its Community License is free for who earns less than 1 M$ a "
    "year, results are yours; the text encoder has Google's Gemma terms. Fermata brings none of them."
)
RATE, FRAME = 44_100, 4096
# So much is made anew before the point: a start at the very end of the source leaves up to a frame of silence there.
BLEND_FRAMES = 3
# The server rounds the start up to a frame, and a start on the frame sometimes lands one too late.
EARLIER_SAMPLES = 2
# Models end the piece at the end of what they are given; this much of it is left off.
ENDING_SECONDS = 6.0
CONTEXT_SECONDS, LONGEST_ADD_SECONDS, USUAL_ADD_SECONDS = 60.0, 50.0, 30.0  # small was made for 120 s in all
STEPS = 8
SPEC = ProviderSpec(
    name="sa3",
    title="Stable Audio 3 (sa3.cpp)",
    summary="Composes new music behind a track with a small open model on a server of one's own; free, one take.",
    sources=frozenset({"file", "url", "task"}),
    fields={
        "continue_at": FieldSpec("inpaint_start", note="default the end"),
        "add_seconds": FieldSpec("target_samples", note=f"at most {LONGEST_ADD_SECONDS:g} at a time"),
        "prompt": FieldSpec("prompt", note="style words, tempo and key work best"),
        "style": FieldSpec("prompt", note="goes before `prompt`, as one text"),
    },
    pace=Pace(first=3, interval=1, give_up=3600, slow_after=60, slow_interval=3),
    submit="repeatable",
    verified="against documentation 2026-11-27, not live",
    account=AccountSpec(key=None, base_url=own_server("SA3_BASE_URL", "an sa3.cpp server"), keyless=True),
    refusals={400: Refusal("invalid_request"), 409: Refusal("provider_unavailable", later=True)},
    lengths=Lengths(
        shortest_add=1, longest_add=LONGEST_ADD_SECONDS, default_add=USUAL_ADD_SECONDS, usual_add=USUAL_ADD_SECONDS
    ),
    window=Window(context=CONTEXT_SECONDS, rate=RATE, form="wav16", blend=BLEND_FRAMES * FRAME / RATE),
    notes=(
        "The server is yours: nothing is sent anywhere else.",
        LICENCE,
        "Only what comes before the point, at most 60 s of it, is sent; everything before the point stays as it is.",
        "It sings nothing, and takes no lyrics. More than 50 s at a time is a chain of extensions: `chain_extend`.",
        "The same seed sounds different on other cards; running work cannot be stopped there.",
    ),
    start=START,
)  # fmt: skip
