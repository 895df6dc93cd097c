"""What goes to a provider, judged as it will be on its wire, whoever put it there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fermata_mcp.domain.errors import FermataError, InvalidRequest, TooLarge, UnsupportedField
from fermata_mcp.domain.requests.plan import plan_problems
from fermata_mcp.domain.requests.request import Request
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import SourceFacts
from fermata_mcp.providers.registry import built_in_specs
from support.asked import chain, extend, filled_in, make_plan

SPECS = {spec.name: spec for spec in built_in_specs()}
PAID = {name: spec for name, spec in SPECS.items() if spec.key_variable}
EACH = pytest.mark.parametrize("spec", PAID.values(), ids=list(PAID))
LENGTH = 60.0
FULL = {"prompt": "go on", "style": "jazz", "title": "On", "continue_at": 30.0}


def clip(**facts: Any) -> SourceFacts:
    return SourceFacts.model_validate({"ref": "clip:c", "clip": "c", "duration_seconds": LENGTH} | facts)


def upload(seconds: float | None, **facts: Any) -> SourceFacts:
    return SourceFacts.model_validate({"ref": "/a.mp3", "file": "/a.mp3", "duration_seconds": seconds} | facts)


def full(spec: ProviderSpec, **more: Any) -> dict[str, Any]:
    """Enough for any mode, of what the provider takes beside each other."""
    rivals = {name for pair in spec.rivals if set(pair) <= FULL.keys() for name in pair[1:]}
    return {
        name: value
        for name, value in (FULL | more).items()
        if name in more or (name in spec.fields and name not in rivals)
    }


def said(request: Request, spec: ProviderSpec, source: SourceFacts | None = None) -> str:
    return " ".join(problem.message for problem in plan_problems(request, spec, source or clip()))


@EACH
def test_the_full_request_has_nothing_wrong(spec: ProviderSpec) -> None:
    make_plan(extend(**full(spec)), spec, clip())


# --- the point --------------------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("at", [0, LENGTH, LENGTH + 1])
@pytest.mark.parametrize("native", [False, True], ids=["ours", "native"])
def test_a_point_outside_what_is_documented_is_refused(spec: ProviderSpec, at: float, native: bool) -> None:
    refused = {"any": at > LENGTH, "after_start": at == 0 or at > LENGTH, "inside": True}[spec.point.within]
    options = {spec.fields["continue_at"].wire: at} if native else None
    told = said(extend(**full(spec, continue_at=None if native else at, options=options)), spec)
    name = f"`options.{spec.fields['continue_at'].wire}`" if native else "`continue_at`"
    assert (name in told) == refused, told


@EACH
def test_a_point_is_checked_against_what_is_known(spec: ProviderSpec) -> None:
    at_zero = said(extend(**full(spec, continue_at=0)), spec, clip(duration_seconds=None))
    assert ("continue_at" in at_zero) == (spec.point.within != "any")
    assert "continue_at" not in said(extend(**full(spec, continue_at=500)), spec, clip(duration_seconds=None))


def test_a_point_before_what_the_provider_has_is_refused() -> None:
    """The track was joined here: its first 40 s are no part of the provider's clip."""
    source = clip(clip_seconds=20.0)
    assert "only after 40 s" in said(extend(**full(SPECS["sunoapi"], continue_at=30)), SPECS["sunoapi"], source)
    assert "continue_at" not in said(extend(**full(SPECS["sunoapi"], continue_at=50)), SPECS["sunoapi"], source)


def test_local_keeps_its_own_rule() -> None:
    for at in (0, LENGTH):
        make_plan(extend(continue_at=at, add_seconds=90), SPECS["local"], upload(LENGTH))


# --- custom mode ------------------------------------------------------------------------------------------------------


def switches(spec: ProviderSpec) -> Iterator[tuple[str, Request]]:
    values: dict[str, Any] = {"instrumental": True, "vocal_gender": "m", "continue_at": 30.0} | dict.fromkeys(
        ("style_weight", "weirdness", "audio_weight"), 0.5
    )
    for name in sorted(spec.custom.fields):
        value, wire = values.get(name, "words"), spec.fields[name].wire
        yield name, extend(**{name: value})
        yield f"options.{wire}", extend(options={wire: value})
    for wire in sorted(spec.custom.options):
        yield f"options.{wire}", extend(options={wire: "words"})
    if spec.custom.flag:
        yield f"options.{spec.custom.flag}", extend(options={spec.custom.flag: True})
    yield "prompts", chain(prompts=["one", "two"], target_seconds=200)


CUSTOM = [(spec, *switch) for spec in PAID.values() if spec.custom.needs for switch in switches(spec)]


@pytest.mark.parametrize(("spec", "name", "asked"), CUSTOM, ids=[f"{spec.name}-{name}" for spec, name, _ in CUSTOM])
def test_whatever_switches_custom_mode_needs_what_it_needs(spec: ProviderSpec, name: str, asked: Request) -> None:
    """Of a source of which nothing is known, so that nothing can be filled in."""
    wires = {spec.fields[need].wire for need in spec.custom.needs}
    given = {spec.fields[one].wire for one in asked.model_fields_set & spec.fields.keys()} | set(asked.options or {})
    given |= {"prompt"} if name == "prompts" else set()
    missing = [need for need in spec.custom.needs if spec.fields[need].wire in wires - given]
    told = said(asked, spec, clip(duration_seconds=None))
    wordless = name in ("instrumental", "options.instrumental") and spec.custom.wordless
    wordless = wordless or name in ("lyrics", "options.lyrics")
    wanted = [need for need in missing if not (wordless and need == "prompt")]
    assert (f"needs {', '.join(wanted)} too" in told) == bool(wanted), told


@EACH
def test_options_under_the_wire_name_satisfy_what_is_missing(spec: ProviderSpec) -> None:
    if spec.custom.needs:
        native = {spec.fields[name].wire: FULL[name] for name in spec.custom.needs}
        make_plan(extend(options=native), spec, clip(duration_seconds=None))
        assert filled_in(extend(options=native), spec, clip()) == {}


@EACH
def test_custom_mode_that_is_switched_off_by_name_needs_nothing(spec: ProviderSpec) -> None:
    if spec.custom.flag:
        make_plan(extend(options={spec.custom.flag: False}, title="T"), spec, clip(duration_seconds=None))


def test_every_extension_of_a_chain_is_judged() -> None:
    spec = SPECS["sunoapi"]
    asked = chain(prompts=["one", ""], style="jazz", title="T", target_seconds=200)
    assert "needs prompt too" in said(asked, spec)
    long = chain(prompts=["one", "x" * 5001], style="jazz", title="T", target_seconds=200)
    assert "`prompts.1` has 5001 characters" in said(long, spec)


@pytest.mark.parametrize("name", ["prompt", "gpt_description_prompt", "auto_lyrics"])
def test_native_words_need_their_mode(name: str) -> None:
    spec = SPECS["musicapi-sonic"]
    assert "options.custom_mode" in said(extend(options={name: "words"}), spec)
    make_plan(extend(options={name: "words", "custom_mode": True}), spec, clip())


def test_sonic_sings_or_follows() -> None:
    problems = plan_problems(extend(prompt="go", lyrics="la"), SPECS["musicapi-sonic"], clip())
    assert [type(one) for one in problems] == [UnsupportedField]


def test_legacy_names_give_the_point() -> None:
    spec = SPECS["musicapi-producer"]
    make_plan(extend(options={"starts": 20}), spec, clip(duration_seconds=None))
    assert "`options.starts` is 61 s" in said(extend(options={"starts": 61}), spec)


# --- texts and numbers ------------------------------------------------------------------------------------------------

TEXTS = [
    (spec, name, model, limit)
    for spec in PAID.values()
    for name, known in spec.fields.items()
    for model, limit in [(None, known.max_length), *known.by_model.items()]
    if limit is not None and not (name == "style" and limit == 1000)  # the request itself takes no more
]


@pytest.mark.parametrize("native", [False, True], ids=["ours", "native"])
@pytest.mark.parametrize(
    ("spec", "name", "model", "limit"), TEXTS, ids=[f"{s.name}-{name}-{model}" for s, name, model, _ in TEXTS]
)
def test_texts_are_as_long_as_the_model_takes(
    spec: ProviderSpec, name: str, model: str | None, limit: int, native: bool
) -> None:
    rivals = {"prompt", "lyrics"} - {name}
    base = {one: value for one, value in full(spec).items() if one not in rivals and not (native and one == name)}
    wire = spec.fields[name].wire
    for length in (limit, limit + 1):
        given: dict[str, Any] = (
            {"options": {wire: "x" * length, "custom_mode": True}} if native else {name: "x" * length}
        )
        told = said(extend(**(base | given | ({"model": model} if model else {}))), spec)
        assert (f"has {limit + 1} characters" in told) == (length > limit), told


def test_limits_of_old_models_are_those_of_their_pages() -> None:
    limits = {
        ("sunoapi", "prompt", "V4"): 3000, ("sunoapi", "style", "V3_5"): 200, ("sunoapi", "title", "V4"): 80,
        ("sunoapi", "title", "V4_5ALL"): 80, ("sunoapi", "title", "V5"): 100, ("kie", "style", "V5"): 1000,
        ("musicapi-sonic", "lyrics", "sonic-v4"): 3000, ("musicapi-sonic", "style", "sonic-v3-5"): 200,
        ("musicapi-sonic", "lyrics", "sonic-v5"): 5000, ("musicapi-sonic", "prompt", "sonic-v4"): 400,
    }  # fmt: skip
    for (provider, name, model), limit in limits.items():
        assert SPECS[provider].fields[name].longest(model) == limit


def test_the_model_of_the_source_counts() -> None:
    asked = extend(**FULL | {"style": "x" * 201})
    assert "at most 200 with V4" in said(asked, SPECS["sunoapi"], clip(model="V4"))
    assert said(asked, SPECS["sunoapi"], clip(model="V5")) == ""


@EACH
@pytest.mark.parametrize("value", [-0.01, 1.01, "0.5", True])
@pytest.mark.parametrize("name", ["style_weight", "weirdness", "audio_weight"])
def test_a_native_weight_is_a_number_from_0_to_1(spec: ProviderSpec, name: str, value: Any) -> None:
    if name in spec.fields:
        wire = spec.fields[name].wire
        assert f"`options.{wire}` is not a number from 0 to 1" in said(
            extend(**full(spec), options={wire: value}), spec
        )
        assert "number" not in said(extend(**full(spec), options={wire: 1}), spec)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("added", "taken"), [(0.5, False), (1, True), (240, True), (241, False)])
def test_producer_adds_1_to_240_seconds(added: float, taken: bool, native: bool) -> None:
    spec = SPECS["musicapi-producer"]
    given: dict[str, Any] = {"options": {"length": added}} if native else {"add_seconds": added}
    assert (said(extend(**given), spec) == "") == taken


# --- uploads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "fields", "taken"),
    [
        ("sunoapi", upload(60), {"model": "V4_5ALL"}, True),
        ("sunoapi", upload(61), {"model": "V4_5ALL"}, False),
        ("kie", upload(61), {"options": {"model": "V4_5ALL"}}, False),
        ("sunoapi", upload(61), {}, True),
        ("sunoapi", clip(duration_seconds=61), {"model": "V4_5ALL"}, True),
        ("sunoapi", upload(481), {}, False),
        ("musicapi-sonic", upload(480, url="https://a.test/b"), {}, True),
        ("musicapi-sonic", upload(481, url="https://a.test/b"), {}, False),
        ("musicapi-sonic", clip(duration_seconds=900), {}, True),
        ("musicapi-sonic", upload(None, url="https://a.test/b"), {}, True),
    ],
)
def test_what_is_uploaded_has_its_longest(name: str, source: SourceFacts, fields: dict[str, Any], taken: bool) -> None:
    problems = plan_problems(extend(**fields), SPECS[name], source)
    assert [type(one) for one in problems] == ([] if taken else [TooLarge])


# --- all at once ------------------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_named_at_once() -> None:
    asked = extend(title="x" * 101, continue_at=99, options={"styleWeight": 7}, max_credits=1)
    with pytest.raises(InvalidRequest) as refused:
        make_plan(asked, SPECS["sunoapi"], clip())
    assert type(refused.value) is InvalidRequest
    for part in ("needs prompt, style too", "`continue_at` is 99 s", "`title` has 101", "styleWeight", "max_credits 1"):
        assert part in refused.value.message
    assert refused.value.message.endswith(".")
    assert refused.value.hint.endswith(".")


def test_one_kind_of_problem_keeps_its_code() -> None:
    def code(asked: Request, source: SourceFacts) -> str:
        with pytest.raises(FermataError) as refused:
            make_plan(asked, SPECS["local"], source)
        return refused.value.code

    assert code(extend(add_seconds=1e9), upload(60)) == "too_large"
    assert code(extend(continue_at=61), upload(60)) == "invalid_request"
