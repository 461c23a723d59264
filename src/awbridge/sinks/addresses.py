"""Checks the addresses of webhook subscribers: private networks cannot be reached (SSRF) unless allowed.

The host name is resolved and every address of it is checked. The connection uses the checked address itself, so a later
change of the name (DNS rebinding) has no effect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from awbridge.domain.errors import NotPossible

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")))
# All other IPv6 addresses are private, embed IPv4 in ways that few networks support, or are unassigned.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(NotPossible):
    """An endpoint's address is not allowed. The text says why and what to do."""


class AddressUnknown(NotPossible):
    """A host name does not resolve; it may later."""


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a request: the host name in the URL and the checked address."""

    host: str
    address: str


def read_networks(text: Sequence[str]) -> tuple[Network, ...]:
    """Parse the networks of the settings. Raises ValueError."""
    return tuple(ipaddress.ip_network(part) for part in text)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address embeds; otherwise the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    inner = _inner(address)
    if isinstance(inner, ipaddress.IPv6Address) and inner not in _GLOBAL_UNICAST:
        return False
    return inner.is_global and not inner.is_multicast and not any(inner in network for network in _NOT_PUBLIC)


def check_url(url: str, allowed: Sequence[Network] = ()) -> str:
    """The host of an endpoint's URL. Raises AddressRefused. The name is not resolved.

    http is for allowed networks only: elsewhere a signed delivery could be read and replayed.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("not a valid URL; write https://host/path") from None
    if parts.scheme not in ("https", "http") or not host or any(c.isspace() or not c.isprintable() for c in url):
        raise AddressRefused("not a valid URL; write https://host/path")
    if parts.username or parts.password:
        raise AddressRefused("remove the user and password from the URL; deliveries are signed instead")
    if parts.scheme == "http" and not allowed:
        raise AddressRefused("use https; http is allowed only for the networks in AWBRIDGE_ENDPOINT_NETWORKS")
    return host


async def find_target(url: str, allowed: Sequence[Network] = ()) -> Target:
    """The address to connect to. Raises AddressRefused if any address of the host is not allowed, AddressUnknown."""
    host = check_url(url, allowed)
    addresses = await resolve(host)
    for address in addresses:
        inner = _inner(address)
        in_allowed = any(inner in network for network in allowed if network.version == inner.version)
        if not in_allowed and (not is_public(address) or url.lower().startswith("http:")):
            raise AddressRefused(
                f"{host} resolves to a network that is not allowed (or not over http). "
                "If this is intended, add the network to AWBRIDGE_ENDPOINT_NETWORKS."
            )
    return Target(host, str(addresses[0]))


async def resolve(host: str) -> list[Address]:
    """The addresses of a host name, or the address itself. Raises AddressUnknown."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressUnknown(f"{host} does not resolve to an address") from None
    # An IPv6 address may have a zone ("%eth0").
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
