"""A shipment: one parcel journey, from the order to its final status."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct

from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject

SHARDS = 64
URGENT, NORMAL = 0, 1  # priorities; the lower goes first


class State(StrEnum):
    """The state of a shipment's registration.

    allocating ──> ready                  no courier yet: ClickPost recommends one
    ready ──> placed                      registered: ClickPost holds it
      │  ├──> waiting ──> placed          an asynchronous courier is working on it; has a deadline
      │  ├──> retrying ──> placed         transient failure; backoff
      │  ├──> held ──> ready              courier down or account incident; resumes automatically
      │  ├──> rejected                    needs correction: names the field
      │  └──> gave_up                     retries exhausted; needs a person
      └─────> cancelled                   from any state
    """

    ALLOCATING = "allocating"
    """It has no courier, and no rule chose one: ClickPost's recommendation is requested."""
    READY = "ready"
    """Stored, not sent yet; pushed at once."""
    WAITING = "waiting"
    """The courier is processing it (202 or 102); polled, and after an hour this counts as a failed attempt."""
    RETRYING = "retrying"
    """An attempt failed with a transient error; retried after the next delay."""
    HELD = "held"
    """Its courier account is held: the courier is down, or the key, credentials or account are at fault.

    Or it waits until the shipment that it replaces is cancelled.
    """
    PLACED = "placed"
    """ClickPost holds it and there is a waybill; tracked."""
    REJECTED = "rejected"
    """ClickPost will never accept this payload; correct it, and it is pushed again."""
    GAVE_UP = "gave_up"
    """All attempts are used up; investigate, then retry."""
    CANCELLED = "cancelled"
    """Cancelled here, and at ClickPost if it was placed there; or replaced by a successor. Final."""


DUE_STATES = (State.READY, State.WAITING, State.RETRYING, State.HELD)


NO_COURIER = 0  # the courier_partner_id of a shipment without an allocated courier


class SettleBy(StrEnum):
    """How push finds out whether ClickPost holds a shipment that may be placed.

    REPEATING: the payload of the first call that may have placed it is sent again. ASKING: no order is sent any more,
    ClickPost is only asked, because the courier says that it holds one.
    """

    REPEATING = "repeating"
    ASKING = "asking"


class Region(StrEnum):
    """Which create-order API a shipment uses: India's (v3) or the rest of the world's (v4)."""

    INDIA = "india"
    WORLD = "world"


class WaybillKind(StrEnum):
    """The role of a waybill in its shipment."""

    MAIN = "main"
    CHILD = "child"
    RTO = "rto"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShipment:
    """A shipment ready to be stored: what intake validated and read from its payload.

    `warnings` name doubtful fields of the order as given. They are returned to the caller and not stored.
    `phone_tail`: the last four digits of the customer's phone number, "" if there is none. `cod`: cash is collected.
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
    phone_tail: str = ""
    cod: bool = False
    warnings: tuple[FieldProblem, ...] = ()

    @property
    def account(self) -> str:
        """The key of its courier account."""
        return account_key(self.courier_partner_id, self.account_code)


class StoredPayload:
    """The payload of a shipment, read when it is first asked for: lists show a page of shipments without it.

    `read` makes it out of `stored`.
    """

    __slots__ = ("_read", "_stored", "_value")

    def __init__(self, read: Callable[[Any], JsonObject], stored: object) -> None:
        self._read = read
        self._stored = stored
        self._value: JsonObject | None = None

    @classmethod
    def of(cls, payload: JsonObject) -> StoredPayload:
        """One that is read already."""
        made = cls(dict, ())
        made._value = payload
        return made

    @property
    def value(self) -> JsonObject:
        """The payload; the same object each time."""
        if self._value is None:
            self._value = self._read(self._stored)
            self._stored = None
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredPayload) and self.value == other.value

    __hash__ = None  # pyright: ignore[reportAssignmentType] a payload has no hash


class Tracked(Struct, frozen=True, kw_only=True):
    """What tracking needs of a shipment: its identifiers and its status. Times are aware, UTC.

    `replaces` and `replaced_by` are the reference numbers of its predecessor and successor.
    `status_description` and `ndr_description` are ClickPost's texts for codes that our tables lack.
    `edd_stated_at`: when the current EDD was stated (None: never, or unknown).
    `piece_exception_at`: since when a piece is lost, damaged or returning while the shipment as a whole is not.
    `link_generation` counts how often its link to the customer's page was revoked.
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
    link_generation: int = 0
    edd_stated_at: datetime | None = None


class Shipment(Tracked, frozen=True, kw_only=True):
    """A shipment as stored. Times are aware, UTC; unknown text is "" or None.

    `courier_partner_id` is NO_COURIER while it is allocating. `allocated_by` says what chose its courier if the order
    did not. `account` is the key of its courier account. `difference`: what ClickPost holds differently from the order.
    `maybe_placed`: an earlier call may have placed it although no answer confirmed it; `held_version` is the payload of
    the first such call (None: queued, or unknown), `settle_by` how push finds out. `courier_may_hold`: the courier may
    hold an order that ClickPost does not know. `settled_at` and `settled_by`: when a person stated what ClickPost
    holds, and who. `cancel_state`: the state of its cancellation (see `cancellation.of_shipment`); `cancel_since_at`:
    when ClickPost was first called for it. `cod`: cash is collected on delivery (None: not read from the payload yet).
    """

    region: Region
    stored_payload: StoredPayload
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
    cod: bool | None = None

    @property
    def payload(self) -> JsonObject:
        """What its order says, for ClickPost."""
        return self.stored_payload.value

    def __repr__(self) -> str:
        """Its name alone: the payload names people, and texts of ClickPost may."""
        return f"Shipment({self.reference_number!r}, {self.state.value})"


def account_key(courier_partner_id: int, account_code: str | None) -> str:
    """The key of a courier account: courier and code, such as "4:main". An account without a code has a key too.

    "" if no courier is allocated yet.
    """
    if courier_partner_id == NO_COURIER:
        return ""
    return f"{courier_partner_id}:{account_code or ''}"


@lru_cache(maxsize=8192)  # a delivery's keys go into many tables
def shard_of(key: str) -> int:
    """The shard of a key: a stable hash, 0 to 63, equal in every version and on every machine."""
    return zlib.crc32(key.encode()) % SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a multi-piece shipment, with what ClickPost's answer holds for it."""

    waybill: str
    label_url: str | None = None
    sort_code: str | None = None
    security_key: str | None = None
