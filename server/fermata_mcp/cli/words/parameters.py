"""What the tools call otherwise than the command line does; the same for both ways."""

from __future__ import annotations

# By parameter of `extend_track` and `chain_extend`; a test compares with their schemas.
FLAGS = {
    "source": "SOURCE",
    "provider": "--provider",
    "continue_at": "--from",
    "add_seconds": "--by",
    "target_seconds": "--to",
    "prompt": "--prompt",
    "prompts": "--step-prompt",
    "lyrics": "--lyrics",
    "style": "--style",
    "exclude_style": "--exclude-style",
    "title": "--title",
    "model": "--model",
    "instrumental": "--instrumental",
    "vocal_gender": "--vocal-gender",
    "style_weight": "--style-weight",
    "weirdness": "--weirdness",
    "audio_weight": "--audio-weight",
    "persona_id": "--persona-id",
    "options": "--option",
    "save_as": "--output",
    "max_credits": "--max-credits",
    "max_usd": "--max-usd",
    "idempotency_key": "--key",
    "take": "--take",
    "stitch": "--stitch",
    "dry_run": "--dry-run",
    "max_steps": "--max-steps",
    "variation": "--variation",
}
# What the provider `local` understands in --option, where its values are words; a test compares with its facts.
LOCAL_VALUES = {"ending": ("keep", "fade", "loop", "intro_loop"), "part": ("intro", "middle", "outro")}
# The command line waits until the work is over.
WITHOUT_A_FLAG = frozenset({"wait_seconds"})
COMMANDS = {
    "extend_track": "fermata-mcp extend",
    "chain_extend": "fermata-mcp extend --to",
    "get_task": "fermata-mcp task",
    "get_credits": "fermata-mcp credits",
    "list_tasks": "fermata-mcp tasks",
    "cancel_task": "fermata-mcp cancel",
    "resolve_task": "fermata-mcp resolve",
    "play_track": "fermata-mcp play",
}
