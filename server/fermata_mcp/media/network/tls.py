"""One TLS context for every connection: making one takes longer than a request."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls() -> ssl.SSLContext:
    """The system's trusted authorities, also those of `SSL_CERT_FILE`."""
    import httpx2

    return httpx2.create_ssl_context()
