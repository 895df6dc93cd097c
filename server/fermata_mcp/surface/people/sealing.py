"""What clients carry from one request to the next for us, sealed with a key that all servers on one store share."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable

import anyio
from mcp.server.request_state import AESGCMRequestStateCodec, RequestStateSecurity

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.surface.access.callers import principal_of

PURPOSE = "request state"
TRY_AGAIN_SECONDS = 5.0
logger = logging.getLogger(__name__)


class Seal:
    """A codec of the SDK's. Until `learn` has the shared key, what one process has sealed is read by itself alone."""

    def __init__(self) -> None:
        self._codec = AESGCMRequestStateCodec([os.urandom(32)])

    def seal(self, payload: bytes) -> str:
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._codec.unseal(token)

    def security(self) -> RequestStateSecurity:
        """What is sealed for one principal is of no use to another."""
        return RequestStateSecurity(codec=self, bind_principal=lambda ctx: principal_of(ctx.request).name)

    async def learn(self, key: Callable[[str], Awaitable[bytes]]) -> None:
        """Take on the shared key, as soon as the store that keeps it can be read."""
        while True:
            try:
                self._codec = AESGCMRequestStateCodec([await key(PURPOSE)])
            except FermataError as error:
                logger.warning("questions cannot be answered at another server yet: %s", error.message)
                await anyio.sleep(TRY_AGAIN_SECONDS)
            else:
                return
