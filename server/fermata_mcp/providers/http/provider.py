"""From an adapter to a provider, without loading an HTTP client for those that are never made."""

from __future__ import annotations

from fermata_mcp.providers.base import Provider, ProviderContext

from .adapter import HttpAdapter


def http_provider(adapter: HttpAdapter, context: ProviderContext) -> Provider:
    """The adapter as a provider that sends over the network."""
    from .client import HttpProvider

    return HttpProvider(adapter, context)
