"""One TLS context for every connection: making one takes longer than a request."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache


def tls() -> ssl.SSLContext:
    """The system's trusted authorities, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR`. Raises OSError, ValueError."""
    return _made(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=2)
def _made(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """What these variables say is read by the client; here they only tell one context from another."""
    import httpx2

    return httpx2.create_ssl_context()
