"""One context for a process, until its environment names other authorities."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from fermata_mcp.media.network.tls import tls


@pytest.fixture(autouse=True)
def usual_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_it_is_made_once() -> None:
    assert tls() is tls()
    assert tls().verify_mode is ssl.CERT_REQUIRED


def test_other_authorities_are_never_those_of_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = tls()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert tls() is not before
    monkeypatch.delenv("SSL_CERT_DIR")
    assert tls() is before


def test_a_file_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tls()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    with pytest.raises(OSError, match="No such file"):
        tls()
