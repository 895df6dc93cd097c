"""What is to follow a song, as the chunks of a composition plan. Lengths in milliseconds."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.http.wire import without_none

from .spec import LINE, LINES, LONGEST_CHUNK


def chunks(work: Work, added: float) -> list[dict[str, Any]]:
    """New music in as few pieces of equal length as may be; the lyrics are sung over all of them."""
    count = math.ceil(added / LONGEST_CHUNK)
    lines = _lines(work)
    each = math.ceil(len(lines) / count)
    if each > LINES:
        raise InvalidRequest(f"the lyrics have {len(lines)} lines of {LINE} characters.", f"give {LINES * count}.")
    styles = _words(work.fields.get("style"))
    if not styles:
        raise InvalidRequest("elevenlabs needs style: English words, such as `warm piano, slow`.", "add style.")
    ends = [round(added * 1000 * (index + 1) / count) for index in range(count)]
    said = f"{{{work.fields['prompt']}}}" if work.fields.get("prompt") else None
    return [
        without_none({
            "text": "\n".join(filter(None, [said, *lines[index * each :][:each]])),
            "duration_ms": end - (ends[index - 1] if index else 0),
            "positive_styles": styles,
            "negative_styles": _words(work.fields.get("exclude_style")) or None,
            "context_adherence": "high",
        })
        for index, end in enumerate(ends)
    ]  # fmt: skip


def _lines(work: Work) -> list[str]:
    lyrics = str(work.fields.get("lyrics") or ("[Instrumental]" if work.fields.get("instrumental") else ""))
    return [part for line in lyrics.splitlines() for part in textwrap.wrap(line, LINE)]


def _words(told: Any) -> list[str]:
    return [word.strip() for word in str(told or "").split(",") if word.strip()]
