"""The table of what providers can do."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.providers.local.provider import SPEC as LOCAL
from fermata_mcp.surface.results.provider_facts import provider_facts
from support.rows import PAID


@pytest.mark.parametrize("spec", [PAID, LOCAL], ids=lambda spec: spec.name)
def test_the_capability_row_of_a_provider_is_complete_and_finite(spec: ProviderSpec) -> None:
    facts = provider_facts(spec)
    assert facts["needs"] == (spec.key_variable or "nothing")
    assert set(facts["fields"]) == set(spec.fields)
    assert float("inf") not in facts["lengths_seconds"].values()
