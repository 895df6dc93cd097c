"""The tree of failures: every code of the contract, each with what to do next."""

from __future__ import annotations

import importlib
import re
from pkgutil import walk_packages

import pytest

import fermata_mcp
from fermata_mcp.domain import errors
from fermata_mcp.domain.errors import FermataError, InternalError, error_from
from fermata_mcp.domain.task import Failure

CODES = (
    "invalid_request", "unsupported_field", "unknown_track", "file_not_allowed", "not_audio", "too_large",
    "over_budget", "missing_key", "authentication_failed", "insufficient_credits", "rate_limited",
    "content_rejected", "provider_unavailable", "generation_failed", "unexpected_response", "outcome_unknown",
    "store_unavailable", "not_found", "not_supported", "cancelled", "internal",
)  # fmt: skip
RETRYABLE = {"rate_limited", "provider_unavailable", "generation_failed"}


def kinds(root: type[FermataError] = FermataError) -> list[type[FermataError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]


@pytest.mark.parametrize("code", CODES)
def test_every_code_comes_back_as_its_own_class(code: str) -> None:
    error = error_from(code, "it broke.", "mend it.")
    assert error.code == code
    assert type(error) is FermataError or code == type(error).__dict__["code"]
    assert str(error) == f"{code}: it broke. Next: mend it."


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_next_step_of_its_own(code: str) -> None:
    error = error_from(code, "it broke.")
    assert str(error) == f"{code}: it broke. Next: {error.hint}"
    assert error.hint.endswith(".")


def test_no_class_has_a_code_outside_the_contract() -> None:
    importlib.import_module("fermata_mcp.config")
    assert {kind.code for kind in kinds()} <= set(CODES)


def test_only_passing_trouble_is_worth_trying_again() -> None:
    assert {code for code in CODES if error_from(code, "").retryable} == RETRYABLE


@pytest.mark.parametrize("code", ["", "nonsense", "Invalid_Request"])
def test_an_unknown_code_is_our_bug(code: str) -> None:
    assert type(error_from(code, "x")) is InternalError


@pytest.mark.parametrize("code", CODES)
def test_an_error_survives_being_stored(code: str) -> None:
    error = error_from(code, "it broke.", "mend it.")
    again = Failure.model_validate_json(Failure.of(error).model_dump_json())
    assert (again.code, again.message, again.hint) == (code, "it broke.", "mend it.")
    assert again.retryable == error.retryable


# --- the tree as it is drawn ------------------------------------------------------------------------------------------


def drawn() -> dict[str, str]:
    """Each class in the drawing, and the one that it hangs from."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"[│├└─ ]*(?=[A-Z])", line)
        if found is None or not ("─" in line or line.startswith("FermataError")):
            continue
        while above and above[-1][0] >= found.end():
            above.pop()
        names = re.match(r"\w+(?: · \w+)*", line[found.end() :])
        for name in names[0].split(" · ") if names else ():
            parents[name] = above[-1][1] if above else ""
        if names:
            above.append((found.end(), names[0].rpartition(" ")[2]))
    return parents


def test_every_kind_of_failure_is_in_the_drawing_under_its_own() -> None:
    for module in walk_packages(fermata_mcp.__path__, "fermata_mcp."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = [kind for kind in kinds() if kind.__module__.startswith("fermata_mcp.")]
    assert drawn() == {kind.__name__: kind.__mro__[1].__name__ if kind is not FermataError else "" for kind in ours}
