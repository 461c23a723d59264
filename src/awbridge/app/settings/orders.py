"""Settings of orders: registration, retries, breaker, allocation, labels, stuck parcels."""

from awbridge.app.setting_fields import Field, SettingsBase
from awbridge.app.setting_types import Delays, Positive
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS


class OrderSettings(SettingsBase):
    """How orders are registered and their labels fetched, and when a parcel counts as stuck."""

    push_batch: int = Field(100, ge=1, le=1000, description="Shipments that push claims at once, at most.")
    push_concurrency: int = Field(
        100, ge=1, le=200, description="Concurrent calls to create-order in one process, at most."
    )
    push_lease_seconds: float = Field(
        120.0,
        ge=1,
        description="How long claimed shipments belong to one worker. More than 4 times AWBRIDGE_CLICKPOST_TIMEOUT.",
    )
    push_rate: float = Field(
        0.0, ge=0, le=10_000, description="Calls to create-order per second over all processes. 0: no limit."
    )
    retry_delays: Delays = Field(
        DEFAULT_RETRY_DELAYS,
        min_length=3,
        unit="delays",
        example="60,300,900",
        description="Seconds before each retry, comma-separated, at least 3. After the last one the shipment gives up.",
    )
    waiting_seconds: Positive = Field(30.0, description="Seconds between checks of an asynchronous courier's order.")
    waiting_deadline_seconds: Positive = Field(
        3600.0, description="Seconds an asynchronous courier may take before that counts as a failed attempt."
    )
    cancel_deadline_seconds: Positive = Field(
        259_200.0, description="Seconds a courier may take to confirm a cancellation before a person is needed."
    )
    cancel_updates_status: bool = Field(
        False, description="Whether ClickPost sets the tracking status to Cancelled once the courier has agreed."
    )
    hold_seconds: Positive = Field(
        300.0, description="Seconds that an account with wrong credentials is held before one shipment probes it."
    )
    breaker_failures: int = Field(
        10, ge=2, description="Failed calls of one account within the window that open its breaker."
    )
    breaker_rate: float = Field(0.5, gt=0, le=1, description="Share of calls that must also fail to open the breaker.")
    breaker_window_seconds: Positive = Field(60.0, description="The window in which the breaker counts.")
    probe_seconds: Positive = Field(60.0, description="Seconds between probes of an account whose breaker is open.")
    ramp_until: int = Field(
        64, ge=1, le=10_000, description="After a downtime, shipments go out 1, 2, 4, ... at a time, up to this many."
    )

    allocation: Allocation = Field(
        Allocation.RULES,
        description="How orders without a courier get one: off, rules, recommendation or rules-then-recommendation.",
    )
    fallback_failures: int = Field(
        3, ge=1, le=100, description="Transient refusals by a courier before its fallback is tried."
    )
    fallback_window_seconds: Positive = Field(
        86400.0, description="Only shipments that failed within this time move to a fallback."
    )
    courier_comparison_seconds: float = Field(
        86400.0,
        ge=0,
        description="Seconds between comparisons of the accounts at ClickPost with the mapping. 0: never.",
    )

    labels_ahead: LabelsAhead = Field(
        LabelsAhead.AUTO,
        description="When labels are fetched: auto (ahead, for courier accounts whose labels were printed here in the "
        "last 7 days), always or never (only when they are printed).",
    )
    label_mib: float = Field(10.0, gt=0, le=100, description="Maximum MiB of one label.")
    label_timeout: float = Field(20.0, gt=0, le=60, description="Seconds to fetch one label.")

    stuck_pickup_hours: Positive = Field(
        48.0, description="Hours without a scan after which a parcel awaiting pickup counts as stuck."
    )
    stuck_transit_hours: Positive = Field(72.0, description="The same for a parcel in transit.")
    stuck_delivery_hours: Positive = Field(
        48.0, description="The same for a parcel out for delivery or after a failed delivery."
    )
    stuck_return_hours: Positive = Field(120.0, description="The same for a parcel returning.")
