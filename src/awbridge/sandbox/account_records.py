"""What ClickPost keeps beside shipments: reports, what merchants said about failed deliveries, who did what."""

import uuid
from collections import Counter
from dataclasses import dataclass, field

from awbridge.sandbox.wire.json import JsonObject

FIRST_REPORT = 1_300_001


@dataclass(slots=True, kw_only=True)
class Report:
    """A CSV of what changed in a window of real time. `content` is None until it is ready."""

    reference: int
    name: str
    start: float
    end: float
    fields: tuple[str, ...]
    created_at: float
    polls_left: int
    failed: bool
    signature: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line of the audit log. `done_at` is in epoch seconds."""

    id: str
    service: str
    payload: JsonObject | None
    done_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NdrWish:
    """What the merchant asked for after a failed delivery."""

    waybill: str
    fields: JsonObject
    stated_at: float


@dataclass(slots=True)
class Office:
    """Everything beside the books of shipments."""

    reports: dict[int, Report] = field(default_factory=dict[int, Report])
    deeds: list[Deed] = field(default_factory=list[Deed])
    wishes: list[NdrWish] = field(default_factory=list[NdrWish])
    services: set[int] = field(default_factory=set[int])
    silent: set[str] = field(default_factory=set[str])
    """Waybills about which no WhatsApp messages are sent."""
    pickups: Counter[int] = field(default_factory=Counter[int])
    """Pickups that were asked for, by cp_id."""

    def note(self, service: str, payload: JsonObject | None, *, at: float) -> None:
        """Write down who did what. Nothing secret may stand in `payload`."""
        identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{len(self.deeds)}:{at}:{service}")
        self.deeds.append(Deed(id=str(identity), service=service, payload=payload, done_at=at))

    def add_report(self, report: Report) -> None:
        """Keep a report under its reference."""
        self.reports[report.reference] = report

    @property
    def next_report(self) -> int:
        """The reference of the next report."""
        return FIRST_REPORT + len(self.reports)
