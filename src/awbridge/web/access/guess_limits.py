"""The limits of guesses in one process: of each account, and of one address over all accounts.

They outlive the accounts that are open: one that is closed and opened again has counted what was guessed before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from awbridge.web.access.sign_in_limits import SignInLimits
from awbridge.web.key_limiter import LARGEST_MEMORY, WrongKeyLimiter

BURST = 30  # wrong keys or passwords that an address may send at once to all accounts together
INTERVAL = 2.0  # seconds until it may send another one
OF_AN_ACCOUNT = 2_000  # addresses that are remembered for each account beside the home


class GuessLimits:
    """The limits by account; "" is the home. `refused` counts refused API keys. `steady` is monotonic, in seconds.

    Who tries one key at many accounts is limited as if they were a few: without the limit over all accounts, each
    account would allow ten at once.
    """

    def __init__(self, refused: Counter[str], *, steady: Callable[[], float] = time.monotonic) -> None:
        self._refused = refused
        self._steady = steady
        self._all_keys = WrongKeyLimiter(refused, burst=BURST, interval=INTERVAL, clock=steady, trusts=False)
        self._all_sign_ins = WrongKeyLimiter(burst=BURST, interval=INTERVAL, clock=steady, trusts=False)
        self._keys: dict[str, WrongKeyLimiter] = {}
        self._sign_ins: dict[str, SignInLimits] = {}

    def keys_of(self, account: str) -> WrongKeyLimiter:
        """The limiter of wrong API keys of an account."""
        if account not in self._keys:
            self._keys[account] = WrongKeyLimiter(
                self._refused, largest_memory=_memory(account), clock=self._steady, beyond=self._all_keys
            )
        return self._keys[account]

    def sign_ins_of(self, account: str) -> SignInLimits:
        """The limits of wrong passwords of an account."""
        if account not in self._sign_ins:
            self._sign_ins[account] = SignInLimits(
                steady=self._steady, beyond=self._all_sign_ins, largest_memory=_memory(account)
            )
        return self._sign_ins[account]


def _memory(account: str) -> int:
    return OF_AN_ACCOUNT if account else LARGEST_MEMORY
