"""Which tests are slow, and which of those show a promise and are therefore in the short run all the same.

`pytest -m "not slow"` is what a person needs to trust a checkout: every part alone, and every promise once. What is
slow shows the same for each provider, each client and each moment of a kill.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

# Beginnings of node ids.
SLOW = (
    "tests/unit/benchmarks/",
    # Every provider, source and kind of result, alone and in a chain.
    "tests/unit/engine/steps/test_delivery.py::test_nothing_is_missing_without_a_word",
    "tests/unit/engine/steps/test_collector.py",
    # Real workers, and long searches.
    "tests/unit/providers/local/",
    "tests/unit/rearrange/arrangement/test_search.py",
    "tests/unit/rearrange/arrangement/test_arrange.py::TestRemembering",
    "tests/unit/rearrange/test_formats.py",
    # Both libraries for each kind; what they are asked for is looked at in the short run.
    "tests/unit/media/codecs/test_foreign.py::test_every_kind_is_read_to_the_sample[ffmpeg",
    "tests/unit/media/codecs/test_foreign.py::test_what_only_begins",
    "tests/unit/media/codecs/test_foreign.py::test_names",
    "tests/unit/media/codecs/test_writing.py",
    "tests/e2e/",
    "tests/faults/",
    "tests/property/",
    "tests/contract/test_capabilities.py",
    # Real processes for each way in which the prepared answers end; what they say is compared in the short run.
    "tests/unit/transports/front/test_front.py",
    "tests/unit/surface/player/test_audio.py",
    "tests/contract/test_border.py",
    "tests/contract/test_adding_a_provider.py",
    # What they read of looks is read by the same code as that of others, which stay in.
    *(
        f"tests/contract/test_adapters.py::test_contract[{name}-{check}"
        for name in ("kie", "sunoapi")
        for check in ("refused_looks", "odd_answers_to_a_look", "fields_are_documented")
    ),
    # Every kind of tag into every other, and every bit rate; one of each stays in.
    "tests/unit/media/encoding/test_quality.py",
    "tests/unit/media/tagging/test_carry.py::test_from_every_kind",
    # These two share their code with another one that stays in.
    "tests/contract/test_adapters.py::test_contract[kie-classic",
    "tests/contract/test_adapters.py::test_contract[musicapi-producer",
)
# In the short run, but not in `make quick`, which is for every minute: they make or measure music for a while.
LONG = (
    "tests/unit/surface/people/",
    "tests/unit/surface/player/",
    "tests/unit/surface/results/test_result.py",
    "tests/unit/media/test_preview.py",
    "tests/unit/cli/",
    "tests/unit/surface/tasks/",
    "tests/unit/rearrange/",
    "tests/unit/media/formats/",
    "tests/unit/media/network/",
    "tests/unit/media/test_arrival.py",
    "tests/unit/media/test_audio.py",
    "tests/unit/media/test_compare.py",
    "tests/unit/media/test_join.py",
    "tests/unit/media/encoding/",
    "tests/unit/media/tagging/",
