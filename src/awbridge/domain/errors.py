"""Every error awbridge raises on purpose, in one tree.

AwbridgeError
├── SettingsError        a setting is missing or wrong; the text says which and what to do
├── StoreError           the database refused
│   ├── StoreBusy        it is locked or overloaded now; trying again later may work
│   └── MigrationError   the schema is not the one this version needs
│       └── SchemaTooNew a newer version's, beside which this one cannot go on
├── IntakeError          an order was refused before it was stored
│   ├── PayloadRefused   fields that ClickPost would refuse, each with its path
│   ├── ReferenceTaken   the reference number exists with another payload
│   │   └── ReferenceCancelled  it exists and was cancelled: the same order again sends nothing
│   └── KeyTaken         the idempotency key was used for something else
├── NotValid             couriers or rules that cannot be kept as they were given
├── TableUnreadable      a file is no table that can be read
├── CellSpoilt           a spreadsheet has destroyed what stood in a cell
├── NotFound             no such shipment, courier or waybill
├── NotPossible          the shipment's state does not allow what was asked
├── NoTransaction        orders were to join the caller's transaction, and there is none
├── ObjectsError         the object storage did not do it; later may work
├── MailError            the mail server did not take it; later may work
└── VendorError          a call to ClickPost that is not about one shipment failed
"""

from __future__ import annotations

from dataclasses import dataclass

from awbridge.domain.call import Call


class AwbridgeError(Exception):
    """Base of all errors that awbridge raises on purpose. The text is meant for a person."""


class SettingsError(AwbridgeError):
    """A setting is missing or wrong. The text names it and says what to do."""


class StoreError(AwbridgeError):
    """The database refused a request."""


class StoreBusy(StoreError):
    """The database is locked, unreachable or overloaded now; later may work."""


class MigrationError(StoreError):
    """The schema of the database is not the one that this version needs."""


class SchemaTooNew(MigrationError):
    """A newer version has migrated the database, and this one cannot go on beside it. The text says what to do."""


class IntakeError(AwbridgeError):
    """An order was refused before anything of it was stored."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that is wrong: where it stands, what is wrong with it, ClickPost's code if it has one."""

    path: str
    problem: str
    code: int | None = None


class PayloadRefused(IntakeError):
    """ClickPost would refuse this payload. `problems` lists every wrong field."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.path}: {p.problem}" if p.path else p.problem for p in problems))


class ReferenceTaken(IntakeError):
    """The reference number is in use for another payload. `differences` lists the fields that differ."""

    def __init__(self, reference_number: str, differences: list[str]) -> None:
        self.reference_number = reference_number
        self.differences = differences
        shown = ", ".join(differences[:10])
        super().__init__(
            f"reference_number {reference_number} exists already with another payload; it differs in: {shown}. "
            "Use a new reference_number, or change the existing shipment."
        )


class ReferenceCancelled(ReferenceTaken):
    """The same order is there and was cancelled. Nothing is sent: ClickPost keeps a reference number for good."""

    def __init__(self, reference_number: str, differences: list[str]) -> None:
        super().__init__(reference_number, differences)
        self.args = (
            f"{reference_number} is there already and was cancelled, or is being cancelled: nothing is sent. "
            f"To send the order after all, replace it (awbridge shipments replace {reference_number}, "
            "or POST .../replace)",
        )


class KeyTaken(IntakeError):
    """The idempotency key was used for another request before."""


class NotValid(AwbridgeError):
    """Couriers or rules of allocation cannot be kept as they were given. The text names what is wrong."""


class TableUnreadable(AwbridgeError, ValueError):
    """A file is no table that can be read. The text says why, and what to do."""


class CellSpoilt(AwbridgeError, ValueError):
    """A spreadsheet has destroyed what stood in a cell. The text says how to get it whole."""


class NotFound(AwbridgeError):
    """There is no such shipment, courier or waybill."""


class NotPossible(AwbridgeError):
    """The shipment's state does not allow what was asked. The text says which state it is in."""


class NoTransaction(AwbridgeError):
    """An order was to be stored within the caller's own transaction, but none is open on that connection."""


class ObjectsError(AwbridgeError):
    """The object storage is away, slow, full or refuses. Later may work."""


class MailError(AwbridgeError):
    """The mail server is away or refuses. Later may work."""


class VendorError(AwbridgeError):
    """A call to ClickPost that is not about registering one shipment failed.

    `call` is what went out and came back (secrets masked). `kind` classes the failure (transient, configuration,
    permanent, ...), `advice` says what to do next, `again` whether the same call may work later, and `retry_after`
    (seconds) when, if ClickPost said so. `sent` is False where it is certain that ClickPost has not seen the request.
    """

    def __init__(
        self,
        message: str,
        *,
        call: Call,
        again: bool = False,
        retry_after: float | None = None,
        kind: str = "unclear",
        advice: str = "",
        sent: bool = True,
    ) -> None:
        self.call = call
        self.again = again
        self.retry_after = retry_after
        self.kind = kind
        self.advice = advice
        self.sent = sent
        super().__init__(f"{message.rstrip('.')}. {advice}" if advice else message)

    @property
    def url(self) -> str:
        """The address that was called, secrets masked."""
        return self.call.url

    @property
    def http_status(self) -> int | None:
        """The HTTP status; None where no answer came."""
        return self.call.http_status

    @property
    def business_status(self) -> int | None:
        """ClickPost's own code in the body; None where it gave none."""
        return self.call.business_status
