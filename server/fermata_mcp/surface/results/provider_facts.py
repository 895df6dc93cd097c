"""What a provider can do, costs and needs: for `fermata://providers` and the docs."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.credits import Price
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
        "credits_per_extension": price_facts(spec.price_of("extend")),
        "prices_of_models": {model: price_facts(price) for model, price in spec.model_prices.items()},
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


def price_facts(price: Price) -> dict[str, Any]:
    """In its `unit`, credits or dollars; `per_seconds` is null where the length does not matter."""
    return {
        "unit": price.unit,
        "low": price.low,
        "high": price.high,
        "per_seconds": price.per,
        "words": price.words,
        "in_full": price.in_full,
        "stated_in": price.stated_in,
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds
