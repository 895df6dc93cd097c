"""Addresses that a person writes down: checked before anything is sent to them, and never repeated in an error."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# Providers take callback addresses of 1024 characters at most, and ours add a path.
_LONGEST_PUBLIC = 900


def checked_address(url: str) -> str:
    """An http(s) address as a request can really be sent to it. Errors never repeat it: it may hold a secret."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(_wrong_port_or_host(str(error))) from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user name or password")
    if not parts.hostname or not _is_host(parts.hostname):
        raise ValueError("names no valid host")
    if port == 0:
        raise ValueError("has a port outside 1 to 65535")
    if re.search(r"[\s\x00-\x1f\x7f]", url.strip()):
        raise ValueError("must not contain blanks")
    return url.strip()


def _wrong_port_or_host(reason: str) -> str:
    return "has a port outside 1 to 65535" if "ort" in reason else "names no valid host"


def _is_host(host: str) -> bool:
    try:
        if ":" in host:
            return bool(ipaddress.IPv6Address(host.partition("%")[0]))
        return re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?", host.encode("idna").decode().lower()) is not None
    except ValueError:
        return False


def checked_base_address(url: str) -> str:
    parts = urlsplit(checked_address(url))
    if parts.query or parts.fragment:
        raise ValueError("must not carry ? or #")
    return url.strip()


def checked_public_address(url: str) -> str:
    """Where others reach this server: https, except on this machine itself, and short enough to be added to."""
    parts = urlsplit(checked_base_address(url))
    if parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
        raise ValueError("must begin with https://")
    if len(url) > _LONGEST_PUBLIC:
        raise ValueError(f"has more than {_LONGEST_PUBLIC} characters")
    return url.strip().rstrip("/")


def is_this_machine(host: str) -> bool:
    """Whether a host, as it is written in an address or alone, can only be the machine that asks."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_host(host: str) -> str:
    try:
        parts = urlsplit(f"//{host}")
        valid = bool(parts.hostname) and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"[/@?#\s]", host):
        raise ValueError("must be a list of host or host:port")
    return host
