"""The running sandbox as one object: books, clock, faults and webhooks, and the hands that move them."""

import asyncio
from collections import Counter

from awbridge.sandbox.account_records import Office
from awbridge.sandbox.clock import Clock
from awbridge.sandbox.config import Faults, OnceKind, SandboxConfig
from awbridge.sandbox.faults.injector import FaultDesk
from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.shipments.registry import Vendor
from awbridge.sandbox.webhooks.return_bodies import APPROVED, PLACED, wants_return, webhook_payload, wrapped
from awbridge.sandbox.webhooks.sender import Delivery
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import iso_utc

DELIVERED = 8
SLICE = 200
"""Scans made in one go before other work gets its turn."""


class Sandbox:
    """A simulated ClickPost that runs. `url` is its address, without a slash at the end."""

    url: str = ""
    endpoint_names: frozenset[str] = frozenset()
    """What the endpoints are called in the ledger's calls."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.clock = Clock(speed=config.speed, backdate_seconds=config.backdate_seconds)
        self._begin()

    def _begin(self) -> None:
        self.vendor = Vendor(self.config)
        self.fault_desk = FaultDesk(self.config.faults, self.config.seed)
        self.delivery = Delivery(self.config, self.fault_desk)
        self.calls: Counter[str] = Counter()
        self.office = Office()

    async def start(self) -> None:
        """Start journeys and webhooks."""
        self.clock.restart()
        await self.delivery.start()
        self._moving = asyncio.create_task(self._move())

    async def stop(self) -> None:
        """Stop both; what was on its way is forgotten."""
        self._moving.cancel()
        await asyncio.gather(self._moving, return_exceptions=True)
        await self.delivery.stop()

    async def reset(self) -> None:
        """Back to the state at the start: no orders, the faults of the configuration, both clocks anew."""
        await self.stop()
        self._begin()
        await self.start()

    @property
    def orders_created(self) -> int:
        """How many orders were really created."""
        return len(self.vendor.orders)

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self.fault_desk.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.fault_desk.faults = faults

    def once(
        self,
        kind: OnceKind,
        *,
        times: int = 1,
        reference_number: str | None = None,
        code: int = 329,
        endpoint: str | None = None,
    ) -> None:
        """Let a fault strike the next `times` fitting calls. `code` is the business code of an error_code.

        `endpoint` is a name of the ledger's calls; without it, the calls that the kind is about by itself.
        """
        desk = self.fault_desk
        desk.once(kind, times=times, reference_number=reference_number, code=code, endpoint=endpoint)

    async def advance(self, seconds: float) -> int:
        """Push the courier's clock forward, at most to real time, and make the scans that are due; how many."""
        self.clock.advance(seconds)
        made = 0
        while produced := self._produce():
            made += produced
            await asyncio.sleep(0)
        return made

    async def finish(self) -> int:
        """Let every open journey run to its end now; how many scans that made. Webhooks are queued."""
        made = 0
        for number, order in enumerate(list(self.vendor.shipments.values())):
            made += self._publish(order, self.vendor.finish(order, real=self.clock.real()))
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        return made

    def cancel(self, order: Order) -> bool:
        """Stop a journey with status 10. False if it is over already."""
        if self.vendor.find(order.waybill) is not order:
            return False  # the sandbox was reset in the meantime
        scan = self.vendor.cancel(order, courier=self.clock.courier(), real=self.clock.real())
        return scan is not None and self._publish(order, [scan]) == 1

    def cancel_later(self, order: Order) -> None:
        """Cancel after the seconds set by the faults, as couriers do that answer at once and act afterwards."""
        asyncio.get_running_loop().call_later(self.faults.cancel_later_seconds, self.cancel, order)

    def _publish(self, order: Order, scans: list[Scan]) -> int:
        for scan in () if order.untracked else scans:
            self._announce(order, scan)
        return len(scans)

    def _announce(self, order: Order, scan: Scan) -> None:
        self.delivery.announce(order, scan)
        if self.config.return_webhooks and scan.code == DELIVERED and scan is order.latest:
            self._ask_for_return(order, scan)

    def _ask_for_return(self, order: Order, delivered: Scan) -> None:
        """The customer may ask to return what has come; half of what is asked for is approved a moment later."""
        dice = self.fault_desk.dice("return", order.reference_number)
        if not wants_return(order, dice, self.config):
            return
        codes = (PLACED, APPROVED) if dice.random() < 0.5 else (PLACED,)
        for number, code in enumerate(codes):
            at = delivered.created_at + number
            content = wrapped(webhook_payload(order, code, at, spaced=True), order)
            self.delivery.tell_of_return(order, delivered, content)

    async def _move(self) -> None:
        while True:  # noqa: ASYNC110 - it waits for time to pass, not for an event
            await asyncio.sleep(0 if self._produce() == SLICE else self.config.tick_seconds)

    def _produce(self) -> int:
        due = self.vendor.produce_due(courier=self.clock.courier(), real=self.clock.real(), at_most=SLICE)
        for order, scan in due:
            self._announce(order, scan)
        return len(due)

    def state(self) -> JsonObject:
        """How much is still going on."""
        return {
            "open_journeys": self.vendor.open_journeys,
            "waiting_orders": len(self.vendor.queued),
            "queued_webhooks": self.delivery.queued,
            "in_flight_webhooks": self.delivery.in_flight,
        }

    def ledger(self, *, with_scans: bool = True) -> JsonObject:
        """Everything that truly happened, to be compared with what the other side believes."""
        return {
            "orders_created": self.orders_created,
            "orders": [self._order_row(order, with_scans) for order in self.vendor.orders.values()],
            "registered": [self._registered_row(order) for order in self.vendor.shipments.values() if order.registered],
            "at_courier": [
                {"reference_number": reference, "cp_id": cp_id, "waybill": waybill}
                for (reference, cp_id), waybill in self.vendor.at_courier.items()
            ],
            "webhooks": self.delivery.counts.as_json(),
            "calls": dict(self.calls),
        }

    def _registered_row(self, order: Order) -> JsonObject:
        return {
            "waybill": order.waybill,
            "cp_id": order.cp_id,
            "reference_number": order.reference_number,
            "tracked": not order.untracked,
            "scans": [_scan_row(scan) for scan in order.scans],
        }

    def _order_row(self, order: Order, with_scans: bool) -> JsonObject:
        latest = order.latest
        row: JsonObject = {
            "reference_number": order.reference_number,
            "waybill": order.waybill,
            "cp_id": order.cp_id,
            "account_code": order.account.account_code,
            "order_id": order.order_id,
            "times_requested": self.vendor.requests[order.reference_number],
            "cancelled": order.cancelled,
            "children": list(order.children),
            "latest_status": latest
            and {"clickpost_status_code": latest.code, "scanned_at": iso_utc(latest.scanned_at)},
        }
        if with_scans:
            row["scans"] = [_scan_row(scan) for scan in order.scans]
        return row


def _scan_row(scan: Scan) -> JsonObject:
    return {
        "waybill": scan.waybill,
        "cp_id": scan.cp_id,
        "clickpost_status_code": scan.code,
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "scanned_at": iso_utc(scan.scanned_at),
        "order_status_id": scan.order_status_id,
        "checkpoint_id": scan.checkpoint_id,
    }
