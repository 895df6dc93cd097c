"""Scopes hold what they need of one another, and nothing else."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.access.principal import ONE_PERSON, SCOPES, Principal, Scope


@pytest.mark.parametrize(
    ("held", "may"),
    [
        ("read", {"read"}),
        ("extend", {"read", "extend"}),
        ("spend", {"read", "extend", "spend"}),
        ("admin", {"read", "admin"}),
    ],
)
def test_a_scope_holds_what_it_needs(held: Scope, may: set[str]) -> None:
    principal = Principal("anna", frozenset((held,)))
    assert {scope for scope in SCOPES if principal.may(scope)} == may


def test_the_one_person_may_everything_and_nobody_may_anything_without_a_scope() -> None:
    assert all(ONE_PERSON.may(scope) for scope in SCOPES)
    assert not any(Principal("anna", frozenset()).may(scope) for scope in SCOPES)
