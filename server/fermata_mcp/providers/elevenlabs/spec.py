"""What elevenlabs can do, and the limits of its plans."""

from __future__ import annotations

from fermata_mcp.domain.account import AccountSpec, Variable, host
from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, PointRule, ProviderSpec, Refusal

DEFAULT_MODEL, MODELS = "music_v2", ("music_v2", "music_v2_5")
SHORTEST_CHUNK, LONGEST_CHUNK, LONGEST_PLAN, USUAL_ADD = 3.0, 120.0, 600.0, 30.0
LINE, LINES = 200, 30
FORMAT = "mp3_44100_128"
SPEC = ProviderSpec(
    name="elevenlabs",
    title="ElevenLabs Music",
    site="https://elevenlabs.io",
    summary="Goes on from a song that the account stored, by an exact length, in one answer; up to ten minutes in all.",
    sources=frozenset({"task", "clip"}),
    fields={
        "continue_at": FieldSpec("end_ms", note="default the end, where the length is known"),
        "add_seconds": FieldSpec("duration_ms", note=f"default {USUAL_ADD:g}", default=USUAL_ADD),
        "style": FieldSpec("positive_styles", note="needed; English words, with commas between"),
        "exclude_style": FieldSpec("negative_styles"),
        "prompt": FieldSpec("text", note="as a direction in braces, before the lyrics"),
        "lyrics": FieldSpec("text", LINE * LINES, "at most 30 lines of 200 characters for each two minutes"),
        "instrumental": FieldSpec("text", note="takes the place of lyrics"),
        "model": FieldSpec("model_id", note=f"default {DEFAULT_MODEL}"),
    },
    pace=Pace(first=1, interval=5, give_up=600),
    submit="at_most_once",
    verified="against documentation 2026-11-27, not live",
    account=AccountSpec(
        key=Variable("ELEVENLABS_API_KEY", "key of `elevenlabs`"),
        base_url=host("ELEVENLABS_BASE_URL", "https://api.elevenlabs.io"),
        key_header="xi-api-key",
        key_form="{}",
    ),
    price=Price(
        0.6, 0.75, "not documented by the vendor, who counts minutes of a plan; resellers ask $0.60 to $0.75 a minute",
        unit="usd", per=60, counts="either",
    ),
    refusals={
        **dict.fromkeys((400, 409, 422), Refusal("invalid_request")),
        **dict.fromkeys((401, 403), Refusal("authentication_failed")),
        402: Refusal("insufficient_credits"),
        404: Refusal("unknown_track", hint="give a song of this account that was made with store_for_inpainting."),
        425: Refusal("rate_limited", later=True),
        429: Refusal("rate_limited", later=True),
    },
    models=dict.fromkeys(MODELS, LONGEST_PLAN),
    default_model=DEFAULT_MODEL,
    point=PointRule(within="after_start"),
    lengths=Lengths(
        longest_source=LONGEST_PLAN - USUAL_ADD, shortest_add=SHORTEST_CHUNK,
        longest_add=LONGEST_PLAN - SHORTEST_CHUNK, usual_add=USUAL_ADD,
    ),
    answer_seconds=240,
    notes=(
        "It extends songs that this account made or stored (clip:<song id>); files and links are not taken: an upload "
        "is charged like a generation, and half even where the file is refused.",
        "Storing and extending needs an account with access to inpainting; in August 2026 that was by request.",
        "A connection that breaks loses the audio, and may have cost: what came of it is kept.",
        "Its balance counts credits, and no page says what a minute takes of them: see its own page.",
        "A chain is one request: it asks for all that is missing, up to ten minutes.",
    ),
)  # fmt: skip
