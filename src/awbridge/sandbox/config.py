"""The configuration of a sandbox: accounts, time, response shapes, faults."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Weight = Annotated[float, Field(ge=0)]

CreateFault = Literal[
    "cut_before_placing", "http_500", "http_503", "html_body", "empty_body", "rate_limited", "cut_after_placing"
]
CREATE_FAULTS: tuple[CreateFault, ...] = get_args(CreateFault)
"""Faults of create-order of which at most one occurs per call, in order of precedence."""

Variant = Literal[
    "all_statuses", "all_statuses_old", "selected_events", "selected_events_top", "track_order", "returns"
]
KeyLocation = Literal["webhook_key", "x-api-key", "raw", "bearer", "basic"]
"""How a webhook carries its key: in a header of that name, or in `Authorization`, raw or with that scheme."""

FaultKind = Literal[
    CreateFault,
    "error_code",
    "slow",
    "held_by_courier",
    "quoted_people",
    "async_orders",
    "duplicate_webhooks",
    "shuffled_webhooks",
    "late_webhooks",
    "bulk_webhooks",
    "dropped_webhooks",
    "poll_http_500",
    "poll_rate_limited",
    "other_http_500",
    "other_rate_limited",
    "older_account",
    "cancel_later",
    "cancel_never",
    "cancel_silent",
    "cancel_deleted",
    "failed_reports",
]
ENDPOINT_FAULTS: Final = frozenset({"error_code", "slow", *CREATE_FAULTS})
"""Faults that can be requested for any endpoint by its name."""

VARIANT_WEIGHTS: Final[Mapping[Variant, float]] = {
    "all_statuses": 5,
    "all_statuses_old": 2,
    "selected_events": 2,
    "selected_events_top": 1,
    "track_order": 1,
}


class FrozenModel(BaseModel):
    """An immutable model that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SimulatedAccount(FrozenModel):
    """One courier account of the simulated enterprise."""

    courier_partner_id: int = Field(description="ClickPost's id of the courier (cp_id).")
    courier_name: str = Field(description="The courier's name as ClickPost shows it.")
    account_code: str = Field(description="The enterprise's name for this account.")
    account_active: bool = Field(default=True, description="False: orders return 353.")
    rvp: bool = Field(default=True, description="False: returns (RVP) return 311.")
    not_served: tuple[str, ...] = Field(
        default=(), description="Prefixes of pincodes that it does not serve; orders to them return 319."
    )
    cod: bool = Field(default=True, description="False: serves no pincode for COD.")
    exchange: bool = Field(default=True, description="False: serves no pincode for EXCHANGE and refuses such orders.")
    pod: bool = Field(default=True, description="False: proofs of delivery return 306.")


DEFAULT_ACCOUNTS = (
    SimulatedAccount(courier_partner_id=3, courier_name="EcomExpress", account_code="Ecom Forward"),
    SimulatedAccount(courier_partner_id=4, courier_name="Delhivery", account_code="Delhivery Surface"),
    SimulatedAccount(courier_partner_id=5, courier_name="Bluedart", account_code="Bluedart Air", rvp=False),
    SimulatedAccount(courier_partner_id=6, courier_name="XpressBees", account_code="XpressBees Surface"),
    SimulatedAccount(courier_partner_id=9, courier_name="Shadowfax", account_code="Shadowfax Local"),
    SimulatedAccount(courier_partner_id=25, courier_name="Delhivery", account_code="Delhivery Reverse"),
    SimulatedAccount(courier_partner_id=28, courier_name="Bluedart", account_code="Bluedart Reverse"),
    SimulatedAccount(courier_partner_id=50, courier_name="Loadshare", account_code="Loadshare City"),
    SimulatedAccount(courier_partner_id=55, courier_name="Ekart", account_code="Ekart Forward"),
    SimulatedAccount(courier_partner_id=2, courier_name="Aramex", account_code="Aramex International"),
)


class DowntimeWindow(FrozenModel):
    """A period in which every new order of one courier fails. Real seconds since the sandbox started."""

    courier_partner_id: int = Field(description="The courier that is down.")
    from_second: Seconds = Field(description="Start of the period, seconds.")
    to_second: Seconds = Field(description="End of the period, seconds; exclusive.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.to_second <= self.from_second:
            raise ValueError("to_second must be greater than from_second")
        return self


class Faults(FrozenModel):
    """The fault probabilities. Every number is a probability from 0 (never) to 1 (always) unless it is in seconds."""

    error_codes: dict[int, Probability] = Field(
        default_factory=dict, description="create-order: business code -> probability; the sum is at most 1."
    )
    http_500: Probability = Field(default=0, description="create-order: HTTP 500, nothing placed.")
    http_503: Probability = Field(default=0, description="create-order: HTTP 503, nothing placed.")
    html_body: Probability = Field(default=0, description="create-order: an HTML page, nothing placed.")
    empty_body: Probability = Field(default=0, description="create-order: an empty body, nothing placed.")
    rate_limited: Probability = Field(default=0, description="create-order: HTTP 429 with Retry-After.")
    retry_after_seconds: Seconds = Field(default=1, description="Value of Retry-After, seconds.")
    slow: Probability = Field(default=0, description="create-order: the response is delayed by slow_seconds.")
    slow_seconds: Seconds = Field(default=1, description="Delay of a slow response, seconds.")
    cut_after_placing: Probability = Field(default=0, description="The order is placed, then the connection is cut.")
    cut_before_placing: Probability = Field(default=0, description="The connection is cut, nothing is placed.")
    held_by_courier: Probability = Field(
        default=0, description="329, although the courier has booked it; then 319, AWB Already Exists."
    )
    async_orders: Probability = Field(default=0, description="An order is queued: 202, 102..., then 200.")
    quoted_people: Probability = Field(
        default=0, description="create-order: an error message quotes the customer's name, phone, email and address."
    )
    downtime: tuple[DowntimeWindow, ...] = Field(default=(), description="Periods in which a courier is down.")
    duplicate_webhooks: Probability = Field(default=0, description="A webhook is sent twice.")
    shuffled_webhooks: Probability = Field(default=0, description="A webhook is delayed at random.")
    shuffle_seconds: Seconds = Field(default=0.5, description="Longest random delay, seconds.")
    late_webhooks: Probability = Field(default=0, description="A webhook is delayed by late_seconds.")
    late_seconds: Seconds = Field(default=2, description="Delay of a late webhook, seconds.")
    bulk_webhooks: Probability = Field(default=0, description="2 to 5 scans are held back and sent together.")
    dropped_webhooks: Probability = Field(default=0, description="A webhook is never sent.")
    poll_http_500: Probability = Field(default=0, description="track-order, updated-order: HTTP 500.")
    poll_rate_limited: Probability = Field(default=0, description="track-order, updated-order: HTTP 429.")
    other_http_500: Probability = Field(default=0, description="Every other endpoint: HTTP 500.")
    other_rate_limited: Probability = Field(default=0, description="Every other endpoint: HTTP 429.")
    older_account: Probability = Field(default=0, description="track-order: a list of scans without an object.")
    cancel_later: Probability = Field(default=0, description="cancel-order: HTTP 202, cancelled later.")
    cancel_later_seconds: Seconds = Field(default=0.5, description="Delay of such a cancellation, seconds.")
    cancel_never: Probability = Field(default=0, description="cancel-order: HTTP 202, never cancelled.")
    cancel_silent: Probability = Field(default=0, description="cancel-order: cancelled, but never reported.")
    cancel_deleted: Probability = Field(default=0, description="cancel-order, repeated: HTTP 400, already deleted.")
    failed_reports: Probability = Field(default=0, description="A report fails: FAILED.")

    @field_validator("error_codes")
    @classmethod
    def _together_at_most_one(cls, value: dict[int, float]) -> dict[int, float]:
        if sum(value.values()) > 1 + 1e-9:
            raise ValueError("the probabilities of error_codes must not exceed 1 in total")
        return value

    @classmethod
    def from_pairs(cls, pairs: Iterable[str]) -> Self:
        """Parse `name=value` pairs from the command line. A numeric name is an error code.

        A value that starts with a bracket is JSON. Raises ValueError that names the invalid pair.

        >>> Faults.from_pairs(["http_500=0.1", "329=0.2"]).error_codes
        {329: 0.2}
        """
        fields: dict[str, object] = {}
        codes: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not equals:
                raise ValueError(f"{pair!r} is not a fault: use name=probability, such as http_500=0.1")
            if name.isdigit():
                codes[name] = value
            else:
                fields[name] = json.loads(value) if value[:1] in ("{", "[") else value
        if codes:
            fields["error_codes"] = codes
        return cls.model_validate(fields)


class JourneyWeights(FrozenModel):
    """The relative frequency of each journey of a forward order."""

    delivered: Weight = Field(default=62, description="Delivered at the first attempt.")
    ndr_delivered: Weight = Field(default=16, description="One or more failed attempts, then delivered.")
    rto: Weight = Field(default=12, description="Refused or unreachable, returned to origin.")
    cancelled: Weight = Field(default=5, description="Never picked up, cancelled by the courier.")
    lost: Weight = Field(default=2, description="Lost in transit.")
    damaged: Weight = Field(default=2, description="Damaged in transit.")
    expired: Weight = Field(default=1, description="Never moved, expired.")

    @model_validator(mode="after")
    def _some_journey_is_possible(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("at least one journey needs a weight above 0")
        return self


class SandboxConfig(FrozenModel):
    """The settings of a sandbox. The defaults are a ClickPost without faults, in real time."""

    username: str = Field(default="sandbox", description="Accepted `username` query parameter.")
    key: str = Field(default="sandbox-key", description="Accepted `key` query parameter.")
    password: str = Field(default="sandbox-password", description="Accepted password at user/token.")
    enterprise_name: str = Field(default="Sandbox Traders", description="Shown by fetch-accounts.")
    seed: int = Field(default=1, description="The same seed gives every order the same journey and faults.")
    accounts: tuple[SimulatedAccount, ...] = Field(default=DEFAULT_ACCOUNTS, description="Courier accounts.")
    async_couriers: tuple[int, ...] = Field(default=(), description="cp_ids that return 202 first.")
    async_polls: int = Field(default=2, ge=0, description="Number of 102 responses after a 202.")
    waybill_couriers: tuple[int, ...] = Field(
        default=(), description="cp_ids that require a pre-assigned awb_number; without one they return 321."
    )
    reuse_waybills: bool = Field(
        default=False,
        description="True: the waybill of a completed shipment may be assigned again, as couriers reuse numbers.",
    )
    serviceable_share: Probability = Field(default=0.9, description="Share of the pincodes that an account serves.")
    unserved_pincodes: tuple[str, ...] = Field(default=(), description="Pincodes that no account serves.")
    edd_subscribed: bool = Field(default=True, description="False: predictions return 320.")
    ndr_feedback: Probability = Field(
        default=0.5, description="Share of failed deliveries for which the customer leaves feedback."
    )
    return_requests: Probability = Field(
        default=0.1, description="Share of delivered orders that the customer requests to return."
    )
    return_webhooks: bool = Field(
        default=False, description="True: return requests are also sent as webhooks (101, 102)."
    )
    report_polls: int = Field(default=2, ge=0, description="Number of IN_PROGRESS responses before a report is ready.")
    fetch_by_reference: bool = Field(
        default=True,
        description="False: an order is fetched only by awb and cp_id, as documented; otherwise HTTP 400 and {}.",
    )
    payload_before_reference: bool = Field(
        default=False, description="True: the payload is validated before the reference number is looked up."
    )
    page_size: int = Field(default=100, ge=1, description="Rows per page of updated-order.")
    odd_answers: Probability = Field(
        default=0.25, description="Share of responses in an unusual but observed shape (strings for numbers, ...)."
    )

    speed: float = Field(default=1, gt=0, description="Courier seconds per real second.")
    backdate_seconds: Seconds = Field(default=0, description="How far in the past courier time starts, seconds.")
    gap_scale: float = Field(default=1, gt=0, description="Factor on the time between two scans.")
    tick_seconds: float = Field(default=0.05, gt=0, description="Interval at which journeys advance, real seconds.")
    weights: JourneyWeights = Field(default=JourneyWeights(), description="Relative frequency of each journey.")
    undocumented_codes: Probability = Field(
        default=0.1, description="Share of forward journeys with a status code that is on no public list."
    )
    piece_scans: Probability = Field(default=0, description="Share of multi-piece orders with scans for each piece.")
    pieces_alone: Probability = Field(default=0.5, description="Share of those that have no scan of the main waybill.")
    wrong_pieces: Probability = Field(
        default=0.5, description="Share of those in which one piece fails, is lost, damaged or returned."
    )
    wrong_buckets: Probability = Field(default=0.05, description="Share of scans whose bucket contradicts their code.")

    webhook_url: str | None = Field(default=None, description="Registered at start, if given.")
    webhook_key: str | None = Field(default=None, description="Value of the webhook key; random if not given.")
    webhook_key_in: KeyLocation = Field(
        default="webhook_key", description="How webhooks carry the key: webhook_key, x-api-key, raw, bearer or basic."
    )
    webhook_key_first: bool = Field(
        default=False,
        description="True: the header with the key is sent before Host; nginx may treat that differently.",
    )
    entitled_to_webhooks: bool = Field(default=True, description="False: registration returns 306.")
    webhook_tries: int = Field(default=3, ge=1, description="Attempts per webhook before it is discarded.")
    webhook_timeout_seconds: float = Field(default=2, gt=0, description="Timeout of one attempt, seconds.")
    webhook_pause_seconds: Seconds = Field(default=0.5, description="Pause between two attempts, seconds.")
    webhook_workers: int = Field(default=16, ge=1, description="Maximum number of webhooks in flight.")
    webhook_variants: dict[Variant, Weight] = Field(
        default_factory=lambda: dict(VARIANT_WEIGHTS),
        description="Relative frequency of each body variant. Half of the webhooks of RVP orders use `returns`.",
    )
    order_status_ids: Probability = Field(default=0.5, description="Share of webhooks with order_status_id.")
    odd_values: Probability = Field(
        default=0.2, description="Share of webhooks with numbers as strings, null for empty, and so on."
    )
    missing_locations: Probability = Field(
        default=0.1, description="Share of webhooks that contain a scan twice, once without its location."
    )
    older_time_stamps: Probability = Field(
        default=0.25, description="Share of latest_time_stamp values older than latest_status.timestamp."
    )

    faults: Faults = Field(default=Faults(), description="Fault probabilities.")

    def find_account(self, cp_id: str, account_code: str) -> SimulatedAccount | None:
        key = cp_id, account_code
        return next((a for a in self.accounts if (str(a.courier_partner_id), a.account_code) == key), None)

    @field_validator("webhook_variants")
    @classmethod
    def _some_variant_is_possible(cls, value: dict[Variant, float]) -> dict[Variant, float]:
        if not any(value.values()):
            raise ValueError("at least one webhook variant needs a weight above 0")
        return value
