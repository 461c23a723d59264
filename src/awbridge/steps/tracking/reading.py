"""How deliveries are read: what an account says about the times in them."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from awbridge.clickpost.tracking.webhook_bodies import read_delivery
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.store.tracking.inbox import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How deliveries are read: the account's time zone, and whether a trailing Z means UTC."""

    zone: ZoneInfo
    z_means_utc: bool = False

    def of(self, delivery: Delivery) -> list[TrackingUpdate]:
        """The updates in a delivery. Raises Unreadable."""
        return read_delivery(
            delivery.source,
            delivery.body,
            received_at=delivery.received_at,
            zone=self.zone,
            z_means_utc=self.z_means_utc,
        )
