"""Every way of saying nothing is nothing: before validation, on the wire and in the fingerprint."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from fermata_mcp.domain.requests.plan import identity_of
from fermata_mcp.domain.requests.request import ChainRequest, ExtendRequest, Request
from fermata_mcp.domain.requests.wire_request import prompt_of
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts
from fermata_mcp.providers.registry import built_in_specs
from fermata_mcp.surface.tools import CreditsArgs, GetTaskArgs, ListArgs, PlayArgs, ResolveArgs, TaskArgs
from support.asked import chain, extend

NOTHING: tuple[Any, ...] = (None, "", "  \t\n", "\u200b", [], {}, [""], [None])
LEAST: dict[type[BaseModel], dict[str, Any]] = {
    ExtendRequest: {"source": "/a.wav"},
    ChainRequest: {"source": "/a.wav", "target_seconds": 60},
    TaskArgs: {"task_id": "t"},
    GetTaskArgs: {"task_id": "t"},
    PlayArgs: {"task_id": "t"},
    ResolveArgs: {"task_id": "t", "action": "check"},
    CreditsArgs: {},
    ListArgs: {},
}
OPTIONAL = [(model, name) for model in LEAST for name, known in model.model_fields.items() if not known.is_required()]
REQUIRED = [(model, name) for model in LEAST for name, known in model.model_fields.items() if known.is_required()]
SPECS = {spec.name: spec for spec in built_in_specs()}
PROVIDERS = pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))


@pytest.mark.parametrize("value", NOTHING, ids=repr)
@pytest.mark.parametrize(("model", "name"), OPTIONAL, ids=str)
def test_nothing_for_an_optional_parameter_is_its_absence(model: type[BaseModel], name: str, value: Any) -> None:
    least = LEAST[model]
    assert model.model_validate(least | {name: value}) == model.model_validate(least)


@pytest.mark.parametrize("value", [None, [], {}], ids=repr)
@pytest.mark.parametrize(("model", "name"), REQUIRED, ids=str)
def test_nothing_for_a_required_one_keeps_its_error(model: type[BaseModel], name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        model.model_validate(LEAST[model] | {name: value})


@pytest.mark.parametrize("value", NOTHING, ids=repr)
def test_an_option_that_says_nothing_is_not_sent(value: Any) -> None:
    assert extend(options={"negativeTags": value}).options is None
    assert extend(options={"negativeTags": value, "seed": 1}).options == {"seed": 1}


def test_what_is_little_but_something_stays() -> None:
    assert extend(options={"a": 0, "b": False, "c": [0]}).options == {"a": 0, "b": False, "c": [0]}
    assert extend(continue_at=0).continue_at == 0
    assert chain(prompts=["a", "", "b"]).prompts == ["a", "", "b"]


def test_a_blank_prompt_of_a_chain_is_none_for_that_extension() -> None:
    assert [prompt_of(["a", "", "b"], step) for step in range(4)] == ["a", None, "b", "b"]
    assert prompt_of(None, 0) is None


@pytest.mark.parametrize("value", [False, "false", "no", 0])
def test_a_flag_that_says_no_asks_for_nothing(value: Any) -> None:
    assert extend(instrumental=value).instrumental is None


# --- the fingerprint --------------------------------------------------------------------------------------------------


def same(request: Request, other: Request, spec: ProviderSpec, **facts: Any) -> bool:
    source = SourceFacts(ref="/a.wav", **facts)
    return identity_of(request, spec, source) == identity_of(other, spec, source)


@PROVIDERS
@pytest.mark.parametrize(
    "spelled", [{"take": 1}, {"stitch": "auto"}, {"options": {}}, {"lyrics": " "}, {"instrumental": False}], ids=str
)
def test_a_default_that_is_spelled_out_equals_no_value(spec: ProviderSpec, spelled: dict[str, Any]) -> None:
    assert same(extend(**spelled), extend(), spec)


@PROVIDERS
@pytest.mark.parametrize("spelled", [{"max_steps": 12}, {"variation": 0}, {"prompts": []}], ids=str)
def test_so_it_does_for_chains(spec: ProviderSpec, spelled: dict[str, Any]) -> None:
    assert same(chain(**spelled), chain(), spec)


@PROVIDERS
def test_the_model_that_is_sent_anyway_is_a_default(spec: ProviderSpec) -> None:
    if "model" not in spec.fields or spec.default_model is None:
        return
    assert same(extend(model=spec.default_model), extend(), spec)
    assert not same(extend(model="another"), extend(), spec)
    assert same(extend(model="its own"), extend(), spec, model="its own")
    assert not same(extend(model=spec.default_model), extend(), spec, model="its own")


@pytest.mark.parametrize(
    ("name", "fields", "added", "known"),
    [
        ("local", {}, 30, 40.0),
        ("local", {}, 30, None),
        ("local", {"continue_at": 25}, 45, 40.0),
        ("musicapi-producer", {}, 60, None),
        ("musicapi-producer", {"continue_at": 25}, 60, 40.0),
    ],
)
def test_the_length_that_is_added_anyway_is_a_default(
    name: str, fields: dict[str, Any], added: float, known: float | None
) -> None:
    spec = SPECS[name]
    assert same(extend(**fields, add_seconds=added), extend(**fields), spec, duration_seconds=known)
    assert not same(extend(**fields, add_seconds=added + 1), extend(**fields), spec, duration_seconds=known)


@PROVIDERS
def test_why_a_provider_was_chosen_is_no_part_of_it(spec: ProviderSpec) -> None:
    source = SourceFacts(ref="/a.wav")
    assert identity_of(extend(), spec, source) == identity_of(
        extend(), spec, source.model_copy(update={"chosen": "paid: the first with a key"})
    )
