"""Settings of orders: registration, couriers, labels, stuck parcels."""

from awbridge.app.settings.fields import Field, SettingsBase
from awbridge.app.settings.types import Delays, Positive
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS


class PushSettings(SettingsBase, group="Registering shipments"):
    """How orders are registered at ClickPost, and cancelled there."""

    push_batch: int = Field(
        100,
        ge=1,
        le=1000,
        description="The maximum number of shipments claimed at once, and of responses recorded at once. A "
        "claim takes no more than may be called at once.",
    )
    push_concurrency: int = Field(
        100,
        ge=1,
        le=200,
        description="The ceiling of concurrent calls to create-order in one process. Push starts with 20 and "
        "[adapts](docs/how-to/operate/operations.md#concurrent-calls) to ClickPost's answers; one account gets "
        "at most three quarters of the calls.",
    )
    push_lease_seconds: float = Field(
        120.0,
        ge=1,
        description="Seconds that claimed shipments belong to one worker. Must be more than 4 times "
        "`AWBRIDGE_CLICKPOST_TIMEOUT`, otherwise awbridge refuses to start, because two workers could register "
        "one order at once.",
    )
    push_rate: float = Field(
        0.0,
        ge=0,
        le=10_000,
        description="Calls to create-order per second, all processes and accounts together; 0 means no limit.",
    )
    retry_delays: Delays = Field(
        DEFAULT_RETRY_DELAYS,
        min_length=3,
        unit="delays",
        example="60,300,900",
        description="Seconds before each retry. Up to 10 % is added at random, and a longer Retry-After is "
        "respected. After the last one the shipment is `gave_up`. Cancelling uses the same delays.",
    )
    waiting_seconds: Positive = Field(
        30.0, description="Seconds between two polls of the order of an asynchronous courier."
    )
    waiting_deadline_seconds: Positive = Field(
        3600.0, description="Seconds that such a courier may take before that counts as a failed attempt."
    )
    cancel_deadline_seconds: Positive = Field(
        259_200.0,
        description="Seconds that a courier may take to confirm a cancellation (3 days by default); then a "
        "person is needed.",
    )
    cancel_updates_status: bool = Field(
        False,
        description="Whether each cancellation is sent with `manually_update_status`: once the courier has "
        "agreed, ClickPost sets the tracking status to Cancelled itself. For couriers that never report a "
        "cancellation.",
    )
    hold_seconds: Positive = Field(
        300.0,
        description="Seconds that a courier account with wrong credentials pauses before one shipment probes "
        "it; the others follow when the probe succeeds.",
    )
    breaker_failures: int = Field(
        10,
        ge=2,
        description="The number of transient failures (server errors, timeouts) of an account within "
        "`AWBRIDGE_BREAKER_WINDOW_SECONDS` that opens its breaker, if they are also `AWBRIDGE_BREAKER_RATE` of "
        "its calls.",
    )
    breaker_rate: float = Field(
        0.5,
        gt=0,
        le=1,
        description="The share of an account's calls within the window that must fail to open its breaker, 0 to 1.",
    )
    breaker_window_seconds: Positive = Field(
        60.0, description="Seconds of the window in which an account's breaker counts failures."
    )
    probe_seconds: Positive = Field(
        60.0,
        description="Seconds between two probes of an account whose breaker is open. A probe is one shipment; "
        "it uses up no attempt.",
    )
    ramp_until: int = Field(
        64,
        ge=1,
        le=10_000,
        description="After a failure or downtime, an account's shipments go out 1, 2, 4, ... at a time up to "
        "this many, then without this limit.",
    )


class CourierSettings(SettingsBase, group="Couriers"):
    """How couriers are chosen, replaced and compared with ClickPost."""

    allocation: Allocation = Field(
        Allocation.RULES,
        description="How the courier of an order that names none is chosen "
        "([allocation](docs/how-to/orders/couriers.md#allocation-orders-that-name-no-courier)): `off`, `rules`, "
        "`recommendation` or `rules-then-recommendation`.",
    )
    fallback_failures: int = Field(
        3,
        ge=1,
        le=100,
        description="The number of refusals by a courier, if they may be temporary, after which its fallback is used.",
    )
    fallback_window_seconds: Positive = Field(
        86400.0, description="Only shipments that failed within this many seconds go to a fallback."
    )
    courier_comparison_seconds: float = Field(
        86400.0, ge=0, description="Seconds between two comparisons of ClickPost's accounts with yours; 0: never."
    )


class LabelSettings(SettingsBase, group="Labels"):
    """How labels are fetched. [Labels](docs/how-to/orders/labels.md) describes how they are printed."""

    labels_ahead: LabelsAhead = Field(
        LabelsAhead.AUTO,
        description="When labels are fetched: `auto` (soon after placing, for courier accounts whose labels "
        "were printed here in the last 7 days), `always` or `never` (only when they are printed). A label takes "
        "20 to 200 KB of the database.",
    )
    label_mib: float = Field(
        10.0, gt=0, le=100, description="MiB of one label; a larger one is named instead of printed."
    )
    label_timeout: float = Field(20.0, gt=0, le=60, description="Seconds to fetch one label.")


class StuckSettings(SettingsBase, group="Stuck parcels"):
    """The hours without a scan after which an open shipment is stuck.

    A shipment shows at once whether it is stuck; lists and counts have it within a minute. A change applies at the next
    start. The shortest limit is also how often an open shipment is looked at where it is not polled.
    """

    stuck_pickup_hours: Positive = Field(
        48.0, description="Hours after which a shipment that is placed and not picked up is stuck."
    )
    stuck_transit_hours: Positive = Field(72.0, description="The same for a shipment in transit.")
    stuck_delivery_hours: Positive = Field(
        48.0, description="The same for a shipment that is out for delivery, or after a failed delivery."
    )
    stuck_return_hours: Positive = Field(120.0, description="The same for a shipment on the way back.")
