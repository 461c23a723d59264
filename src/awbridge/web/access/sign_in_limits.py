"""Limits wrong passwords per address and per name, in this process's memory."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable

from awbridge.domain.people.credentials import digest
from awbridge.web.key_limiter import LARGEST_MEMORY, WrongKeyLimiter

NAME_INTERVAL = 30.0  # seconds until a name allows another wrong password, after ten at once


class SignInLimits:
    """Counts wrong passwords. `steady` is monotonic, in seconds. `beyond`: what counts those of all accounts.

    A name or address with a right password within the last hour is not locked out by others' guesses.
    """

    def __init__(
        self,
        *,
        steady: Callable[[], float] = time.monotonic,
        beyond: WrongKeyLimiter | None = None,
        largest_memory: int = LARGEST_MEMORY,
    ) -> None:
        self._addresses = WrongKeyLimiter(Counter(), clock=steady, beyond=beyond, largest_memory=largest_memory)
        self._names = WrongKeyLimiter(Counter(), interval=NAME_INTERVAL, clock=steady)

    def wait(self, address: str, login: str) -> int:
        """Whole seconds until a password from there, for this name, is looked at; 0 if now. Counts nothing."""
        return math.ceil(max(self._addresses.wait(address), self._names.wait(_name(login))))

    def count(self, address: str, login: str, *, right: bool) -> int:
        """Count a password. Whole seconds to wait before it may be accepted; 0 if it is now."""
        waits = (self._addresses.count(address, right=right), self._names.count(_name(login), right=right))
        return math.ceil(max(waits))


def _name(login: str) -> str:
    return f"name {digest(login)[:48]}"
