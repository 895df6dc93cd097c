"""What a request comes to for a provider and a source, before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, OverBudget, TooLarge, UnsupportedField
from fermata_mcp.domain.requests.fields import field_problems, raise_all, source_problems
from fermata_mcp.domain.requests.plan import Plan
from fermata_mcp.domain.requests.request import Request
from fermata_mcp.domain.source import Source, parse_source
from fermata_mcp.domain.spec import CustomMode, FieldSpec, PointRule, ProviderSpec
from fermata_mcp.domain.task import SourceFacts
from fermata_mcp.providers.local.provider import SPEC as LOCAL
from support.asked import chain, extend, filled_in, make_plan
from support.rows import PAID


def track(seconds: float | None) -> SourceFacts:
    return SourceFacts(ref="/a.wav", duration_seconds=seconds)


def plan_of(seconds: float | None, spec: ProviderSpec = LOCAL, **fields: Any) -> Plan:
    return make_plan(extend(**fields), spec, track(seconds))


def check_fields(request: Request, spec: ProviderSpec) -> None:
    raise_all(field_problems(request, spec))


def check_source_form(source: Source, spec: ProviderSpec) -> None:
    raise_all(source_problems(source, spec))


class TestLengths:
    def test_without_a_point_local_adds_to_the_whole_track(self) -> None:
        assert plan_of(10, add_seconds=5).length_seconds == 15

    def test_seconds_are_counted_from_the_point(self) -> None:
        assert plan_of(10, continue_at=8, add_seconds=5).length_seconds == 13

    def test_a_point_at_the_very_end_is_fine(self) -> None:
        assert plan_of(10, continue_at=10, add_seconds=5).length_seconds == 15

    def test_a_point_at_zero_starts_over(self) -> None:
        assert plan_of(10, continue_at=0, add_seconds=15).length_seconds == 15

    def test_without_a_length_the_track_grows_by_the_default_wherever_it_continues(self) -> None:
        default = LOCAL.lengths.default_add
        assert default is not None
        assert plan_of(10).length_seconds == 10 + default
        assert plan_of(10, continue_at=4).length_seconds == 10 + default

    def test_a_point_past_the_end_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match=r"`continue_at` is 11 s, but the track ends at 10\.00 s"):
            plan_of(10, continue_at=11)

    @pytest.mark.parametrize("add", [1, 2])
    def test_a_result_no_longer_than_the_track_is_refused(self, add: float) -> None:
        with pytest.raises(InvalidRequest, match="not longer"):
            plan_of(10, continue_at=8, add_seconds=add)

    @pytest.mark.parametrize(
        ("point", "least", "part"), [(0, "10.00", "intro"), (5, "5.00", "middle"), (9, "1.00", "outro")]
    )
    def test_more_of_what_is_at_a_point_is_offered_instead(self, point: float, least: str, part: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            plan_of(10, continue_at=point, add_seconds=0.5)
        assert f"add_seconds above {least}" in refused.value.hint
        assert f'{{"part": "{part}"}}' in refused.value.hint

    def test_an_unknown_length_is_planned_from_the_point(self) -> None:
        assert plan_of(None, add_seconds=5).length_seconds is None
        assert plan_of(None, continue_at=60, add_seconds=5).length_seconds == 65

    def test_where_the_provider_chooses_the_length_none_is_promised(self) -> None:
        planned = plan_of(10, PAID, continue_at=8)
        assert (planned.length_seconds, planned.add_seconds) == (None, None)

    def test_a_length_that_the_provider_lets_one_choose_is_never_dropped(self) -> None:
        spec = replace(PAID, fields={**PAID.fields, "add_seconds": FieldSpec("extend_length")})
        assert plan_of(10, spec, continue_at=8, add_seconds=5).add_seconds == 5

    def test_too_short_and_too_long_sources_are_refused(self) -> None:
        with pytest.raises(InvalidRequest, match="needs at least"):
            plan_of(LOCAL.lengths.shortest_source / 2)
        with pytest.raises(TooLarge, match="takes at most"):
            plan_of(LOCAL.lengths.longest_source + 1)

    def test_the_limits_themselves_are_allowed(self) -> None:
        plan_of(LOCAL.lengths.shortest_source)
        plan_of(LOCAL.lengths.longest_source)
        plan_of(600, add_seconds=LOCAL.lengths.longest_result - 600)

    def test_a_result_beyond_the_limit_is_refused(self) -> None:
        with pytest.raises(TooLarge, match="makes at most"):
            plan_of(600, add_seconds=LOCAL.lengths.longest_result)

    def test_a_chain_aims_at_its_target(self) -> None:
        assert make_plan(chain(target_seconds=61), LOCAL, track(10)).length_seconds == 61

    def test_a_chain_to_a_length_the_track_already_has_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match="long already"):
            make_plan(chain(target_seconds=10), LOCAL, track(10))

    def test_a_chain_below_the_length_is_for_who_can_shorten(self) -> None:
        assert make_plan(chain(target_seconds=4), LOCAL, track(10)).length_seconds == 4
        with pytest.raises(InvalidRequest, match="no track shorter") as refused:
            make_plan(chain(target_seconds=4), PAID, track(10))
        assert "use provider local" in refused.value.hint

    @pytest.mark.parametrize(("asked", "words"), [({"target_seconds": 0.2}, "at least"),
        ({"target_seconds": 4, "continue_at": 5}, "stays")])  # fmt: skip
    def test_what_no_track_can_be_cut_to_is_refused(self, asked: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidRequest, match=words):
            make_plan(chain(**asked), LOCAL, track(10))

    @pytest.mark.parametrize(("times", "length"), [(None, 14), (2, 14), (4, 22)])
    def test_the_length_follows_from_what_is_repeated(self, times: int | None, length: float) -> None:
        options = {"repeat": "0:03-0:07"} | ({} if times is None else {"times": times})
        assert plan_of(10, options=options).length_seconds == length

    def test_a_passage_past_the_end_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match=r"options\.repeat ends at 12 s"):
            plan_of(10, options={"repeat": "8-12"})

    @given(
        known=st.floats(0.5, 3600),
        at=st.none() | st.floats(0, 1),
        add=st.floats(0.1, 7000),
    )
    def test_every_plan_ends_where_the_contract_says(self, known: float, at: float | None, add: float) -> None:
        point = None if at is None else at * known
        expected = (known if point is None else point) + add
        try:
            planned = plan_of(known, continue_at=point, add_seconds=add)
        except InvalidRequest:
            assert expected <= known or expected > LOCAL.lengths.longest_result
        else:
            assert planned.length_seconds == pytest.approx(expected)


class TestNumbers:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.1, "soon", None, [], "1e999"])
    def test_a_target_that_is_no_length_is_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="target_seconds"):
            chain(target_seconds=value)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("continue_at", -1),
            ("continue_at", float("nan")),
            ("add_seconds", 0),
            ("add_seconds", float("inf")),
            ("style_weight", 1.1),
            ("weirdness", -0.1),
            ("audio_weight", float("nan")),
            ("take", 0),
            ("take", 1.5),
            ("max_credits", -1),
            ("wait_seconds", 3601),
            ("vocal_gender", "x"),
            ("stitch", "always"),
            ("title", "x" * 1001),
            ("prompt", "x" * 20_001),
            ("idempotency_key", "x" * 201),
            ("options", [1]),
            ("no_such_field", 1),
        ],
    )
    def test_a_value_outside_its_limits_is_refused(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=name):
            extend(**{name: value})


class TestWhatAProviderTakes:
    def test_all_that_it_cannot_express_is_named_at_once(self) -> None:
        request = extend(lyrics="la", style="jazz", options={"seed": "1", "tempo": 2, "key": 3})
        with pytest.raises(UnsupportedField) as refused:
            check_fields(request, PAID)
        for name in ("lyrics", "style", "options.tempo", "options.key"):
            assert name in refused.value.message
        assert "options.seed" not in refused.value.message

    def test_the_hint_tells_what_it_can_express(self) -> None:
        with pytest.raises(UnsupportedField, match="leave lyrics out") as refused:
            check_fields(extend(lyrics="la"), PAID)
        for name in (*PAID.fields, "seed"):
            assert name in refused.value.hint

    def test_what_the_engine_does_itself_is_always_allowed(self) -> None:
        ours: dict[str, Any] = {
            "max_credits": 1, "idempotency_key": "k", "take": 2, "stitch": "never", "dry_run": True, "wait_seconds": 0,
        }  # fmt: skip
        check_fields(extend(**ours), LOCAL)
        check_fields(chain(**ours, max_steps=3, variation=1), LOCAL)

    def test_a_parameter_given_as_null_is_as_good_as_absent(self) -> None:
        check_fields(extend(lyrics=None, options=None), LOCAL)

    def test_a_flag_that_says_no_asks_for_nothing(self) -> None:
        check_fields(extend(instrumental=False), LOCAL)
        with pytest.raises(UnsupportedField, match="instrumental"):
            check_fields(extend(instrumental=True), LOCAL)

    def test_any_option_passes_where_the_provider_names_none(self) -> None:
        check_fields(extend(options={"anything": 1}), replace(PAID, options=None))

    def test_no_option_passes_where_there_are_none(self) -> None:
        with pytest.raises(UnsupportedField, match=r"options\.seed"):
            check_fields(extend(options={"seed": 1}), LOCAL)

    @pytest.mark.parametrize("value", ["3", 1, ["1"], {"1": 1}])
    def test_a_value_that_an_option_does_not_know_is_answered_with_those_it_does(self, value: Any) -> None:
        with pytest.raises(InvalidRequest, match=r"options\.seed") as refused:
            check_fields(extend(options={"seed": value}), PAID)
        assert "one of 1, 2" in refused.value.hint

    @pytest.mark.parametrize("text", ["clip:abc"])
    def test_a_form_it_cannot_take_is_answered_with_those_it_can(self, text: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            check_source_form(parse_source(text), LOCAL)
        assert "a file path" in refused.value.hint
        assert "tsk_" in refused.value.hint
        assert "https" in refused.value.hint
        assert "clip" not in refused.value.hint

    @pytest.mark.parametrize("text", ["/a.wav", "https://example.com/a.mp3", "clip:abc", "tsk_" + "0" * 32])
    def test_forms_it_can_take_pass(self, text: str) -> None:
        check_source_form(parse_source(text), PAID)


CUSTOM = replace(
    PAID,
    fields={
        "prompt": FieldSpec("prompt", max_length=20),
        "lyrics": FieldSpec("prompt", max_length=20),
        "style": FieldSpec("style"),
        "title": FieldSpec("title", max_length=5),
        "continue_at": FieldSpec("continueAt"),
        "model": FieldSpec("model"),
    },
    custom=CustomMode(
        fields=frozenset({"prompt", "lyrics", "style", "title", "continue_at"}),
        needs=("continue_at", "prompt", "style", "title"),
    ),
    point=PointRule(needed=True),
)
POINTED = replace(PAID, point=PointRule(needed=True))


class TestWhatIsFilledIn:
    """A provider's custom mode demands several fields together; what is known is filled in."""

    def known(self, **facts: Any) -> SourceFacts:
        return SourceFacts.model_validate(
            {"ref": "tsk_1", "duration_seconds": 60, "title": "T", "style": "jazz"} | facts
        )

    def test_asked_for_nothing_it_sends_nothing(self) -> None:
        assert filled_in(extend(), CUSTOM, self.known()) == {}

    def test_what_is_known_is_added_once_anything_is_asked_for(self) -> None:
        sent = filled_in(extend(prompt="go"), CUSTOM, self.known())
        assert sent == {"prompt": "go", "title": "T", "style": "jazz", "continue_at": 58}

    def test_what_was_asked_for_is_never_replaced(self) -> None:
        asked = {"prompt": "go", "title": "Mine", "style": "pop", "continue_at": 5.0}
        assert filled_in(extend(**asked), CUSTOM, self.known()) == asked

    def test_all_that_is_still_missing_is_named_at_once(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            filled_in(extend(title="T"), CUSTOM, SourceFacts(ref="/a.wav"))
        assert refused.value.code == "invalid_request"
        assert "needs continue_at, prompt, style too" in refused.value.message

    def test_one_wire_field_for_two_of_ours_is_filled_by_either(self) -> None:
        assert filled_in(extend(lyrics="la"), CUSTOM, self.known())["lyrics"] == "la"

    def test_but_not_by_both(self) -> None:
        with pytest.raises(UnsupportedField, match="prompt"):
            filled_in(extend(lyrics="la", prompt="go"), CUSTOM, self.known())

    def test_the_model_that_made_it_goes_on_unless_another_is_asked_for(self) -> None:
        assert filled_in(extend(), CUSTOM, self.known(model="v4")) == {"model": "v4"}
        assert filled_in(extend(model="v5"), CUSTOM, self.known(model="v4")) == {"model": "v5"}

    @pytest.mark.parametrize(("seconds", "point"), [(60, 58), (4, 2), (3, 1.5), (1, 0.5)])
    def test_a_point_before_the_end_is_two_seconds_before_it_and_inside_the_track(
        self, seconds: float, point: float
    ) -> None:
        assert filled_in(extend(), POINTED, track(seconds)) == {"continue_at": point}

    def test_without_a_known_length_the_point_is_asked_for(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            filled_in(extend(), POINTED, track(None))
        assert "continue_at" in refused.value.hint
        assert filled_in(extend(continue_at=7), POINTED, track(None)) == {"continue_at": 7}

    def test_a_text_longer_than_the_provider_takes_is_named_with_its_limit(self) -> None:
        with pytest.raises(InvalidRequest, match=r"`title` has 6 characters; paid takes at most 5"):
            filled_in(extend(title="longer", prompt="go"), CUSTOM, self.known())


class TestMoney:
    def test_free_work_costs_nothing(self) -> None:
        assert plan_of(10).quote.most == 0

    def test_the_quote_of_a_range_is_its_upper_end(self) -> None:
        spec = replace(PAID, price=Price(1.25, 2.5, "here"))
        assert plan_of(10, spec).quote == spec.cost("extend")
        assert plan_of(10, spec).quote.most == 2.5

    def test_a_chain_is_quoted_whole(self) -> None:
        planned = make_plan(chain(max_steps=3), PAID, track(10))
        assert planned.quote.most == 30

    def test_a_chain_that_cannot_make_one_step_within_its_cap_is_refused(self) -> None:
        with pytest.raises(OverBudget, match="10 credits, more than max_credits 9"):
            make_plan(chain(max_steps=3, max_credits=9), PAID, track(10))

    def test_a_chain_that_can_make_some_steps_within_its_cap_may_begin(self) -> None:
        assert make_plan(chain(max_steps=3, max_credits=29), PAID, track(10)).quote.most == 30

    def test_one_extension_over_its_cap_is_refused(self) -> None:
        with pytest.raises(OverBudget, match=r"10 credits, more than max_credits 9\.5"):
            plan_of(10, PAID, max_credits=9.5)

    def test_a_cap_that_just_fits_lets_it_pass(self) -> None:
        plan_of(10, PAID, max_credits=10)
        plan_of(10, max_credits=0)

    @given(st.floats(0, 10_000), st.integers(1, 100))
    def test_money_adds_up_without_rounding_drift(self, price: float, steps: int) -> None:
        one = Price(0, price, "").quote(0, 0)
        many = one.times(steps)
        assert many.high == one.high * steps
        assert abs(one.high - price * 1000) <= 0.5
