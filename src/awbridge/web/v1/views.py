"""The JSON that the API shows: typed, and no field that is not meant for callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, StrictBool

from awbridge.clickpost.orders.create import payload_differences
from awbridge.clickpost.orders.normalize import warnings_of
from awbridge.clickpost.wire.codes import ndr_name, status_info
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.events import EventKind
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.action import Action
from awbridge.domain.orders.shipment import URGENT, Piece, Shipment
from awbridge.domain.privacy import without_people
from awbridge.domain.tracking.coverage import CourierCoverage
from awbridge.domain.tracking.overdue import StuckAfter, sla_breached, stuck_since
from awbridge.domain.tracking.promise import is_unreadable
from awbridge.steps.couriers.couriers import Moved
from awbridge.steps.couriers.sync_couriers import CourierComparison
from awbridge.steps.orders.intake import IntakeResult
from awbridge.steps.polling.watch import Coverage
from awbridge.steps.tracking.shipment_details import ShipmentDetails
from awbridge.store.audit.attempts import Attempt
from awbridge.store.couriers.couriers import Comparison, CourierAccount, CourierWarning
from awbridge.store.notify.alarms import Alarm
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.notify.events import DeliveryShown
from awbridge.store.notify.notices import Notice, NoticeMilestone
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.store.tracking.scans import TimelineScan
from awbridge.web.v1.strict import OwnBody
from awbridge.web.v1.tracking_views import FailureView, PieceView, ReturnView, StatusView, piece_views, return_view

View = TypeVar("View", bound=BaseModel)

_NO_NUL = r"^[^\x00]*$"  # no database keeps one


class CancellationView(BaseModel):
    """A cancellation at ClickPost, in the terms of create-order."""

    state: str = Field(
        description="asked, waiting (the courier was asked), retrying, held, cancelled; refused or gave_up: a person "
        "is needed; overtaken: tracking shows another end."
    )
    success: bool
    no_of_retries: int = Field(description="Failed calls that cancel.")
    next_try_at: datetime | None
    problem: str | None
    requested_at: datetime


class ShipmentView(BaseModel):
    """A shipment as callers see it."""

    reference_number: str
    order_id: str | None
    transporter: str | None
    courier_partner_id: int = Field(description="0 while no courier is allocated.")
    account_code: str | None
    allocated_by: str | None = Field(description="What chose the courier where the order named none.")
    delivery_type: str
    state: str = Field(
        description="allocating, ready, waiting, retrying, held, placed, rejected, gave_up or cancelled."
    )
    success: bool
    no_of_retries: int
    problem: str | None
    difference: str | None = Field(description="What ClickPost holds other than was asked.")
    maybe_placed: bool = Field(
        description="An earlier call may have placed it: it goes nowhere else until that is settled (.../settle)."
    )
    settled_at: datetime | None = Field(description="When a person said what ClickPost holds of it.")
    settled_by: str | None
    urgent: bool
    next_try_at: datetime | None
    waybill: str | None
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    children: list[str] = Field(description="Waybills of a multi-piece shipment's pieces.")
    status: StatusView | None
    edd: str | None = Field(description="Expected date of delivery; in the courier's own words where it is no date.")
    edd_unreadable: bool = Field(description="edd is no date that can be read: no delay is derived from it.")
    ndr_code: int | None = Field(description="Why the last delivery failed, of the shipment or of one of its pieces.")
    ndr_name: str = Field(description="The same in words; of a code that is not published, ClickPost's own.")
    piece_exception_at: datetime | None = Field(
        description="Since when a piece is lost, damaged or on its way back while the shipment as a whole is not."
    )
    npr_code: int | None = Field(description="Why the last pickup failed.")
    stuck_since: datetime | None = Field(description="The newest scan, where that is longer ago than its leg allows.")
    sla_breached: bool = Field(description="The expected date is over and it is neither delivered nor at another end.")
    forward_waybill: str | None = Field(description="For a return: the waybill of what it brings back.")
    forward_reference_number: str | None
    last_tracked_at: datetime | None
    last_polled_at: datetime | None
    aged_out_at: datetime | None = Field(description="Since when it is asked for no more, being silent too long.")
    cancel_requested_at: datetime | None
    cancellation: CancellationView | None = Field(description="Null: nobody asked for one.")
    placed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    payload_version: int = Field(description="How many payloads it has had; earlier ones under .../payloads.")
    replaces: str | None = Field(description="The shipment in whose place this one was made.")
    replaced_by: str | None = Field(description="The shipment that took its place: a replacement, or a fallback.")
    waits_for: str | None = Field(description="Held until this shipment is cancelled.")


class WarningOfField(BaseModel):
    """Something doubtful in an order that was taken all the same."""

    path: str = Field(description="Where, like drop_info.drop_phone.")
    warning: str


class AcceptedShipment(ShipmentView):
    """A shipment as it stands after its order came in."""

    warnings: list[WarningOfField] = Field(description="What is doubtful in the order, without being refused.")


class MilestonesView(BaseModel):
    """When each milestone was reached first; null: not reached, as far as is known."""

    placed_at: datetime | None
    out_for_pickup_at: datetime | None
    picked_up_at: datetime | None
    out_for_delivery_at: datetime | None
    failed_delivery_at: datetime | None
    delivered_at: datetime | None
    delayed_at: datetime | None
    rto_marked_at: datetime | None
    rto_delivered_at: datetime | None
    cancelled_at: datetime | None
    lost_at: datetime | None
    damaged_at: datetime | None


class DeliveryAttemptView(BaseModel):
    """One try to deliver. `ended_at` is null while the courier is out; `no_attempt`: by its own word nobody came."""

    began_at: datetime | None
    ended_at: datetime | None
    delivered: bool
    ndr_code: int | None
    ndr_name: str
    no_attempt: bool


class PickupFailureView(BaseModel):
    """A pickup that failed (NPR), and why: ClickPost's code, and its words for it."""

    at: datetime
    npr_code: int | None
    npr_name: str
    remark: str = Field(description="The courier's own.")


class PromiseView(BaseModel):
    """An expected date of delivery: the first one, or one that differs from the one before it."""

    edd: str
    stated_at: datetime = Field(description="The newest scan that was known to who said so.")
    received_at: datetime
    source: str = Field(description="webhook, updated_order, track_order or report.")


class ShipmentWithPayload(ShipmentView):
    """A shipment with the payload that goes to ClickPost, and all that tracking makes known of it."""

    payload: dict[str, Any]
    warnings: list[WarningOfField] = Field(description="What is doubtful in the payload, without being refused.")
    pieces: list[PieceView] = Field(
        description="The children of a multi-piece shipment: labels, and where each stands."
    )
    returns: list[ReturnView] = Field(description="Returns and exchanges that the customer asked for, oldest first.")
    milestones: MilestonesView
    delivery_attempts: list[DeliveryAttemptView]
    delivery_attempt_count: int = Field(description="How often the courier came to deliver.")
    ndr: list[FailureView]
    npr: list[PickupFailureView]
    edd_history: list[PromiseView]
    waybill_shared_with: list[str] = Field(
        description="Other shipments with the same waybill: the courier used it again, or another courier has it too."
    )


class IntakeResultView(BaseModel):
    """The shipments of a list of orders, in its order."""

    shipments: list[AcceptedShipment]


class ShipmentPage(BaseModel):
    """A page of shipments. Pass `next` as `cursor` to get the following page; null on the last."""

    shipments: list[ShipmentView]
    next: str | None


class ScanView(BaseModel):
    """One scan of a timeline."""

    waybill: str
    piece: int | None = Field(description="Which piece of a multi-piece shipment, from 1; null for the shipment's own.")
    status_code: int
    status_name: str = Field(description="Of a code that is not published, ClickPost's own description.")
    status: str = Field(description="The courier's own words.")
    remark: str
    location: str
    ndr_code: int | None
    ndr_name: str
    npr_code: int | None
    npr_description: str = Field(description="ClickPost's, for npr_code.")
    scanned_at: datetime
    received_at: datetime
    source: str


class AttemptView(BaseModel):
    """One call to ClickPost; the key is masked."""

    api: str
    method: str
    url: str
    request: str
    http_status: int | None
    business_status: int | None
    response: str
    error: str
    outcome: str
    ms: int
    made_at: datetime
    payload_version: int | None = Field(description="Which payload of the shipment went out.")


class PayloadView(BaseModel):
    """One payload that a shipment has or had."""

    version: int
    payload: dict[str, Any]
    changed_at: datetime
    changed_by: str = Field(description="intake, api, or the command line and its user.")
    reason: str
    differences: list[str] = Field(description="The fields that differ from the version before.")


class ReplaceBody(OwnBody):
    """How the new shipment differs from the one that it replaces. All may be left out."""

    reference_number: str | None = Field(
        None, min_length=1, max_length=200, pattern=_NO_NUL, description="By default the old one with -R2 behind it."
    )
    payload: dict[str, Any] | None = Field(None, description="A whole order in place of the old shipment's payload.")
    set: dict[str, Any] = Field({}, description='Fields by path, e.g. {"shipment_details.weight": 500}.')
    after_cancel: StrictBool = Field(False, description="Hold the new shipment until the old one is cancelled.")


class SettleBody(BaseModel):
    """What ClickPost's dashboard, or the courier, shows of a shipment that may stand there."""

    held: StrictBool = Field(description="False: neither ClickPost nor the courier holds it. True: under `waybill`.")
    waybill: str | None = Field(None, min_length=1, max_length=200, pattern=_NO_NUL)
    courier_partner_id: int | None = Field(
        None, gt=0, lt=2**31, description="Who holds the waybill, where that is not the shipment's courier."
    )


class SpanView(BaseModel):
    """A stretch of time of updated-order."""

    from_at: datetime
    to_at: datetime
    covered: bool
    items: int
    problem: str | None


class ToldView(BaseModel):
    """What told a courier's new scans."""

    courier_partner_id: int = Field(description="0 where the delivery named none.")
    by_webhook: int
    by_polling: int
    webhook_share: float | None


class RefusalView(BaseModel):
    """Webhooks that were answered with 401."""

    reason: str = Field(description="no_key (does a proxy drop the header?) or wrong_key.")
    refused: int
    last_at: datetime


class CoverageView(BaseModel):
    """What is covered, and by which side."""

    at: datetime
    covered_until: datetime | None = Field(description="Up to here every minute of updated-order is covered.")
    lag_seconds: float | None
    spans: list[SpanView] = Field(description="The last 7 days, oldest first.")
    last_webhook_at: datetime | None
    webhook_silence_seconds: float | None
    found_since_last_webhook: int = Field(
        description="Scans that polling found in the ten minutes that began after the last webhook, and all since."
    )
    last_hour: list[ToldView]
    last_day: list[ToldView]
    alarms: dict[str, datetime] = Field(description="Alarms that stand, and since when.")
    refusals: list[RefusalView]
    silent_shipments: int


class CourierView(BaseModel):
    """A transporter of the company and the courier account that carries it."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    active: bool
    fallback: str | None = Field(description="The transporter that takes over where this one cannot.")
    warning: str | None = Field(None, description="What the last comparison with ClickPost found.")


class CourierBody(OwnBody):
    """What a transporter is mapped to."""

    courier_partner_id: int = Field(gt=0, lt=2**31, description="ClickPost's cp_id.")
    account_code: str | None = Field(
        None, max_length=200, pattern=_NO_NUL, description="The account's code at ClickPost."
    )
    name: str = Field("", max_length=200, pattern=_NO_NUL)
    active: StrictBool = True
    fallback: str | None = Field(None, max_length=200, pattern=_NO_NUL, description="A transporter that takes over.")


class WarningView(BaseModel):
    """Something about an account in use that needs a person."""

    transporter: str = Field(description="Empty where only open shipments stand on the account.")
    courier_partner_id: int
    account_code: str
    kind: str = Field(description="inactive, vanished or renamed.")
    warning: str
    since_at: datetime


class WarningsView(BaseModel):
    """What the last comparison found, when it was made, and what was in the way since."""

    compared_at: datetime | None
    problem: str | None
    warnings: list[WarningView]


class ChangeView(BaseModel):
    """One difference between the mapping and ClickPost's accounts. `written` False: a person decides it."""

    change: str
    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    written: bool
    note: str


class SyncView(BaseModel):
    """The differences, whether they were written, and the warnings that hold."""

    applied: bool
    changes: list[ChangeView]
    warnings: list[WarningView]
    unread: int = Field(0, description="Accounts of ClickPost's that could not be read; with any, none vanished.")


class MoveBody(OwnBody):
    """Where shipments are moved to."""

    to: str = Field(min_length=1, max_length=200, pattern=_NO_NUL)


class StayingView(BaseModel):
    """A shipment that was not moved."""

    reference_number: str
    state: str
    reason: str


class MovedView(BaseModel):
    """What was moved, by reference number, and what was not."""

    moved: list[str]
    stayed: list[StayingView]


class ActionView(BaseModel):
    """Something that is wanted at ClickPost."""

    id: str
    kind: str = Field(description="edit, label, security_key, pickup, ndr, whatsapp, register or proof.")
    reference_number: str | None
    state: str = Field(description="due, waiting, done, refused, gave_up, unclear or overtaken.")
    tries: int = Field(description="Failed tries.")
    next_try_at: datetime | None
    problem: str | None
    result: dict[str, Any] | None = Field(description="What ClickPost gave.")
    idempotency_key: str | None
    requested_at: datetime
    done_at: datetime | None
    updated_at: datetime


class RegistrationView(ActionView):
    """A waybill that is to be registered, as an action."""

    warnings: list[str] = Field(description="What is doubtful, without being refused: a waybill that was used before.")


class ActionSettleBody(BaseModel):
    """Whether what was asked for stands at ClickPost or the courier."""

    held: StrictBool = Field(description="True: it is done. False: it is not, and is no longer wanted.")


class ActionWithBody(ActionView):
    """An action with what was asked for."""

    body: dict[str, Any]


class ActionPage(BaseModel):
    """A page of actions. Pass `next` as `cursor` to get the following page; null on the last."""

    actions: list[ActionView]
    next: str | None


class NoticeView(BaseModel):
    """One message over one channel."""

    channel: str = Field(description="mail, sms, whatsapp, or chat (your own team).")
    state: str = Field(description="due, sending, sent, maybe_sent, suppressed or failed.")
    why: str = Field(description="Why it was sent, delayed or suppressed; earlier reasons first.")
    due_at: datetime | None
    tries: int
    language: str
    created_at: datetime
    settled_at: datetime | None


class MilestoneView(BaseModel):
    """A milestone that a shipment reached, and who was told."""

    milestone: str
    status_at: datetime = Field(description="When the status was that says so.")
    reached_at: datetime = Field(description="When awbridge learnt of it.")
    why: str = Field(description="Why no notices were made; empty where they were.")
    notices: list[NoticeView]


def milestone_view(reached: NoticeMilestone, made: list[Notice]) -> MilestoneView:
    """A milestone as callers see it. One of which notices are still to be made says so."""
    why = "its notices are about to be made" if reached.due_at else reached.why
    shown = [NoticeView(**{name: getattr(n, name) for name in NoticeView.model_fields}) for n in made]
    same = {name: getattr(reached, name) for name in ("milestone", "status_at", "reached_at")}
    return MilestoneView(**same, why=why, notices=shown)


class EndpointView(BaseModel):
    """An own system that is told of events; its secrets are not shown."""

    id: str = Field(description="Text: too large for some languages' numbers.")
    url: str
    kinds: list[str] = Field(description="Event types; empty for all.")
    enabled: bool
    problem: str | None
    last_success_at: datetime | None
    failing_since_at: datetime | None = Field(description="Since when nothing gets through; null where all is well.")
    old_secret_until_at: datetime | None
    created_at: datetime


class EndpointWithSecret(EndpointView):
    """An endpoint with its new secret, shown this once."""

    secret: str


class EndpointBody(OwnBody):
    """An endpoint to be added."""

    url: str = Field(max_length=2000, pattern=_NO_NUL)
    kinds: list[EventKind] = Field(default_factory=list[EventKind], description="Event types; empty for all.")


class EventDeliveryView(BaseModel):
    """What became of one event at one endpoint."""

    event_id: str = Field(description="The webhook-id is evt_ and this.")
    kind: str
    reference_number: str
    state: str = Field(description="due, delivered or failed.")
    tries: int
    next_try_at: datetime | None
    http_status: int | None
    problem: str | None
    created_at: datetime
    updated_at: datetime


class RedeliverBody(OwnBody):
    """Which events to send again; without any, all that failed."""

    event_ids: list[str] = Field(default_factory=list[str], max_length=1000)


class OptOutBody(OwnBody):
    """Somebody who wants no messages."""

    address: str = Field(min_length=3, max_length=320, pattern=_NO_NUL, description="Phone number or mail address.")
    channel: Literal["mail", "sms", "whatsapp"] | None = Field(None, description="Only this channel; else all.")


class AlarmView(BaseModel):
    """Trouble that operators are told of."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """An endpoint as callers see it."""
    same = {name: getattr(endpoint, name) for name in EndpointView.model_fields if name not in ("id", "kinds")}
    return EndpointView(**same, id=str(endpoint.id), kinds=list(endpoint.kinds))


def event_delivery_view(delivery: DeliveryShown) -> EventDeliveryView:
    """A delivery as callers see it."""
    same = {name: getattr(delivery, name) for name in EventDeliveryView.model_fields if name != "event_id"}
    return EventDeliveryView(**same, event_id=str(delivery.event_id))


def alarm_view(alarm: Alarm) -> AlarmView:
    """An alarm as callers see it."""
    return AlarmView(**{name: getattr(alarm, name) for name in AlarmView.model_fields})


def status_view(shipment: Shipment) -> StatusView | None:
    """The status of a shipment; None while nothing was heard of it."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    info = status_info(shipment.status_code, shipment.status_description or "")
    return StatusView(
        code=shipment.status_code, name=info.name, bucket=info.bucket, at=shipment.status_at, final=shipment.final
    )


_DERIVED = frozenset(
    {"status", "cancellation", "children", "urgent", "edd_unreadable", "stuck_since", "sla_breached", "ndr_name"}
)


def _shown(shipment: Shipment, limits: StuckAfter, now: datetime) -> dict[str, Any]:
    same = {name: getattr(shipment, name) for name in ShipmentView.model_fields if name not in _DERIVED}
    return {
        **same,
        "status": status_view(shipment),
        "ndr_name": ndr_name(shipment.ndr_code, shipment.ndr_description or ""),
        "children": list(shipment.children),
        "urgent": shipment.priority == URGENT,
        "cancellation": _same(CancellationView, asked) if (asked := cancellation.of_shipment(shipment)) else None,
        "edd_unreadable": is_unreadable(shipment.edd),
        "stuck_since": stuck_since(shipment, limits, now),
        "sla_breached": sla_breached(shipment, now),
    }


def shipment_view(shipment: Shipment, limits: StuckAfter, now: datetime) -> ShipmentView:
    """A shipment as callers see it in a list: ClickPost's words about it name nobody."""
    problem = without_people(shipment.problem, shipment.payload) if shipment.problem else None
    shown: dict[str, Any] = _shown(shipment, limits, now) | {"problem": problem}
    return ShipmentView(**shown)


def intake_view(taken: IntakeResult, limits: StuckAfter, now: datetime) -> AcceptedShipment:
    """A shipment as callers see it who just sent its order."""
    shown: dict[str, Any] = _shown(taken.shipment, limits, now)
    return AcceptedShipment(**shown, warnings=_warnings(taken.warnings))


def _warnings(found: Iterable[FieldProblem]) -> list[WarningOfField]:
    return [WarningOfField(path=problem.path, warning=problem.problem) for problem in found]


def _same(view: type[View], of: object) -> View:
    return view(**{name: getattr(of, name) for name in view.model_fields})


def shipment_with_payload(
    shipment: Shipment,
    pieces: Sequence[Piece],
    truth: ShipmentDetails,
    limits: StuckAfter,
    now: datetime,
    given: JsonObject | None = None,
) -> ShipmentWithPayload:
    """A shipment as callers see it, with its payload, its pieces and what is derived from its scans.

    `given`: the order as its caller just wrote it, where there is one: warnings are about that.
    """
    doubted = shipment.payload if given is None else given
    shown: dict[str, Any] = _shown(shipment, limits, now) | {"forward_reference_number": truth.forward_reference_number}
    return ShipmentWithPayload(
        **shown,
        payload=shipment.payload,
        warnings=_warnings(warnings_of(doubted, shipment.region)),
        pieces=piece_views(pieces, truth.pieces),
        returns=[return_view(news) for news in truth.returns],
        milestones=_same(MilestonesView, truth.milestones),
        delivery_attempts=[_same(DeliveryAttemptView, attempt) for attempt in truth.delivery_attempts],
        delivery_attempt_count=truth.delivery_attempt_count,
        ndr=[_same(FailureView, failure) for failure in truth.ndr],
        npr=[_same(PickupFailureView, failure) for failure in truth.npr],
        edd_history=[_same(PromiseView, promise) for promise in truth.edd_history],
        waybill_shared_with=truth.waybill_shared_with,
    )


_NAMED_OF_SCAN = frozenset({"piece", "status_name", "ndr_name"})


def scan_view(scan: TimelineScan, children: Sequence[str]) -> ScanView:
    """A scan as callers see it. `children` are the waybills of the shipment's pieces."""
    same = {name: getattr(scan, name) for name in ScanView.model_fields if name not in _NAMED_OF_SCAN}
    return ScanView(
        **same,
        piece=children.index(scan.waybill) + 1 if scan.waybill in children else None,
        status_name=status_info(scan.status_code, scan.description).name,
        ndr_name=ndr_name(scan.ndr_code, scan.ndr_description),
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """A call as callers see it."""
    return AttemptView(**{name: getattr(attempt, name) for name in AttemptView.model_fields})


def courier_view(account: CourierAccount, warning: str | None = None) -> CourierView:
    """A transporter as callers see it."""
    same = {name: getattr(account, name) for name in CourierView.model_fields if name != "warning"}
    return CourierView(**same, warning=warning)


def warning_view(warning: CourierWarning) -> WarningView:
    """A warning as callers see it."""
    return WarningView(**{name: getattr(warning, name) for name in WarningView.model_fields})


def warnings_view(found: Sequence[CourierWarning], state: Comparison | None) -> WarningsView:
    """All warnings, and how the comparing stands."""
    return WarningsView(
        compared_at=state.compared_at if state else None,
        problem=state.problem if state else None,
        warnings=[warning_view(w) for w in found],
    )


def sync_view(report: CourierComparison) -> SyncView:
    """A comparison as callers see it."""
    changes = [
        ChangeView(
            change=c.change,
            transporter=c.account.transporter,
            courier_partner_id=c.account.courier_partner_id,
            account_code=c.account.account_code,
            name=c.account.name,
            written=c.written and report.applied,
            note=c.note,
        )
        for c in report.changes
    ]
    warnings = [warning_view(w) for w in report.warnings]
    return SyncView(applied=report.applied, changes=changes, warnings=warnings, unread=report.unread)


def moved_view(moved: Moved) -> MovedView:
    """What was moved, as callers see it."""
    stayed = [StayingView(reference_number=s.reference_number, state=s.state, reason=s.reason) for s in moved.stayed]
    return MovedView(moved=moved.moved, stayed=stayed)


def payload_views(versions: Sequence[PayloadVersion]) -> list[PayloadView]:
    """A shipment's payloads as callers see them."""
    before = [None, *versions[:-1]]
    return [
        PayloadView(
            version=new.version,
            payload=new.payload,
            changed_at=new.changed_at,
            changed_by=new.changed_by,
            reason=new.reason,
            differences=payload_differences(old.payload, new.payload) if old else [],
        )
        for old, new in zip(before, versions, strict=True)
    ]


def action_view(action: Action) -> ActionView:
    """An action as callers see it."""
    return ActionView(**{name: getattr(action, name) for name in ActionView.model_fields})


def action_with_body(action: Action) -> ActionWithBody:
    """An action as callers see it, with what was asked for."""
    return ActionWithBody(**{name: getattr(action, name) for name in ActionWithBody.model_fields})


def _told_views(told: Mapping[int, CourierCoverage]) -> list[ToldView]:
    return [
        ToldView(courier_partner_id=courier, by_webhook=t.by_webhook, by_polling=t.by_polling, webhook_share=t.share)
        for courier, t in sorted(told.items())
    ]


def coverage_view(covered: Coverage) -> CoverageView:
    """What is covered, as callers see it."""
    return CoverageView(
        at=covered.at,
        covered_until=covered.covered_until,
        lag_seconds=None if covered.lag is None else covered.lag.total_seconds(),
        spans=[SpanView(**{name: getattr(s, name) for name in SpanView.model_fields}) for s in covered.spans],
        last_webhook_at=covered.last_webhook_at,
        webhook_silence_seconds=None if covered.webhook_silence is None else covered.webhook_silence.total_seconds(),
        found_since_last_webhook=covered.found_since_last_webhook,
        last_hour=_told_views(covered.hour),
        last_day=_told_views(covered.day),
        alarms=covered.alarms,
        refusals=[
            RefusalView(reason=r.reason, refused=r.refused, last_at=r.last_at) for r in covered.refusals.values()
        ],
        silent_shipments=covered.silent_shipments,
    )
