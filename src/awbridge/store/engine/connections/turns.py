"""Turns of accounts at what they share: connections to one server. No I/O."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

LEAST_SHARE = 2  # slots: with one, a read within a transaction would wait for itself


class Turns:
    """So many `slots`, which accounts take and give back.

    While several accounts are members, one holds at most half of the slots, at least `LEAST_SHARE`. Accounts that wait
    are served in the order in which they came, one request each. An account that was served lines up again behind the
    others, and once more when it gives a slot back. So where there is one slot, a flood of one account delays another's
    request by no more than the turn that it has.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._free = slots
        self._members: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # accounts in the order of their turns

    def join(self, account: str) -> None:
        """A store of this account uses the slots from now on."""
        self._members[account] += 1

    def leave(self, account: str) -> None:
        """A store of this account uses them no more. Those that it holds are given back as usual."""
        self._members[account] -= 1
        self._members = +self._members
        self._serve()

    @property
    def share(self) -> int:
        """How many slots one account may hold now."""
        return self._slots if len(self._members) < 2 else min(self._slots, max(LEAST_SHARE, self._slots // 2))

    async def take(self, account: str) -> None:
        """Wait for a slot and hold it until `give_back`."""
        if self._may_have(account):
            self._hold(account)
            return
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(served)
        try:
            await served
        except asyncio.CancelledError:
            if not served.cancelled():  # the slot was given at the same moment
                self.give_back(account)
            raise

    def give_back(self, account: str) -> None:
        """Give up a slot that was taken; the next in turn has it."""
        self._free += 1
        self._held[account] -= 1
        if not self._held[account]:
            del self._held[account]
        if account in self._waiting:
            self._waiting[account] = self._waiting.pop(account)
        self._serve()

    def _may_have(self, account: str) -> bool:
        """Whether there is a slot for it. Nobody who waits could have that one: each is served once he can be."""
        return self._free > 0 and self._held[account] < self.share

    def _hold(self, account: str) -> None:
        self._free -= 1
        self._held[account] += 1

    def _serve(self) -> None:
        while self._free and (account := next(filter(self._may_have, self._waiting), None)) is not None:
            requests = self._waiting.pop(account)
            served = requests.popleft()
            if requests:
                self._waiting[account] = requests
            if not served.done():  # else it was cancelled meanwhile
                self._hold(account)
                served.set_result(None)
