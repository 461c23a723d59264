"""The state of the simulated ClickPost: orders, waybills, scans. No HTTP, no webhooks, no clock of its own.

A placed order stays placed, and a reference number is placed at most once. Only the control API can delete an order.
"""

import hashlib
import heapq
import itertools
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.shipments.journeys import Journey, JourneyStep, ScanStatus, as_registered, plan_journey
from awbridge.sandbox.shipments.models import OrderDraft, SimulatedOrder, SimulatedScan
from awbridge.sandbox.shipments.pieces import add_piece_scans
from awbridge.sandbox.wire.codes import FINAL_CODES, bucket_of
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_objects, as_text, number

_STATUS_FIELDS = tuple(field.name for field in fields(ScanStatus))
_PREFIXES = {3: "EC", 9: "SF", 50: "LS", 55: "FMPC"}
_SERIALS = 10**11
_CHECKPOINTS_FROM = 5 * 10**13


class ShipmentRegistry:
    """All shipments of the simulated ClickPost, and the schedule of their scans."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self.orders: dict[str, SimulatedOrder] = {}
        self.pending_orders: dict[str, OrderDraft] = {}
        self.create_calls: Counter[str] = Counter()
        self.at_courier: dict[tuple[str, int], str] = {}
        """Booked by the courier but unknown to ClickPost: (reference number, cp_id) -> waybill."""
        self.shipments: dict[str, SimulatedOrder] = {}
        """All shipments by main waybill: placed orders, and waybills registered for tracking only."""
        self._by_waybill: dict[str, SimulatedOrder] = {}
        self._serials: set[int] = set()
        self._due_scans: list[tuple[int, int, int, SimulatedOrder]] = []
        self._sequence = itertools.count()
        self._changes: list[tuple[float, SimulatedOrder]] = []

    @property
    def open_journeys(self) -> int:
        """Number of shipments that will have more scans."""
        return sum(order.is_open for order in self.shipments.values())

    def find(self, waybill: str) -> SimulatedOrder | None:
        """The shipment of a main waybill or of a piece's waybill."""
        return self._by_waybill.get(waybill)

    def is_assigned(self, waybill: str) -> bool:
        """Whether a pre-assigned waybill already belongs to a shipment."""
        order = self._by_waybill.get(waybill)
        return order is not None and (order.is_open or not self._config.reuse_waybills)

    def book_at_courier_only(self, reference: str, cp_id: int) -> None:
        """Book a parcel at the courier whose waybill ClickPost never receives."""
        self.at_courier[reference, cp_id] = _waybill(cp_id, self._new_serial(f"courier {cp_id}:{reference}"))

    def place(self, reference: str, draft: OrderDraft, *, real: float, courier: float) -> SimulatedOrder:
        """Create the order of a new reference number. Raises ValueError if it already exists."""
        if reference in self.orders:
            raise ValueError(f"{reference} is already placed")
        order = self._new_order(reference, draft, seed_key=reference, real=real, courier=courier)
        self.orders[reference] = order
        self._add(order)
        return order

    def register(self, draft: OrderDraft, *, real: float, courier: float) -> SimulatedOrder:
        """Track a waybill that was booked elsewhere. The payload has the sections of an order, with awb_number."""
        details = as_object(draft.payload.get("shipment_details")) or {}
        waybill = as_text(details.get("awb_number"))
        reference = as_text(details.get("reference_number")) or waybill
        order = self._new_order(reference, draft, seed_key=f"waybill {waybill}", real=real, courier=courier)
        order.registered = True
        order.steps = (as_registered(order.steps[0]), *order.steps[1:])
        self._add(order)
        return order

    def _new_order(
        self, reference: str, draft: OrderDraft, *, seed_key: str, real: float, courier: float
    ) -> SimulatedOrder:
        payload, account = draft.payload, draft.account
        details = as_object(payload.get("shipment_details")) or {}
        serial = self._new_serial(seed_key)
        waybill = as_text(details.get("awb_number")) or _waybill(account.courier_partner_id, serial)
        items = tuple(as_objects(details.get("items")))
        pieces = len(items) if is_multi_piece(payload, details) else 0
        is_rvp = details.get("delivery_type") == "RVP"
        is_exchange = details.get("order_type") == "EXCHANGE"
        steps = plan_journey(config=self._config, reference=seed_key, is_rvp=is_rvp, is_exchange=is_exchange)
        steps = add_piece_scans(steps, pieces, config=self._config, seed=seed_key)
        return SimulatedOrder(
            serial=serial,
            reference_number=reference,
            order_id=details.get("order_id"),
            account=account,
            waybill=waybill,
            children=tuple(f"{waybill}-{piece:04d}" for piece in range(1, pieces + 1)),
            items=items,
            has_label=(as_object(payload.get("additional")) or {}).get("label") is not False,
            is_rvp=is_rvp,
            order_type=as_text(details.get("order_type")),
            cod_value=number(details.get("cod_value")) or 0,
            drop_pincode=drop_pincode(payload),
            region=draft.region,
            security_key=str(uuid.UUID(bytes=_digest(f"key:{self._config.seed}:{seed_key}", 16))),
            placed_at=real,
            updated_at=real,
            first_scan_at=int(courier) - len(steps),
            steps=steps,
        )

    def _add(self, order: SimulatedOrder) -> None:
        self.shipments[order.waybill] = order
        for waybill in (order.waybill, *order.children):
            self._by_waybill[waybill] = order
        self._schedule(order)

    def _schedule(self, order: SimulatedOrder) -> None:
        if order.is_open:
            heapq.heappush(self._due_scans, (order.next_scan_due_at, order.serial, next(self._sequence), order))

    def untrack(self, order: SimulatedOrder) -> None:
        """Stop tracking a shipment: it receives no more scans and no endpoint returns it."""
        order.untracked = True

    def resume_tracking(self, order: SimulatedOrder) -> None:
        """Track a shipment again; its journey continues."""
        order.untracked = False
        self._schedule(order)

    def forget(self, order: SimulatedOrder) -> None:
        """Delete a shipment: its reference number and waybills are free again."""
        self.untrack(order)
        self.orders.pop(order.reference_number, None)
        self.shipments.pop(order.waybill, None)
        for waybill in (order.waybill, *order.children):
            self._by_waybill.pop(waybill, None)

    def reroute(self, order: SimulatedOrder, steps: Journey) -> None:
        """Replace the journey. `steps` must start with the steps already scanned."""
        order.steps = steps
        self._schedule(order)

    def _new_serial(self, seed_key: str) -> int:
        serial = int.from_bytes(_digest(f"{self._config.seed}:{seed_key}", 8), "big") % _SERIALS
        while serial in self._serials:
            serial = (serial + 1) % _SERIALS
        self._serials.add(serial)
        return serial

    def record_due_scans(
        self, *, courier: float, real: float, at_most: int
    ) -> list[tuple[SimulatedOrder, SimulatedScan]]:
        """Record the scans due at the given courier time, oldest first."""
        recorded: list[tuple[SimulatedOrder, SimulatedScan]] = []
        while self._due_scans and self._due_scans[0][0] <= courier and len(recorded) < at_most:
            due, _, _, order = heapq.heappop(self._due_scans)
            if not order.is_open or due != order.next_scan_due_at:
                continue  # cancelled, untracked or rerouted since
            step = order.steps[len(order.scans)]
            recorded.append((order, self._record_scan(order, step, order.first_scan_at + step.offset, real)))
            self._schedule(order)
        return recorded

    def finish(self, order: SimulatedOrder, *, real: float) -> list[SimulatedScan]:
        """Record all remaining scans now, at their planned times, or closer together if those are in the future."""
        remaining = order.steps[len(order.scans) :]
        now = int(real)
        if not order.is_open or not remaining:
            return []
        if order.first_scan_at + remaining[-1].offset <= now:
            return [self._record_scan(order, step, order.first_scan_at + step.offset, real) for step in remaining]
        last = order.scans[-1].scanned_at if order.scans else order.first_scan_at - 1
        gap = max(1, (now - last) // len(remaining))
        return [self._record_scan(order, step, last + gap * (i + 1), real) for i, step in enumerate(remaining)]

    def record_next(self, order: SimulatedOrder, *, real: float) -> SimulatedScan | None:
        """Record the next scan now, a second or more after the one before. None after the last one.

        Its time leaves a second for each scan that follows, so that none is in the future however soon they come.
        """
        if not order.is_open:
            return None
        step, following = order.steps[len(order.scans)], len(order.steps) - len(order.scans) - 1
        earliest = order.scans[-1].scanned_at + 1 if order.scans else order.first_scan_at
        at = min(order.first_scan_at + step.offset, max(earliest, int(real) - following))
        scan = self._record_scan(order, step, min(at, int(real)), real)
        self._schedule(order)
        return scan

    def cancel_without_scan(self, order: SimulatedOrder) -> bool:
        """Stop the journey without a scan, as some couriers do. False if it has already ended."""
        latest = order.latest
        if order.cancelled or (latest and latest.code in FINAL_CODES):
            return False
        order.cancelled = True
        return True

    def cancel(self, order: SimulatedOrder, *, courier: float, real: float) -> SimulatedScan | None:
        """Stop the journey with status 10. None if it has already ended."""
        latest = order.latest
        if not self.cancel_without_scan(order):
            return None
        step = JourneyStep(
            offset=0,
            code=10,
            status="Canceled",
            remark="Cancelled on request of the shipper",
            location=latest.location if latest else "Head Office",
            city=latest.city if latest else "",
            bucket=bucket_of(10),
        )
        at = max(int(courier) - order.report_delay, latest.scanned_at + 1 if latest else order.first_scan_at)
        return self._record_scan(order, step, at, real)

    def _record_scan(self, order: SimulatedOrder, step: JourneyStep, scanned_at: int, real: float) -> SimulatedScan:
        index = len(order.scans)
        scan = SimulatedScan(
            index=index,
            waybill=order.children[step.piece - 1] if step.piece else order.waybill,
            cp_id=order.cp_id,
            scanned_at=scanned_at,
            created_at=real,
            order_status_id=order.serial * 100 + index + 1,
            checkpoint_id=_CHECKPOINTS_FROM + order.serial * 100 + index + 1,
            tracking_id=order.serial,
            **{name: getattr(step, name) for name in _STATUS_FIELDS},
        )
        order.scans.append(scan)
        self._mark_changed(order, real)
        return scan

    def _mark_changed(self, order: SimulatedOrder, real: float) -> None:
        order.updated_at = max(real, self._changes[-1][0] if self._changes else real)
        order.last_change = len(self._changes)
        self._changes.append((order.updated_at, order))

    def changed_between(self, start: float, end: float, *, skip_to: int = 0) -> Iterator[tuple[int, SimulatedOrder]]:
        """Orders whose latest change is within a window of real time (inclusive), with the position to resume from.

        Later changes do not shift the positions, so subsequent pages miss no order.
        """
        first = max(skip_to, bisect_left(self._changes, start, key=lambda change: change[0]))
        for position in range(first, len(self._changes)):
            at, order = self._changes[position]
            if at > end:
                return
            if order.last_change == position and not order.untracked:
                yield position + 1, order


def _waybill(cp_id: int, serial: int) -> str:
    return f"{_PREFIXES.get(cp_id, '')}{4 * 10**12 + serial}"


def drop_pincode(payload: JsonObject) -> str:
    """The pincode or postal code of the delivery address; "" if there is none."""
    drop = as_object(payload.get("drop_info")) or {}
    return as_text(drop.get("drop_pincode")) or as_text(drop.get("postal_code"))


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def is_multi_piece(payload: Mapping[str, object], details: JsonObject) -> bool:
    """Whether the caller requests one waybill per piece: several items, and one of the known MPS flags."""
    additional = as_object(payload.get("additional")) or {}
    flags = (additional.get("mps"), additional.get("is_mps"), details.get("is_mps"), payload.get("is_mps"))
    is_mps_type = "MPS" in (details.get("shipment_type"), additional.get("shipment_type"))
    return len(as_list(details.get("items")) or ()) > 1 and (is_mps_type or any(flag is True for flag in flags))
