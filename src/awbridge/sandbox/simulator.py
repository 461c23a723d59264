"""The running sandbox: it owns the shipments, clock, faults and webhooks, and moves journeys forward."""

import asyncio
from collections import Counter
from dataclasses import asdict

from awbridge.sandbox.account_records import AccountRecords
from awbridge.sandbox.clock import Clock
from awbridge.sandbox.config import FaultKind, Faults, SandboxConfig
from awbridge.sandbox.faults.injector import FaultInjector, RequestedFault
from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.shipments.registry import ShipmentRegistry
from awbridge.sandbox.webhooks.return_bodies import (
    RETURN_APPROVED,
    RETURN_PLACED,
    customer_returns,
    return_body,
    wrap_body,
)
from awbridge.sandbox.webhooks.sender import WebhookSender
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import iso_utc

DELIVERED = 8
BATCH_SIZE = 200
"""Scans recorded before other tasks may run."""


class Sandbox:
    """A running simulated ClickPost. `url` is its address, without trailing slash."""

    url: str = ""
    endpoint_names: frozenset[str] = frozenset()
    """The endpoints by their names under `calls` in the ledger."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.clock = Clock(speed=config.speed, backdate_seconds=config.backdate_seconds)
        self._initialize()

    def _initialize(self) -> None:
        self.registry = ShipmentRegistry(self.config)
        self.fault_injector = FaultInjector(self.config.faults, self.config.seed)
        self.webhooks = WebhookSender(self.config, self.fault_injector)
        self.calls: Counter[str] = Counter()
        self.account_records = AccountRecords()

    async def start(self) -> None:
        """Start the journeys and the webhook workers."""
        self.clock.restart()
        await self.webhooks.start()
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Stop both. Queued webhooks are discarded."""
        self._ticker.cancel()
        await asyncio.gather(self._ticker, return_exceptions=True)
        await self.webhooks.stop()

    async def reset(self) -> None:
        """Return to the initial state: no orders, the configured faults, both clocks restarted."""
        await self.stop()
        self._initialize()
        await self.start()

    @property
    def orders_created(self) -> int:
        return len(self.registry.orders)

    @property
    def faults(self) -> Faults:
        return self.fault_injector.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.fault_injector.faults = faults

    def inject_fault(
        self,
        kind: FaultKind,
        *,
        times: int = 1,
        reference_number: str | None = None,
        code: int = 329,
        endpoint: str | None = None,
    ) -> None:
        """Inject a fault into the next `times` matching calls. `code` is the business code of an error_code.

        `endpoint` is a name under `calls` in the ledger. Without it, the fault affects the calls of its kind.
        """
        self.fault_injector.request(
            RequestedFault(kind=kind, times=times, reference_number=reference_number, code=code, endpoint=endpoint)
        )

    async def advance(self, seconds: float) -> int:
        """Advance courier time, at most to real time, and record the scans then due. Returns how many."""
        self.clock.advance(seconds)
        total = 0
        while recorded := self._record_due():
            total += recorded
            await asyncio.sleep(0)
        return total

    async def finish(self) -> int:
        """Complete every open journey now and queue its webhooks. Returns how many scans were recorded."""
        total = 0
        for number, order in enumerate(list(self.registry.shipments.values())):
            total += self._publish(order, self.registry.finish(order, real=self.clock.real()))
            if number % BATCH_SIZE == BATCH_SIZE - 1:
                await asyncio.sleep(0)
        return total

    def next_scan(self, order: SimulatedOrder) -> int:
        """Record the next scan of a shipment now and queue its webhook. Returns 0 if its journey has ended."""
        scan = self.registry.record_next(order, real=self.clock.real())
        return self._publish(order, [scan] if scan else [])

    async def next_scans(self) -> int:
        """Record the next scan of every open journey now. Returns how many there were."""
        total = 0
        for number, order in enumerate(list(self.registry.shipments.values())):
            total += self.next_scan(order)
            if number % BATCH_SIZE == BATCH_SIZE - 1:
                await asyncio.sleep(0)
        return total

    def cancel(self, order: SimulatedOrder) -> bool:
        """End a journey with status 10. False if it has already ended."""
        if self.registry.find(order.waybill) is not order:
            return False  # the sandbox was reset in the meantime
        scan = self.registry.cancel(order, courier=self.clock.courier(), real=self.clock.real())
        return scan is not None and self._publish(order, [scan]) == 1

    def cancel_later(self, order: SimulatedOrder) -> None:
        """Cancel after `cancel_later_seconds`, as couriers do that accept a cancellation and perform it later."""
        asyncio.get_running_loop().call_later(self.faults.cancel_later_seconds, self.cancel, order)

    def _publish(self, order: SimulatedOrder, scans: list[SimulatedScan]) -> int:
        for scan in () if order.untracked else scans:
            self._enqueue_webhooks(order, scan)
        return len(scans)

    def _enqueue_webhooks(self, order: SimulatedOrder, scan: SimulatedScan) -> None:
        self.webhooks.enqueue_scan(order, scan)
        if self.config.return_webhooks and scan.code == DELIVERED and scan is order.latest:
            self._request_return(order, scan)

    def _request_return(self, order: SimulatedOrder, delivered: SimulatedScan) -> None:
        """Some customers request a return on delivery. Half of these requests are approved one second later."""
        rng = self.fault_injector.rng("return", order.reference_number)
        if not customer_returns(order, rng, self.config):
            return
        codes = (RETURN_PLACED, RETURN_APPROVED) if rng.random() < 0.5 else (RETURN_PLACED,)
        for number, code in enumerate(codes):
            at = delivered.created_at + number
            content = wrap_body(return_body(order, code, at, for_webhook=True), order)
            self.webhooks.enqueue_return(order, delivered, content)

    async def _tick(self) -> None:
        while True:  # noqa: ASYNC110 - waits for time to pass, not for an event
            await asyncio.sleep(0 if self._record_due() == BATCH_SIZE else self.config.tick_seconds)

    def _record_due(self) -> int:
        due = self.registry.record_due_scans(courier=self.clock.courier(), real=self.clock.real(), at_most=BATCH_SIZE)
        for order, scan in due:
            self._enqueue_webhooks(order, scan)
        return len(due)

    def state(self) -> JsonObject:
        """How much work is outstanding: open journeys, queued orders, queued and in-flight webhooks."""
        return {
            "open_journeys": self.registry.open_journeys,
            "waiting_orders": len(self.registry.pending_orders),
            "queued_webhooks": self.webhooks.queued,
            "in_flight_webhooks": self.webhooks.in_flight,
        }

    def ledger(self, *, with_scans: bool = True) -> JsonObject:
        """What actually happened, to compare with the state of the system under test."""
        return {
            "orders_created": self.orders_created,
            "orders": [self._order_row(order, with_scans) for order in self.registry.orders.values()],
            "registered": [
                self._registered_row(order) for order in self.registry.shipments.values() if order.registered
            ],
            "at_courier": [
                {"reference_number": reference, "cp_id": cp_id, "waybill": waybill}
                for (reference, cp_id), waybill in self.registry.at_courier.items()
            ],
            "webhooks": asdict(self.webhooks.counts),
            "calls": dict(self.calls),
        }

    def _registered_row(self, order: SimulatedOrder) -> JsonObject:
        return {
            "waybill": order.waybill,
            "cp_id": order.cp_id,
            "reference_number": order.reference_number,
            "tracked": not order.untracked,
            "scans": [_scan_row(order, scan) for scan in order.scans],
        }

    def _order_row(self, order: SimulatedOrder, with_scans: bool) -> JsonObject:
        latest = order.latest
        row: JsonObject = {
            "reference_number": order.reference_number,
            "waybill": order.waybill,
            "cp_id": order.cp_id,
            "account_code": order.account.account_code,
            "order_id": order.order_id,
            "times_requested": self.registry.create_calls[order.reference_number],
            "cancelled": order.cancelled,
            "children": list(order.children),
            "latest_status": latest
            and {"clickpost_status_code": latest.code, "scanned_at": iso_utc(latest.scanned_at)},
        }
        if with_scans:
            row["scans"] = [_scan_row(order, scan) for scan in order.scans]
        return row


def _scan_row(order: SimulatedOrder, scan: SimulatedScan) -> JsonObject:
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
        "webhooks_acknowledged": order.acknowledged[scan.index],
    }
