"""ApplyRounds: applies due deliveries in rounds whose size and rests follow from who else wants the process."""

from __future__ import annotations

import time
from collections.abc import Callable

from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.throttle import ApplyThrottle
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store


class ApplyRounds:
    """The rounds of one process.

    `arrived`: how many deliveries have arrived since the start; `crowded`: whether many wait for pages.
    """

    def __init__(
        self, store: Store, clock: Clock, policy: ApplyPolicy, arrived: Callable[[], int], crowded: Callable[[], bool]
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._crowded = crowded
        self._throttle = ApplyThrottle(arrived, crowded)

    async def apply(self) -> int:
        """Apply one round, then rest as the throttle says; how many deliveries were claimed."""
        started, crowded = time.monotonic(), self._crowded()
        quiet = self._throttle.is_quiet and not crowded
        policy = self._policy.crowded if crowded else self._policy.quiet if quiet else self._policy

        def go_on() -> bool:
            return not quiet or (self._throttle.is_quiet and not self._crowded())

        applied = await apply_due(store=self._store, clock=self._clock, policy=policy, go_on=go_on)
        more = applied >= min(policy.batch, self._policy.batch)
        await self._throttle.give_way(time.monotonic() - started, applied, more=more)
        return applied
