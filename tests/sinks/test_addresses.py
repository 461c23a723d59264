"""An endpoint's address cannot reach a private network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from awbridge.sinks.addresses import AddressRefused, AddressUnknown, find_target, is_public, read_networks


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
        *("::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "5f00::1", "192.88.99.1", "192.0.0.9"),
    ],
)
def test_private_and_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://2130706433/x", "https://0x7f.1/x"),
        *("http://8.8.8.8/x", "ftp://8.8.8.8/", "https://", "nonsense", "https://user:pass@8.8.8.8/"),
        *("https://8.8.8.8:port/", "https://[::ffff:192.168.0.1]/", "https://a b/", "https://a.example/x\u200b"),
    ],
)
async def test_invalid_addresses_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        await find_target(url)


async def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(AddressRefused, match="AWBRIDGE_ENDPOINT_NETWORKS"):
        await find_target("https://both.example/x")


async def test_an_allowed_network_may_be_reached_also_over_http() -> None:
    allowed = read_networks(["127.0.0.0/8"])
    assert (await find_target("http://127.0.0.1:8080/x", allowed)).address == "127.0.0.1"
    with pytest.raises(AddressRefused):
        await find_target("https://10.0.0.1/x", allowed)
    with pytest.raises(AddressRefused):
        await find_target("http://8.8.8.8/x", allowed)


async def test_an_unresolved_name_may_resolve_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(AddressUnknown):
        await find_target("https://nowhere.example/x")
