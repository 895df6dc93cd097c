"""The keys that all replicas of a server share: from `FERMATA_STATE_KEY`, else from a secret that their store keeps."""

from __future__ import annotations

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.keys import derived_key

from .base import Store


class Keyring:
    """Derives keys; the secret is asked for once."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._secret = settings.state_key.get_secret_value().encode() if settings.state_key else None

    async def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every process of this server.

        Raises:
            StoreUnavailable: The secret lies in the store, which cannot be read now.
        """
        if self._secret is None:
            self._secret = await self._store.shared_secret()
        return derived_key(self._secret, purpose)
