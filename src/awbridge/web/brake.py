"""A brake on guessing API keys: each client address has a few wrong ones free, then one now and then."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 10  # wrong keys that an address may send at once
EVERY = 6.0  # seconds after which it may send another
REMEMBERED = 10_000  # addresses
KNOWN_FOR = 3600.0  # seconds that an address counts as one with a right key


@dataclass(slots=True)
class _Address:
    left: float  # guesses
    counted_at: float
    right_at: float = float("-inf")


class Brake:
    """Counts wrong keys by address, in bounded memory. `clock` is monotonic, in seconds.

    A right key opens from any other address meanwhile; and also from the same one, where one was right within the hour:
    the programs of a company share an address, and one with an old key must not stop the others.
    """

    def __init__(
        self,
        refused: Counter[str] | None = None,
        *,
        free: int = FREE,
        every: float = EVERY,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._refused: Counter[str] = Counter() if refused is None else refused
        self._free = free
        self._every = every
        self._most = remembered
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many addresses are remembered."""
        return len(self._addresses)

    def judge(self, address: str, *, right: bool) -> float:
        """Seconds that this address must wait before its key is judged; 0: it is. Call it once for each key sent."""
        now, network = self._clock(), _network(address)
        known = self._addresses.get(network)
        if known is None:
            known = self._remember(network, now)
        known.left = min(self._free, known.left + (now - known.counted_at) / self._every)
        known.counted_at = now
        trusted = right and now - known.right_at < KNOWN_FOR
        if known.left < 1 and not trusted:
            self._refused["api_key"] += 1
            return (1 - known.left) * self._every
        if right:
            known.right_at = now
            self._addresses.move_to_end(network)  # whoever was right is remembered longest
        else:
            known.left -= 1
        return 0.0

    def _remember(self, network: str, now: float) -> _Address:
        if len(self._addresses) >= self._most:
            self._addresses.popitem(last=False)
        self._addresses[network] = made = _Address(self._free, now)
        return made


def _network(address: str) -> str:
    """What one client can call from at will: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
