"""A shipment: one parcel journey, from the order system's row to its end."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject

SHARDS = 64
URGENT, NORMAL = 0, 1  # priorities; the lower goes first


class State(StrEnum):
    """Where a shipment stands on its way to being registered.

    allocating ──> ready                  no courier yet: ClickPost's recommendation is asked
    ready ──> placed                      registered: ClickPost holds it
      │  ├──> waiting ──> placed          an asynchronous courier works on it; own deadline
      │  ├──> retrying ──> placed         a failure that passes; backoff
      │  ├──> held ──> ready              courier down or account broken; resumes by itself
      │  ├──> rejected                    needs a person: shows which field
      │  └──> gave_up                     tries exhausted; needs a person
      └─────> cancelled                   from any state
    """

    ALLOCATING = "allocating"
    READY = "ready"
    WAITING = "waiting"
    RETRYING = "retrying"
    HELD = "held"
    PLACED = "placed"
    REJECTED = "rejected"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"


DUE_STATES = (State.READY, State.WAITING, State.RETRYING, State.HELD)


NO_COURIER = 0  # the courier_partner_id of a shipment to which no courier is allocated yet


class SettleBy(StrEnum):
    """How push finds out whether ClickPost holds a shipment that may stand there.

    REPEATING: the payload of the first call that may have placed it goes out again. ASKING: no order goes out any more,
    ClickPost is only asked: the courier says that it holds one.
    """

    REPEATING = "repeating"
    ASKING = "asking"


class Region(StrEnum):
    """Which form of create-order a shipment takes: India's, or the rest of the world's."""

    INDIA = "india"
    WORLD = "world"


class WaybillKind(StrEnum):
    """How an air waybill belongs to its shipment."""

    MAIN = "main"
    CHILD = "child"
    RTO = "rto"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShipment:
    """A shipment ready to be stored: what intake has checked and read off its payload.

    `warnings`: what is doubtful in the order as it was given. They are told and not stored.
    """

    reference_number: str
    order_id: str | None
    transporter: str | None
    courier_partner_id: int
    account_code: str | None
    region: Region
    delivery_type: str
    payload: JsonObject = field(repr=False)  # names, phones, addresses: not for logs
    priority: int = NORMAL
    allocated_by: str | None = None
    warnings: tuple[FieldProblem, ...] = ()

    @property
    def account(self) -> str:
        """The key of the courier account that it goes to."""
        return account_key(self.courier_partner_id, self.account_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What tracking needs of a shipment: its names, and where it stands. Times are aware, UTC.

    `replaces` and `replaced_by` are the reference numbers before and after it, where one took the other's place.
    `status_description` and `ndr_description` are ClickPost's texts for codes that our tables lack.
    `piece_exception_at`: since when a piece is lost, damaged or returning while the shipment as a whole is not.
    """

    reference_number: str
    order_id: str | None
    transporter: str | None
    courier_partner_id: int
    account_code: str | None
    state: State
    delivery_type: str
    waybill: str | None
    children: tuple[str, ...]
    status_code: int | None
    status_at: datetime | None
    status_bucket: int | None
    status_step: int
    final: bool
    edd: str | None
    ndr_code: int | None
    last_tracked_at: datetime | None
    last_polled_at: datetime | None
    created_at: datetime
    next_poll_at: datetime | None = None
    edd_due_at: datetime | None = None
    ndr_at: datetime | None = None
    npr_code: int | None = None
    status_description: str | None = None
    ndr_description: str | None = None
    piece_exception_at: datetime | None = None
    forward_waybill: str | None = None
    forward_reference_number: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    cancel_requested_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment(Tracked):
    """A shipment as it stands in the database. Times are aware, UTC; text is "" or None where unknown.

    `courier_partner_id` is NO_COURIER while it is allocating. `allocated_by` says what chose its courier where the
    order did not. `account` is the key of its courier account. `difference`: what ClickPost holds other than was asked.
    `maybe_placed`: an earlier call may have placed it, although no answer said so; `held_version` is the payload that
    the first such call sent (None: a queued one, or not known), `settle_by` how push finds out. `courier_may_hold`: the
    courier left it open, so that it may hold what ClickPost does not know of. `settled_at` and `settled_by`: when a
    person said what ClickPost holds, and who. `cancel_state` and `cancel_since_at`: where its cancellation at ClickPost
    stands (see `cancellation.of_shipment`), and when ClickPost was first called.
    """

    region: Region
    payload: JsonObject = field(repr=False)
    success: bool
    no_of_retries: int
    problem: str | None
    next_try_at: datetime | None
    waiting_since_at: datetime | None
    payload_changed_at: datetime | None
    cancel_tries: int
    sent_at: datetime | None
    placed_at: datetime | None
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    vendor_order_id: str | None
    aged_out_at: datetime | None
    updated_at: datetime
    payload_version: int = 1
    waits_for: str | None = None
    account: str = ""
    priority: int = NORMAL
    difference: str | None = None
    maybe_placed: bool = False
    held_version: int | None = None
    settle_by: SettleBy | None = None
    courier_may_hold: bool | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    allocated_by: str | None = None
    cancel_state: str | None = None
    cancel_since_at: datetime | None = None


def account_key(courier_partner_id: int, account_code: str | None) -> str:
    """The key of a courier account: its courier and code, like "4:main". An account without a code is one as well.

    "" where no courier is allocated yet: no account at all.
    """
    if courier_partner_id == NO_COURIER:
        return ""
    return f"{courier_partner_id}:{account_code or ''}"


def shard_of(key: str) -> int:
    """The shard of a row by its own key: a stable hash, 0 to 63, the same in every version and on every machine."""
    return zlib.crc32(key.encode()) % SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a multi-piece shipment, with what its answer gave for it."""

    waybill: str
    label_url: str | None = None
    sort_code: str | None = None
    security_key: str | None = None
