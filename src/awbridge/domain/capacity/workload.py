"""The volume that an estimate is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from awbridge.domain.capacity.measured import Engine
from awbridge.domain.tracking.asking import HEADROOM
from awbridge.domain.tracking.polling_mode import PollingMode

MONTH = 30.0  # days
ECONOMICAL = 94 / 212  # of the calls of guide mode: tests/domain/tracking/test_polling_cost.py, with the actual rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Parcels, and how they are treated.

    `parcels`: of a month of 30 days. `scans`: of a parcel. `open_days`: from placing to the final status. `failed`: the
    share of calls that fail and are repeated, below 1. `peak`: the busiest hour, as a multiple of the average one.
    `subscribers`: of webhooks. `messages`: to the customer of a parcel. `accounts`: that share the parcels.
    `age`: days since the first parcel. `kept`: days that the rows of a table are kept, by table; a table that is not in
    it is kept for ever. `poll_every`: how often an open parcel is polled. `polling_pace`: the most polling calls per
    second.
    """

    engine: Engine
    parcels: float
    scans: float = 10.0
    open_days: float = 5.0
    failed: float = 0.02
    peak: float = 10.0
    subscribers: int = 1
    messages: float = 0.0
    accounts: int = 1
    age: float = 365.0
    kept: Mapping[str, float] = field(default_factory=dict[str, float])
    polling: PollingMode = PollingMode.GUIDE
    poll_every: timedelta = timedelta(days=1)
    polling_pace: float = 5.0

    @property
    def parcels_a_day(self) -> float:
        """Parcels of an average day."""
        return self.parcels / MONTH

    @property
    def polls(self) -> float:
        """How often a parcel is polled by track-order, on average.

        In guide mode between half a period and a whole one after it was placed, then every period, and once more when
        it has ended.
        """
        guide = self.open_days / (self.poll_every / timedelta(days=1) * HEADROOM) + 0.25 + 1
        return guide * (ECONOMICAL if self.polling is PollingMode.ECONOMICAL else 1.0)

    def days_kept(self, table: str) -> float:
        """For how many days of parcels a table has rows."""
        return min(self.kept.get(table, self.age), self.age)

    def is_kept_for_ever(self, table: str) -> bool:
        """Whether no row of a table is deleted by its age."""
        return table not in self.kept
