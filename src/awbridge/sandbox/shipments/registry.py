"""What the simulated ClickPost knows: orders, waybills, scans. No HTTP, no webhooks, no clock of its own.

An order that was placed stays placed, and no reference number is placed twice. Only the control API can lose one.
"""

import hashlib
import heapq
import itertools
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping

from awbridge.sandbox.config import Account, SandboxConfig
from awbridge.sandbox.shipments.journeys import Step, beginning_registered, plan
from awbridge.sandbox.shipments.models import Order, Queued, Region, Scan
from awbridge.sandbox.shipments.pieces import with_pieces
from awbridge.sandbox.wire.codes import FINAL, bucket_of
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object, as_text, number

_PREFIXES = {3: "EC", 9: "SF", 50: "LS", 55: "FMPC"}
_SERIALS = 10**11
_CHECKPOINTS_FROM = 5 * 10**13


class Vendor:
    """The books of the simulated ClickPost."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self.orders: dict[str, Order] = {}
        self.queued: dict[str, Queued] = {}
        self.requests: Counter[str] = Counter()
        self.at_courier: dict[tuple[str, int], str] = {}
        """What a courier has booked and ClickPost does not know of: (reference number, cp_id) -> waybill."""
        self.open_journeys = 0
        self.shipments: dict[str, Order] = {}
        """Every shipment by its main waybill: the orders, and the waybills registered for tracking only."""
        self._by_waybill: dict[str, Order] = {}
        self._serials: set[int] = set()
        self._due: list[tuple[int, int, int, Order]] = []
        self._pushes = itertools.count()
        self._changes: list[tuple[float, Order]] = []

    def find(self, waybill: str) -> Order | None:
        """The shipment of a waybill, be it the main one or a child's."""
        return self._by_waybill.get(waybill)

    def is_taken(self, waybill: str) -> bool:
        """Whether a pre-assigned waybill belongs to a shipment already."""
        order = self._by_waybill.get(waybill)
        return order is not None and (order.open or not self._config.reuse_waybills)

    def keep_at_courier(self, reference: str, cp_id: int) -> None:
        """Have a courier book a parcel whose waybill ClickPost never hears of."""
        self.at_courier[reference, cp_id] = _waybill(cp_id, self._new_serial(f"courier {cp_id}:{reference}"))

    def place(
        self, reference: str, payload: JsonObject, account: Account, region: Region, *, real: float, courier: float
    ) -> Order:
        """Create the order of a new reference number. ValueError if there is one already."""
        if reference in self.orders:
            raise ValueError(f"{reference} is placed already")
        order = self._entry(reference, reference, payload, account, region, real=real, courier=courier)
        self.orders[reference] = order
        self._keep(order)
        return order

    def register(self, payload: JsonObject, account: Account, *, real: float, courier: float) -> Order:
        """Track a waybill that was booked elsewhere; `payload` has the sections of an order, and its awb_number."""
        details = as_object(payload.get("shipment_details")) or {}
        waybill = as_text(details.get("awb_number"))
        reference = as_text(details.get("reference_number")) or waybill
        order = self._entry(reference, f"waybill {waybill}", payload, account, "india", real=real, courier=courier)
        order.registered = True
        order.steps = (beginning_registered(order.steps[0]), *order.steps[1:])
        self._keep(order)
        return order

    def _entry(
        self,
        reference: str,
        seeded_by: str,
        payload: JsonObject,
        account: Account,
        region: Region,
        *,
        real: float,
        courier: float,
    ) -> Order:
        details = as_object(payload.get("shipment_details")) or {}
        serial = self._new_serial(seeded_by)
        waybill = as_text(details.get("awb_number")) or _waybill(account.courier_partner_id, serial)
        items = tuple(item for given in as_items(details.get("items")) or () if (item := as_object(given)) is not None)
        pieces = len(items) if is_multi_piece(payload, details) else 0
        is_rvp = details.get("delivery_type") == "RVP"
        is_exchange = details.get("order_type") == "EXCHANGE"
        steps = plan(config=self._config, reference=seeded_by, is_rvp=is_rvp, is_exchange=is_exchange)
        steps = with_pieces(steps, pieces, config=self._config, seed=seeded_by)
        return Order(
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
            drop_pincode=_drop_pincode(payload),
            region=region,
            security_key=str(uuid.UUID(bytes=_digest(f"key:{self._config.seed}:{seeded_by}", 16))),
            placed_at=real,
            updated_at=real,
            origin=int(courier) - len(steps),
            steps=steps,
        )

    def _keep(self, order: Order) -> None:
        self.shipments[order.waybill] = order
        for waybill in (order.waybill, *order.children):
            self._by_waybill[waybill] = order
        self._resume(order)

    def _resume(self, order: Order) -> None:
        if order.open:
            self.open_journeys += 1
            self._push(order)

    def _push(self, order: Order) -> None:
        heapq.heappush(self._due, (order.next_due, order.serial, next(self._pushes), order))

    def untrack(self, order: Order) -> None:
        """Let a shipment out of sight: it gets no more scans and is shown nowhere."""
        if order.open:
            self.open_journeys -= 1
        order.untracked = True

    def track_again(self, order: Order) -> None:
        """Take up a shipment that was let out of sight; its journey goes on."""
        order.untracked = False
        self._resume(order)

    def forget(self, order: Order) -> None:
        """Lose a shipment: its reference number is new again, its waybills are nobody's."""
        self.untrack(order)
        self.orders.pop(order.reference_number, None)
        self.shipments.pop(order.waybill, None)
        for waybill in (order.waybill, *order.children):
            self._by_waybill.pop(waybill, None)

    def reroute(self, order: Order, steps: tuple[Step, ...]) -> None:
        """Change what is still to come. `steps` begin with those that have happened."""
        if order.open:
            self.open_journeys -= 1
        order.steps = steps
        self._resume(order)

    def _new_serial(self, seeded_by: str) -> int:
        serial = int.from_bytes(_digest(f"{self._config.seed}:{seeded_by}", 8), "big") % _SERIALS
        while serial in self._serials:
            serial = (serial + 1) % _SERIALS
        self._serials.add(serial)
        return serial

    def produce_due(self, *, courier: float, real: float, at_most: int) -> list[tuple[Order, Scan]]:
        """Scans that became known by the given courier time, oldest first."""
        produced: list[tuple[Order, Scan]] = []
        while self._due and self._due[0][0] <= courier and len(produced) < at_most:
            due, _, _, order = heapq.heappop(self._due)
            if not order.open or due != order.next_due:
                continue  # cancelled, out of sight, or on another way by now
            step = order.steps[len(order.scans)]
            produced.append((order, self._scan(order, step, order.origin + step.offset, real)))
            if order.open:
                self._push(order)
        return produced

    def finish(self, order: Order, *, real: float) -> list[Scan]:
        """All scans still to come, now: at their planned times, or closer together where these lie in the future."""
        remaining = order.steps[len(order.scans) :]
        now = int(real)
        if not order.open or not remaining:
            return []
        if order.origin + remaining[-1].offset <= now:
            return [self._scan(order, step, order.origin + step.offset, real) for step in remaining]
        last = order.scans[-1].scanned_at if order.scans else order.origin - 1
        gap = max(1, (now - last) // len(remaining))
        return [self._scan(order, step, last + gap * (i + 1), real) for i, step in enumerate(remaining)]

    def stop_silently(self, order: Order) -> bool:
        """Stop the journey without a word, as couriers do that report no cancellation. False if it is over already."""
        latest = order.latest
        if order.cancelled or (latest and latest.code in FINAL):
            return False
        order.cancelled = True
        if order.open:
            self.open_journeys -= 1
        order.stopped = True
        return True

    def cancel(self, order: Order, *, courier: float, real: float) -> Scan | None:
        """Stop the journey with status 10. None if the order is over already."""
        latest = order.latest
        if not self.stop_silently(order):
            return None
        step = Step(
            offset=0,
            code=10,
            status="Canceled",
            remark="Cancelled on request of the shipper",
            location=latest.location if latest else "Head Office",
            city=latest.city if latest else "",
            bucket=bucket_of(10),
            ndr_code=None,
        )
        at = max(int(courier) - order.lag, latest.scanned_at + 1 if latest else order.origin)
        return self._scan(order, step, at, real)

    def _scan(self, order: Order, step: Step, scanned_at: int, real: float) -> Scan:
        was_open, index = order.open, len(order.scans)
        scan = Scan(
            index=index,
            waybill=order.children[step.piece - 1] if step.piece else order.waybill,
            cp_id=order.cp_id,
            code=step.code,
            status=step.status,
            remark=step.remark,
            location=step.location,
            city=step.city,
            bucket=step.bucket,
            ndr_code=step.ndr_code,
            npr_code=step.npr_code,
            scanned_at=scanned_at,
            created_at=real,
            order_status_id=order.serial * 100 + index + 1,
            checkpoint_id=_CHECKPOINTS_FROM + order.serial * 100 + index + 1,
            tracking_id=order.serial,
        )
        order.scans.append(scan)
        self._touch(order, real)
        if was_open and not order.open:
            self.open_journeys -= 1
        return scan

    def _touch(self, order: Order, real: float) -> None:
        order.updated_at = max(real, self._changes[-1][0] if self._changes else real)
        order.change = len(self._changes)
        self._changes.append((order.updated_at, order))

    def changed_between(self, start: float, end: float, *, skip_to: int = 0) -> Iterator[tuple[int, Order]]:
        """Orders whose latest change lies in a span of real time, both ends included, with the position to go on from.

        The position does not move when orders change in the meantime, so that following pages miss nothing.
        """
        first = max(skip_to, bisect_left(self._changes, start, key=lambda change: change[0]))
        for position in range(first, len(self._changes)):
            at, order = self._changes[position]
            if at > end:
                return
            if order.change == position and not order.untracked:
                yield position + 1, order


def _waybill(cp_id: int, serial: int) -> str:
    return f"{_PREFIXES.get(cp_id, '')}{4 * 10**12 + serial}"


def _drop_pincode(payload: JsonObject) -> str:
    drop = as_object(payload.get("drop_info")) or {}
    return as_text(drop.get("drop_pincode")) or as_text(drop.get("postal_code"))


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def is_multi_piece(payload: Mapping[str, object], details: JsonObject) -> bool:
    """Whether the caller asks for one waybill per piece: several items, and one of the marks seen for MPS."""
    additional = as_object(payload.get("additional")) or {}
    marks = (additional.get("mps"), additional.get("is_mps"), details.get("is_mps"), payload.get("is_mps"))
    named = "MPS" in (details.get("shipment_type"), additional.get("shipment_type"))
    return len(as_items(details.get("items")) or ()) > 1 and (named or any(mark is True for mark in marks))
