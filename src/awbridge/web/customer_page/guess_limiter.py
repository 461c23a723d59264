"""Limit guesses of links: each client address may try 30 tokens a minute that open nothing, then gets 429.

Only what opens nothing is counted, and a token that a key made is always looked up, even from a limited address. Of
65,536 guesses 65,535 are refused by their check bits without a query, so looking up the others costs next to nothing;
and the customers of a mobile network share an address, in which one guesser must not lock them out.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable

from awbridge.web.key_limiter import WrongKeyLimiter

BURST = 30  # tokens that open nothing, at once
INTERVAL = 2.0  # seconds until an address may try another one


class GuessLimiter:
    """Counts tokens that open nothing, per address (IPv6 by /64), in bounded memory. `clock` is monotonic, in seconds.

    `refused` counts what was refused, as `track_token`.
    """

    def __init__(
        self, refused: Counter[str] | None = None, *, clock: Callable[[], float] = time.monotonic, burst: int = BURST
    ) -> None:
        self._limiter = WrongKeyLimiter(refused, burst=burst, interval=INTERVAL, clock=clock, counted_as="track_token")

    def count(self, address: str) -> int:
        """Count a token that opened nothing. Whole seconds to wait (429, Retry-After); 0 if the page of 404 is due."""
        return math.ceil(self._limiter.count(address, right=False))
