"""The simulated scans and orders, and the orders that a courier is still processing."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from awbridge.sandbox.config import SimulatedAccount
from awbridge.sandbox.shipments.journeys import Journey, ScanStatus
from awbridge.sandbox.wire.json import JsonObject

Region = Literal["india", "world"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedScan(ScanStatus):
    """A scan that ClickPost has received. Every response and webhook shows these values."""

    index: int
    waybill: str
    cp_id: int
    scanned_at: int
    """Courier time, whole epoch seconds."""
    created_at: float
    """Real time at which ClickPost received it, epoch seconds."""
    order_status_id: int
    checkpoint_id: int
    tracking_id: int


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedOrder:
    """A shipment and its journey so far. Placed through ClickPost, or `registered` for tracking only."""

    serial: int
    reference_number: str
    order_id: object
    """The merchant's order id as received: text, a number, or None."""
    account: SimulatedAccount
    waybill: str
    children: tuple[str, ...]
    items: tuple[JsonObject, ...]
    has_label: bool
    is_rvp: bool
    order_type: str
    cod_value: float
    drop_pincode: str
    region: Region
    security_key: str
    placed_at: float
    updated_at: float
    last_change: int = -1
    """Index of the latest change in the registry's list of changes."""
    first_scan_at: int
    """Courier time of the first scan, whole epoch seconds."""
    steps: Journey
    scans: list[SimulatedScan] = field(default_factory=list[SimulatedScan])
    acknowledged: Counter[int] = field(default_factory=Counter[int])
    """Index of a scan -> webhooks about it that were answered 200."""
    registered: bool = False
    cancelled: bool = False
    untracked: bool = False

    @property
    def cp_id(self) -> int:
        return self.account.courier_partner_id

    @property
    def report_delay(self) -> int:
        """Seconds between a scan and its receipt by ClickPost: enough to complete the journey at 1 s per scan."""
        return len(self.steps)

    @property
    def is_open(self) -> bool:
        """Whether more scans will follow."""
        return not self.cancelled and not self.untracked and len(self.scans) < len(self.steps)

    @property
    def latest(self) -> SimulatedScan | None:
        """The latest scan of the main waybill, or else of any piece."""
        return self.latest_of(self.waybill) or (self.scans[-1] if self.scans else None)

    def latest_of(self, waybill: str) -> SimulatedScan | None:
        """The latest scan of the main waybill or of a piece's waybill."""
        return next((scan for scan in reversed(self.scans) if scan.waybill == waybill), None)

    @property
    def has_piece_scans(self) -> bool:
        """Whether its pieces have scans of their own."""
        return any(step.piece for step in self.steps)

    @property
    def next_scan_due_at(self) -> int:
        """Courier time at which ClickPost receives the next scan. Only valid while open."""
        return self.first_scan_at + self.steps[len(self.scans)].offset + self.report_delay


@dataclass(slots=True)
class OrderDraft:
    """The data of an order before it is placed; of an asynchronous order, the data of its first call."""

    payload: JsonObject
    account: SimulatedAccount
    region: Region
    polls_left: int = 0
