"""Addresses that a person writes down: taken as they can really be sent to, and never repeated in an error."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.foreign.address import checked_address, checked_base_address, checked_host

FINE = [
    "https://a.test",
    " http://127.0.0.1:8080/x?y=1 ",
    "https://[::1]:1/",
    "https://bücher.test/",
    "http://a_b.test.",
]
WRONG = {
    "ftp://a.test/secret": "must begin with http",
    "https://user:secret@a.test": "user name or password",
    "https:///secret": "no valid host",
    "https://a..test/secret": "no valid host",
    "https://a.test:0/secret": "port outside",
    "https://a.test:70000/secret": "port outside",
    "https://a.test/se cret": "blanks",
    "https://[::g]/secret": "no valid host",
}


@pytest.mark.parametrize("url", FINE)
def test_what_can_be_sent_to_is_kept_as_it_is(url: str) -> None:
    assert checked_address(url) == url.strip()


@pytest.mark.parametrize(("url", "words"), WRONG.items())
def test_what_cannot_is_refused_without_being_repeated(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        checked_address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("end", ["?a=1", "#b"])
def test_a_base_address_has_no_end_of_its_own(end: str) -> None:
    with pytest.raises(ValueError, match=r"must not carry"):
        checked_base_address(f"https://a.test{end}")


@pytest.mark.parametrize("host", ["a.test", "a.test:80", "[::1]:80", "10.0.0.1"])
def test_hosts(host: str) -> None:
    assert checked_host(host) == host


@pytest.mark.parametrize("host", ["", ":80", "a.test:0", "a.test/x", "u@a.test", "a test", "http://a.test"])
def test_no_hosts(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        checked_host(host)
