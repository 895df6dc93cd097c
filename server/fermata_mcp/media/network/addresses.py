"""Which places on the network may be spoken to: public ones over TLS, and those the operator trusts."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import anyio

from fermata_mcp.domain.errors import InvalidRequest, ProviderUnavailable

Resolver = Callable[[str, int], Awaitable[list[str]]]

# Beyond what `ipaddress` knows to be special: old 6to4 relays, IETF's own, and the metadata service of one cloud.
_NOT_PUBLIC_V4 = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
# Only this is global unicast; it keeps out mapped, NAT64, unique-local, link-local and multicast addresses.
_PUBLIC_V6 = ip_network("2000::/3")
# Within it: Teredo and other protocol assignments, documentation, 6to4.
_NOT_PUBLIC_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class AddressRefused(InvalidRequest):
    """The address may not be spoken to, whatever is there."""

    default_hint = "give a public https:// link, or have the operator add the host to FERMATA_TRUSTED_HOSTS."


async def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a host as the system knows them, best first."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def allowed_addresses(
    scheme: str, host: str, port: int, trusted: frozenset[str], resolve: Resolver = system_resolver
) -> list[str]:
    """The addresses of `host` that may be connected to.

    Connect to these and never to the name: its addresses can change after they were checked.

    Args:
        host: In lower-case ASCII, without brackets.
        trusted: host or host:port entries that may be private, and reached without TLS.

    Raises:
        AddressRefused: Not https, an odd way to write a host, or no public address.
        ProviderUnavailable: The name cannot be resolved now.
    """
    if is_trusted(host, port, trusted):
        return await _addresses(host, port, resolve)
    if _literal(host) is None and not _is_name(host):
        raise AddressRefused(f"{host!r:.80} is no usual way to write a host.")
    if scheme != "https":
        raise AddressRefused(f"the link to {host} is not an https:// address.")
    public = [address for address in await _addresses(host, port, resolve) if is_public(address)]
    if not public:
        raise AddressRefused(f"{host} is not a public address.")
    return public


def is_trusted(host: str, port: int, trusted: frozenset[str]) -> bool:
    written = f"[{host}]" if ":" in host else host
    names = {entry.lower() for entry in trusted}
    return not names.isdisjoint({host, written, f"{written}:{port}"})


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet reaches."""
    found = _literal(address)
    match found:
        case IPv4Address():
            special = found.is_multicast or found.is_reserved or any(found in net for net in _NOT_PUBLIC_V4)
            return found.is_global and not special
        case IPv6Address():
            return found in _PUBLIC_V6 and not any(found in net for net in _NOT_PUBLIC_V6)
        case None:
            return False


async def _addresses(host: str, port: int, resolve: Resolver) -> list[str]:
    if _literal(host) is not None:
        return [host]
    try:
        found = await resolve(host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise ProviderUnavailable(f"{host} was not found on the network.")
    return found


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Whether it is a plain name. `127.1`, `2130706433` and `0x7f.0.0.1` are not: systems read them as addresses."""
    last = host.rstrip(".").rpartition(".")[2]
    return bool(_NAME.fullmatch(host)) and not _NUMBER.fullmatch(last)
