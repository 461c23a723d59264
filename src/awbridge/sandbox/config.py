"""What a simulated ClickPost is told before it starts: accounts, time, shapes of answers, faults."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]

CREATE_FAULTS = (
    "cut_before_placing",
    "http_500",
    "http_503",
    "html_body",
    "empty_body",
    "rate_limited",
    "cut_after_placing",
)
"""Faults of one create-order call of which at most one strikes, asked in this order."""

Variant = Literal[
    "all_statuses", "all_statuses_old", "selected_events", "selected_events_top", "track_order", "returns"
]
KeyPlace = Literal["webhook_key", "x-api-key", "raw", "bearer", "basic"]
"""Where a webhook's key stands: in a header of that name, or in `Authorization`, raw or behind that scheme."""

OnceKind = Literal[
    "error_code",
    "http_500",
    "http_503",
    "html_body",
    "empty_body",
    "rate_limited",
    "slow",
    "cut_after_placing",
    "cut_before_placing",
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
ENDPOINT_FAULTS: Final[frozenset[OnceKind]] = frozenset(
    {
        "error_code",
        "http_500",
        "http_503",
        "html_body",
        "empty_body",
        "rate_limited",
        "slow",
        "cut_before_placing",
        "cut_after_placing",
    }
)
"""Faults that may be asked for by the name of any endpoint."""

VARIANT_WEIGHTS: Final[Mapping[Variant, float]] = {
    "all_statuses": 5,
    "all_statuses_old": 2,
    "selected_events": 2,
    "selected_events_top": 1,
    "track_order": 1,
}


class Frozen(BaseModel):
    """A value that is checked once and never changes; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Account(Frozen):
    """One courier account of the simulated enterprise."""

    courier_partner_id: int = Field(description="ClickPost's id of the courier, the cp_id.")
    courier_name: str = Field(description="The courier's name as ClickPost shows it.")
    account_code: str = Field(description="The enterprise's name for this account.")
    account_active: bool = Field(default=True, description="False: orders are answered with 353.")
    rvp: bool = Field(default=True, description="False: returns (RVP) are answered with 311.")
    not_served: tuple[str, ...] = Field(
        default=(), description="Beginnings of pincodes that it does not serve: orders to them get 319."
    )
    cod: bool = Field(default=True, description="False: serves no pincode for COD.")
    exchange: bool = Field(default=True, description="False: serves no pincode for EXCHANGE, refuses such orders.")
    pod: bool = Field(default=True, description="False: proofs of delivery are answered with 306.")


DEFAULT_ACCOUNTS = (
    Account(courier_partner_id=3, courier_name="EcomExpress", account_code="Ecom Forward"),
    Account(courier_partner_id=4, courier_name="Delhivery", account_code="Delhivery Surface"),
    Account(courier_partner_id=5, courier_name="Bluedart", account_code="Bluedart Air", rvp=False),
    Account(courier_partner_id=6, courier_name="XpressBees", account_code="XpressBees Surface"),
    Account(courier_partner_id=9, courier_name="Shadowfax", account_code="Shadowfax Local"),
    Account(courier_partner_id=25, courier_name="Delhivery", account_code="Delhivery Reverse"),
    Account(courier_partner_id=28, courier_name="Bluedart", account_code="Bluedart Reverse"),
    Account(courier_partner_id=50, courier_name="Loadshare", account_code="Loadshare City"),
    Account(courier_partner_id=55, courier_name="Ekart", account_code="Ekart Forward"),
)


class Downtime(Frozen):
    """A span in which every new order of one courier fails. Seconds count from the start of the sandbox."""

    courier_partner_id: int = Field(description="The courier that is down.")
    from_second: Seconds = Field(description="First second of the span, real seconds since start.")
    to_second: Seconds = Field(description="End of the span, real seconds since start; not part of it.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.to_second <= self.from_second:
            raise ValueError("to_second must be greater than from_second")
        return self


class Faults(Frozen):
    """How often things go wrong. Every plain number is a probability from 0 (never) to 1 (always)."""

    error_codes: dict[int, Probability] = Field(
        default_factory=dict, description="create-order: business code -> probability; together at most 1."
    )
    http_500: Probability = Field(default=0, description="create-order: HTTP 500, nothing placed.")
    http_503: Probability = Field(default=0, description="create-order: HTTP 503, nothing placed.")
    html_body: Probability = Field(default=0, description="create-order: an HTML page, nothing placed.")
    empty_body: Probability = Field(default=0, description="create-order: no body at all, nothing placed.")
    rate_limited: Probability = Field(default=0, description="create-order: HTTP 429 with Retry-After.")
    retry_after_seconds: Seconds = Field(default=1, description="What Retry-After says, seconds.")
    slow: Probability = Field(default=0, description="create-order: answered only after slow_seconds.")
    slow_seconds: Seconds = Field(default=1, description="How long a slow answer takes, seconds.")
    cut_after_placing: Probability = Field(default=0, description="The order is placed, the line is cut.")
    cut_before_placing: Probability = Field(default=0, description="The line is cut, nothing is placed.")
    held_by_courier: Probability = Field(
        default=0,
        description="329, though the courier has booked it: then 319, AWB Already Exists.",
    )
    async_orders: Probability = Field(default=0, description="An order is queued: 202, 102..., then 200.")
    quoted_people: Probability = Field(
        default=0, description="create-order: a refusal quotes the customer's name, phone, mail and address."
    )
    downtime: tuple[Downtime, ...] = Field(default=(), description="Couriers that fail for a while.")
    duplicate_webhooks: Probability = Field(default=0, description="A webhook is sent twice.")
    shuffled_webhooks: Probability = Field(default=0, description="A webhook waits a random moment.")
    shuffle_seconds: Seconds = Field(default=0.5, description="The longest such moment, seconds.")
    late_webhooks: Probability = Field(default=0, description="A webhook is sent late_seconds late.")
    late_seconds: Seconds = Field(default=2, description="How late, seconds.")
    bulk_webhooks: Probability = Field(default=0, description="2 to 5 scans are held and sent together.")
    dropped_webhooks: Probability = Field(default=0, description="A webhook is never sent.")
    poll_http_500: Probability = Field(default=0, description="track-order, updated-order: HTTP 500.")
    poll_rate_limited: Probability = Field(default=0, description="track-order, updated-order: HTTP 429.")
    other_http_500: Probability = Field(default=0, description="Every other endpoint: HTTP 500.")
    other_rate_limited: Probability = Field(default=0, description="Every other endpoint: HTTP 429.")
    older_account: Probability = Field(default=0, description="track-order: a bare list of scans.")
    cancel_later: Probability = Field(default=0, description="cancel-order: HTTP 202, done later.")
    cancel_later_seconds: Seconds = Field(default=0.5, description="How much later, seconds.")
    cancel_never: Probability = Field(default=0, description="cancel-order: HTTP 202, and the courier never does it.")
    cancel_silent: Probability = Field(default=0, description="cancel-order: done, and the courier never reports it.")
    cancel_deleted: Probability = Field(default=0, description="cancel-order, repeated: HTTP 400, already deleted.")
    failed_reports: Probability = Field(default=0, description="A report never gets ready: FAILED.")

    @field_validator("error_codes")
    @classmethod
    def _together_at_most_one(cls, value: dict[int, float]) -> dict[int, float]:
        if sum(value.values()) > 1 + 1e-9:
            raise ValueError("the probabilities of error_codes add up to more than 1")
        return value

    @classmethod
    def named(cls, pairs: Iterable[str]) -> Self:
        """Faults from `name=value` texts, as a command line gives them; a number as name is an error code.

        A value that opens with a bracket is JSON. Raises ValueError that names what is wrong.

        >>> Faults.named(["http_500=0.1", "329=0.2"]).error_codes
        {329: 0.2}
        """
        fields: dict[str, object] = {}
        codes: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not equals:
                raise ValueError(f"{pair!r} is not a fault: write name=probability, such as http_500=0.1")
            if name.isdigit():
                codes[name] = value
            else:
                fields[name] = json.loads(value) if value[:1] in ("{", "[") else value
        if codes:
            fields["error_codes"] = codes
        return cls.model_validate(fields)


class JourneyWeights(Frozen):
    """How often each journey is drawn for a forward order. Only the proportions matter."""

    delivered: Seconds = Field(default=62, description="Delivered at the first attempt.")
    ndr_delivered: Seconds = Field(default=16, description="One or more failed attempts, then delivered.")
    rto: Seconds = Field(default=12, description="Refused or unreachable, returned to origin.")
    cancelled: Seconds = Field(default=5, description="Never picked up, cancelled by the courier.")
    lost: Seconds = Field(default=2, description="Lost on the way.")
    damaged: Seconds = Field(default=2, description="Damaged on the way.")
    expired: Seconds = Field(default=1, description="Never moved, expired.")

    @model_validator(mode="after")
    def _some_journey_is_possible(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("at least one journey needs a weight above 0")
        return self


class SandboxConfig(Frozen):
    """Everything a sandbox can be told. The defaults are a calm, truthful ClickPost in real time."""

    username: str = Field(default="sandbox", description="Accepted `username` query parameter.")
    key: str = Field(default="sandbox-key", description="Accepted `key` query parameter.")
    password: str = Field(default="sandbox-password", description="Trades for a token at user/token.")
    enterprise_name: str = Field(default="Sandbox Traders", description="Shown by fetch-accounts.")
    seed: int = Field(default=1, description="The same seed gives every order the same fate.")
    accounts: tuple[Account, ...] = Field(default=DEFAULT_ACCOUNTS, description="Courier accounts.")
    async_couriers: tuple[int, ...] = Field(default=(), description="cp_ids that answer 202 first.")
    async_polls: int = Field(default=2, ge=0, description="How often 102 follows a 202.")
    waybill_couriers: tuple[int, ...] = Field(
        default=(), description="cp_ids that need an awb_number assigned beforehand; without one they answer 321."
    )
    reuse_waybills: bool = Field(
        default=False,
        description="True: a waybill whose shipment is at its end may be assigned again, as couriers reuse numbers.",
    )
    serviceable_share: Probability = Field(default=0.9, description="Share of the pincodes that an account serves.")
    unserved_pincodes: tuple[str, ...] = Field(default=(), description="Pincodes that no account serves.")
    edd_subscribed: bool = Field(default=True, description="False: predictions are answered with 320.")
    ndr_feedback: Probability = Field(
        default=0.5, description="Share of failed deliveries after which the customer writes something."
    )
    return_requests: Probability = Field(
        default=0.1, description="Share of delivered orders that the customer asks to return."
    )
    return_webhooks: bool = Field(
        default=False, description="True: returns that customers ask for are told by webhook too (101, 102)."
    )
    report_polls: int = Field(default=2, ge=0, description="How often a report is not ready yet.")
    fetch_by_reference: bool = Field(
        default=True,
        description="False: fetching an order takes awb and cp_id alone, as documented; without them HTTP 400 and {}.",
    )
    payload_before_reference: bool = Field(
        default=False, description="True: a payload is refused before its reference number is looked at."
    )
    page_size: int = Field(default=100, ge=1, description="Rows on one page of updated-order.")
    odd_answers: Probability = Field(
        default=0.25, description="Share of answers in an unusual but real shape (strings for numbers, ...)."
    )

    speed: float = Field(default=1, gt=0, description="Courier seconds that pass in one real second.")
    backdate_seconds: Seconds = Field(default=0, description="How far in the past courier time starts.")
    gap_scale: float = Field(default=1, gt=0, description="Factor on the hours between two scans.")
    tick_seconds: float = Field(default=0.05, gt=0, description="How often journeys move on, real seconds.")
    weights: JourneyWeights = Field(default=JourneyWeights(), description="How often each journey is drawn.")
    undocumented_codes: Probability = Field(
        default=0.1, description="Share of forward journeys that show a status code of no public list."
    )
    piece_scans: Probability = Field(
        default=0, description="Share of multi-piece orders whose pieces are scanned one by one."
    )
    pieces_alone: Probability = Field(
        default=0.5, description="Share of those of which no scan names the main waybill."
    )
    wrong_pieces: Probability = Field(
        default=0.5, description="Share of those of which one piece fails, is lost, damaged or sent back."
    )
    wrong_buckets: Probability = Field(default=0.05, description="Share of scans whose bucket contradicts their code.")

    webhook_url: str | None = Field(default=None, description="Registered from the start, if given.")
    webhook_key: str | None = Field(default=None, description="The header's value; drawn if not given.")
    webhook_key_in: KeyPlace = Field(
        default="webhook_key", description="How webhooks carry the key: webhook_key, x-api-key, raw, bearer or basic."
    )
    entitled_to_webhooks: bool = Field(default=True, description="False: registration answers 306.")
    webhook_tries: int = Field(default=3, ge=1, description="Tries per webhook, then it is forgotten.")
    webhook_timeout_seconds: float = Field(default=2, gt=0, description="Timeout of one try, seconds.")
    webhook_pause_seconds: Seconds = Field(default=0.5, description="Pause between two tries, seconds.")
    webhook_workers: int = Field(default=16, ge=1, description="Webhooks in flight at the same time.")
    webhook_variants: dict[Variant, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: dict(VARIANT_WEIGHTS),
        description="How often each body shape is drawn. RVP orders use `returns` half of the time.",
    )
    order_status_ids: Probability = Field(default=0.5, description="Share of webhooks with order_status_id.")
    odd_values: Probability = Field(
        default=0.2, description="Share of webhooks with numbers as strings, null for empty, and so on."
    )
    missing_locations: Probability = Field(
        default=0.1, description="Share of webhooks that tell one scan twice, once without its location."
    )
    older_time_stamps: Probability = Field(
        default=0.25, description="Share of the sent latest_time_stamp that are older than latest_status.timestamp."
    )

    faults: Faults = Field(default=Faults(), description="What goes wrong, and how often.")

    @field_validator("webhook_variants")
    @classmethod
    def _some_variant_is_possible(cls, value: dict[Variant, float]) -> dict[Variant, float]:
        if not any(value.values()):
            raise ValueError("at least one body variant needs a weight above 0")
        return value
