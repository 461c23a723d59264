"""The entries in ClickPost's books: scans, shipments, orders that a courier is still working on."""

from dataclasses import dataclass, field
from typing import Literal

from awbridge.sandbox.config import Account
from awbridge.sandbox.shipments.journeys import Step
from awbridge.sandbox.wire.json import JsonObject

Region = Literal["india", "world"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One scan that ClickPost knows. Wherever it is shown, waybill, code, second, status and location are these."""

    index: int
    waybill: str
    cp_id: int
    code: int
    status: str
    remark: str
    location: str
    city: str
    bucket: int
    ndr_code: int | None
    npr_code: int | None
    scanned_at: int
    """Whole epoch seconds on the courier's clock."""
    created_at: float
    """Real epoch seconds at which ClickPost learnt of it."""
    order_status_id: int
    checkpoint_id: int
    tracking_id: int


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One shipment and its journey so far: placed through ClickPost, or `registered` for tracking only."""

    serial: int
    reference_number: str
    order_id: object
    """The merchant's order id as given, which may be missing (None) or a number."""
    account: Account
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
    change: int = -1
    """Position of the latest change in the books' list of changes."""
    origin: int
    """Time of the first scan, whole epoch seconds on the courier's clock."""
    steps: tuple[Step, ...]
    scans: list[Scan] = field(default_factory=list[Scan])
    registered: bool = False
    stopped: bool = False
    cancelled: bool = False
    untracked: bool = False

    @property
    def cp_id(self) -> int:
        """The courier partner id."""
        return self.account.courier_partner_id

    @property
    def lag(self) -> int:
        """Seconds between a scan and ClickPost's learning of it: room enough to hurry the rest of the journey."""
        return len(self.steps)

    @property
    def open(self) -> bool:
        """Whether scans are still to come."""
        return not self.stopped and not self.untracked and len(self.scans) < len(self.steps)

    @property
    def latest(self) -> Scan | None:
        """The shipment's own scan with the newest scan time, else that of any piece."""
        return self.latest_of(self.waybill) or (self.scans[-1] if self.scans else None)

    def latest_of(self, waybill: str) -> Scan | None:
        """The newest scan of the shipment's own waybill, or of a piece's."""
        return next((scan for scan in reversed(self.scans) if scan.waybill == waybill), None)

    @property
    def tells_of_pieces(self) -> bool:
        """Whether its pieces are scanned one by one."""
        return any(step.piece for step in self.steps)

    @property
    def next_due(self) -> int:
        """Courier time at which the next scan becomes known. Only while open."""
        return self.origin + self.steps[len(self.scans)].offset + self.lag


@dataclass(slots=True)
class Queued:
    """An asynchronous order that the courier is still working on. The data of the first call stands."""

    payload: JsonObject
    account: Account
    region: Region
    polls_left: int
