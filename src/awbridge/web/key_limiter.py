"""Limit guesses of API keys: each client address may send a few wrong keys at once, then one every few seconds."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

BURST = 10  # wrong keys that an address may send at once
INTERVAL = 6.0  # seconds until it may send another one
LARGEST_MEMORY = 10_000  # addresses
TRUSTED_FOR = 3600.0  # seconds after a right key


@dataclass(slots=True)
class _Address:
    remaining: float  # wrong keys
    updated_at: float
    accepted_at: float = float("-inf")


class WrongKeyLimiter:
    """Counts wrong keys per address, in bounded memory. `clock` is monotonic, in seconds. `refused` counts what was
    refused, as `counted_as`.

    A limited address does not affect others. A right key is accepted even from a limited address if one was accepted
    there within the last hour: the programs of a company share an address, and one with an old key must not stop the
    others.

    `beyond`: another limiter that counts too, over all accounts. It limits whom this one has not accepted within the
    hour. `trusts`: whether an accepted key has that effect here; not over all accounts, or the holder of a key of one
    account could guess those of the others.
    """

    def __init__(
        self,
        refused: Counter[str] | None = None,
        *,
        burst: int = BURST,
        interval: float = INTERVAL,
        largest_memory: int = LARGEST_MEMORY,
        counted_as: str = "api_key",
        clock: Callable[[], float] = time.monotonic,
        beyond: WrongKeyLimiter | None = None,
        trusts: bool = True,
    ) -> None:
        self._refused: Counter[str] = Counter() if refused is None else refused
        self._burst = burst
        self._interval = interval
        self._largest_memory = largest_memory
        self._counted_as = counted_as
        self._clock = clock
        self._beyond = beyond
        self._trusts = trusts
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    @property
    def remembered(self) -> int:
        """The number of addresses in memory."""
        return len(self._addresses)

    def wait(self, address: str) -> float:
        """Seconds until a right key from this address is accepted, without counting one; 0: now.

        For keys that are expensive to check.
        """
        now, entry = self._clock(), self._addresses.get(_network(address))
        if entry is not None and now - entry.accepted_at < TRUSTED_FOR:
            return 0.0
        own = max(0.0, 1 - self._remaining(entry, now)) * self._interval if entry else 0.0
        return max(own, self._beyond.wait(address)) if self._beyond else own

    def _remaining(self, entry: _Address, now: float) -> float:
        return min(self._burst, entry.remaining + (now - entry.updated_at) / self._interval)

    def count(self, address: str, *, right: bool) -> float:
        """Count a key from this address. Returns the seconds until keys from there are accepted again; 0: now."""
        now, network = self._clock(), _network(address)
        entry = self._addresses.get(network)
        if entry is None:
            entry = self._remember(network, now)
        entry.remaining = self._remaining(entry, now)
        entry.updated_at = now
        trusted = right and now - entry.accepted_at < TRUSTED_FOR
        if entry.remaining < 1 and not trusted:
            self._refused[self._counted_as] += 1
            return (1 - entry.remaining) * self._interval
        if self._beyond and not trusted and (wait := self._beyond.count(address, right=right)):
            return wait
        if right:
            entry.accepted_at = now if self._trusts else float("-inf")
            self._addresses.move_to_end(network)  # addresses with right keys are kept longest
        else:
            entry.remaining -= 1
        return 0.0

    def _remember(self, network: str, now: float) -> _Address:
        if len(self._addresses) >= self._largest_memory:
            self._addresses.popitem(last=False)
        self._addresses[network] = entry = _Address(self._burst, now)
        return entry


def _network(address: str) -> str:
    """The addresses that one client can choose from: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
