"""How courier accounts perform: orders placed, parcels delivered and returned, days to deliver by lane. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from awbridge.domain.tracking.lifecycle import Bucket

MOST_LANES = 10  # of an account, those with the most delivered parcels
_DAY = 86400.0  # seconds
Lane = tuple[str, str]  # the postal regions of pickup and drop: the first two digits of their pincodes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedParcel:
    """What is measured of a placed shipment. `lane`: None if an address has no pincode."""

    account: str
    placed_at: datetime
    status_at: datetime | None
    bucket: int | None
    is_final: bool
    lane: Lane | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneNumbers:
    """Parcels delivered from one postal region to another, and the median of days from placing to delivery."""

    origin: str
    destination: str
    delivered: int
    median_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNumbers:
    """The numbers of one courier account. `ended`: parcels whose journey is over, of those placed.

    `refused`: orders that ClickPost or the courier refused, and that are not corrected.
    """

    account: str
    placed: int
    refused: int
    ended: int
    delivered: int
    returned: int
    median_days: float | None
    lanes: tuple[LaneNumbers, ...]

    @property
    def success(self) -> float | None:
        """The share of orders that were placed, 0 to 1; None without orders."""
        return _share(self.placed, self.placed + self.refused)

    @property
    def delivered_share(self) -> float | None:
        """The share of ended parcels that were delivered, 0 to 1."""
        return _share(self.delivered, self.ended)

    @property
    def returned_share(self) -> float | None:
        """The share of ended parcels that returned to origin, 0 to 1."""
        return _share(self.returned, self.ended)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True, eq=False)
class NumbersCounter:
    """Adds parcels up, in any order."""

    placed: Counter[str] = field(default_factory=Counter[str])
    ended: Counter[str] = field(default_factory=Counter[str])
    returned: Counter[str] = field(default_factory=Counter[str])
    days: dict[str, dict[Lane | None, list[float]]] = field(default_factory=dict[str, dict[Lane | None, list[float]]])

    def add(self, parcel: PlacedParcel) -> None:
        """Count a parcel."""
        self.placed[parcel.account] += 1
        self.ended[parcel.account] += parcel.is_final
        self.returned[parcel.account] += parcel.bucket == Bucket.RETURNED
        if parcel.bucket == Bucket.DELIVERED and parcel.status_at is not None:
            days = max(0.0, (parcel.status_at - parcel.placed_at).total_seconds() / _DAY)
            self.days.setdefault(parcel.account, {}).setdefault(parcel.lane, []).append(days)

    def numbers(self, refused: Counter[str]) -> list[AccountNumbers]:
        """The numbers of every account with orders, by its key."""
        return [self._of(account, refused[account]) for account in sorted({*self.placed, *refused})]

    def _of(self, account: str, refused: int) -> AccountNumbers:
        by_lane = self.days.get(account, {})
        every = [days for lane in by_lane.values() for days in lane]
        lanes = sorted(((lane, days) for lane, days in by_lane.items() if lane), key=lambda one: (-len(one[1]), one[0]))
        return AccountNumbers(
            account=account,
            placed=self.placed[account],
            refused=refused,
            ended=self.ended[account],
            delivered=len(every),
            returned=self.returned[account],
            median_days=median(every) if every else None,
            lanes=tuple(
                LaneNumbers(origin=lane[0], destination=lane[1], delivered=len(days), median_days=median(days))
                for lane, days in lanes[:MOST_LANES]
            ),
        )
