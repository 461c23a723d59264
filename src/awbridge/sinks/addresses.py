"""Which addresses own systems may have: nobody reaches a private network through us (SSRF) unless it is allowed.

The name is resolved here, every address it has is checked, and the connection goes to the checked address itself: a
name that answers differently a moment later gains nothing.
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

_NOT_FOR_THE_PUBLIC = tuple(map(ipaddress.ip_network, ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")))
# All else of IPv6 is private, wraps IPv4 in a way that only some networks know, or is not given to anybody yet.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(NotPossible):
    """An endpoint's address is not one that we connect to. The text says why and what to do."""


class AddressUnknown(NotPossible):
    """A host name has no address now; it may have one later."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the checked address, and the name that stands in the URL."""

    host: str
    address: str


def read_networks(text: Sequence[str]) -> tuple[Network, ...]:
    """Networks as they are written in the settings. Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(part) for part in text)


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address lies on the public internet."""
    inner = _inner(address)
    if isinstance(inner, ipaddress.IPv6Address) and inner not in _GLOBAL_UNICAST:
        return False
    return inner.is_global and not inner.is_multicast and not any(inner in network for network in _NOT_FOR_THE_PUBLIC)


def check_url(url: str, allowed: Sequence[Network] = ()) -> str:
    """The host of a URL that an endpoint may have. Raises AddressRefused. Names are not resolved here.

    http is for allowed networks only: elsewhere what is signed could be read and replayed.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("this is not a URL; write https://host/path") from None
    if parts.scheme not in ("https", "http") or not host:
        raise AddressRefused("this is not a URL; write https://host/path")
    if parts.username or parts.password:
        raise AddressRefused("put no user or password into the URL; deliveries are signed")
    if parts.scheme == "http" and not allowed:
        raise AddressRefused("use https; http is for the networks in AWBRIDGE_ENDPOINT_NETWORKS only")
    return host


async def find_target(url: str, allowed: Sequence[Network] = ()) -> Target:
    """The one address to connect to. Raises AddressRefused where any address of the host is not allowed."""
    host = check_url(url, allowed)
    addresses = await _resolve(host)
    for address in addresses:
        inner = _inner(address)
        in_allowed = any(inner in network for network in allowed if network.version == inner.version)
        if not in_allowed and (not is_public(address) or url.lower().startswith("http:")):
            raise AddressRefused(
                f"{host} leads into a network that is not allowed (or not over http). "
                "Name the network in AWBRIDGE_ENDPOINT_NETWORKS if this is meant."
            )
    return Target(host, str(addresses[0]))


async def _resolve(host: str) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressUnknown(f"{host} has no address") from None
    # An IPv6 address may carry a zone ("%eth0").
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
