from __future__ import annotations

from fermata_mcp.domain.access.keys import derived_key


def test_a_key_is_good_for_one_purpose_and_one_secret() -> None:
    keys = {derived_key(secret, purpose) for secret in (b"a" * 32, b"b" * 32) for purpose in ("links", "hooks")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert derived_key(b"a" * 32, "links") == derived_key(b"a" * 32, "links")
