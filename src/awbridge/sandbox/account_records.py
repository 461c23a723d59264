"""What ClickPost keeps for the account besides shipments: reports, NDR instructions, the audit log, settings."""

import uuid
from collections import Counter
from dataclasses import dataclass, field

from awbridge.sandbox.wire.json import JsonObject

FIRST_REPORT = 1_300_001


@dataclass(slots=True, kw_only=True)
class DashboardReport:
    """A CSV report of the shipments that changed in a window, epoch seconds. `content` is None until it is ready."""

    reference: int
    start: float
    end: float
    fields: tuple[str, ...]
    created_at: float
    polls_left: int
    failed: bool
    signature: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogEntry:
    """One entry of the audit log. `logged_at` is in epoch seconds."""

    id: str
    service: str
    payload: JsonObject | None
    logged_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NdrInstruction:
    """What the merchant requested after a failed delivery."""

    waybill: str
    fields: JsonObject
    requested_at: float


@dataclass(slots=True)
class AccountRecords:
    """The account's records besides its shipments."""

    reports: dict[int, DashboardReport] = field(default_factory=dict[int, DashboardReport])
    audit_log: list[AuditLogEntry] = field(default_factory=list[AuditLogEntry])
    ndr_instructions: list[NdrInstruction] = field(default_factory=list[NdrInstruction])
    services: set[int] = field(default_factory=set[int])
    whatsapp_disabled: set[str] = field(default_factory=set[str])
    """Waybills for which WhatsApp messages are disabled."""
    pickups: Counter[int] = field(default_factory=Counter[int])
    """Number of requested pickups, by cp_id."""

    def log_action(self, service: str, payload: JsonObject | None, *, at: float) -> None:
        """Add an entry to the audit log. `payload` must not contain secrets."""
        identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{len(self.audit_log)}:{at}:{service}")
        self.audit_log.append(AuditLogEntry(id=str(identity), service=service, payload=payload, logged_at=at))
