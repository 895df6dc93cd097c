"""What a provider can do, costs and needs: for `fermata://providers` and the docs."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.spec import ProviderSpec


def provider_facts(spec: ProviderSpec) -> dict[str, Any]:
    """One row of the table of capabilities."""
    return {
        "name": spec.name,
        "title": spec.title,
        "summary": spec.summary,
        "needs": spec.set_by or "nothing",
        "sources": sorted(spec.sources),
        "fields": {name: field.note for name, field in spec.fields.items()},
        "options": dict(spec.options) if spec.options is not None else "any of the provider's own",
        "models": list(spec.models),
        "credits_per_extension": {
            "low": spec.price.low,
            "high": spec.price.high,
            "words": spec.price.words,
            "stated_in": spec.price.stated_in,
        },
        "lengths_seconds": {
            "shortest_source": spec.lengths.shortest_source,
            "longest_source": _finite(spec.lengths.longest_source),
            "longest_result": _finite(spec.lengths.longest_result),
            "added_by_default": spec.lengths.default_add,
        },
        "tells_balance": spec.has_balance,
        "verified": spec.verified,
        "notes": [*([spec.honesty] if spec.honesty else []), *spec.notes],
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds
