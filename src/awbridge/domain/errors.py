"""Every error awbridge raises on purpose, in one tree.

AwbridgeError
├── SettingsError        a setting is missing or wrong; the text says which and what to do
│   └── MissingPart      what it asks for needs an optional part of the installation
├── StoreError           the database refused
│   ├── StoreBusy        it is locked or overloaded now; trying again later may work
│   │   └── StoreDeadlock  two transactions waited for each other, and this one was ended; trying again works
│   └── MigrationError   the schema is not the one this version needs
│       └── SchemaTooNew a newer version's, beside which this one cannot go on
├── IntakeError          an order was refused before it was stored
│   ├── PayloadRefused   fields that ClickPost would refuse, each with its path
│   ├── ReferenceTaken   the reference number exists with another payload
│   │   └── ReferenceCancelled  it exists and was cancelled: a repeated order sends nothing
│   └── KeyTaken         the idempotency key was used for something else
├── NotValid             invalid couriers, allocation rules or request for erasure
├── TableUnreadable      a file that cannot be read as a table
├── CellDamaged          a spreadsheet program damaged a cell's value
├── NotFound             no such shipment, courier or waybill
│   └── NoAccount        no account has that name
├── NotPossible          the shipment's state does not allow the request
├── NoTransaction        the caller has no open transaction that orders could join
├── ObjectsError         the object storage failed; a retry may succeed
├── BackupError          a backup could not be made, verified or restored; the text says why
├── TransferError        an account's data could not be exported, imported or dropped; the text says why
├── MailError            the mail server failed; a retry may succeed
├── AddressUnusable      no server can listen on that address and port
├── StoppedEarly         a signal ended the process before it had started
├── DocumentError        a PDF could not be made; the text says why
└── VendorError          a call to ClickPost that is not about one shipment failed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awbridge.domain.call import Call


class AwbridgeError(Exception):
    """Base of all errors that awbridge raises on purpose. The text is written for people."""


class SettingsError(AwbridgeError):
    """A setting is missing or wrong. The text names it and says what to do."""


class MissingPart(SettingsError):
    """What a setting asks for needs an optional part that is not installed. The text has the command that does it."""

    def __init__(self, what: str, *parts: str, need: str = "needs") -> None:
        one = len(parts) == 1
        what_for = "an optional part; install it" if one else "optional parts; install them"
        super().__init__(f"{what} {need} {what_for} with pip install 'awbridge[{','.join(parts)}]'")


class StoreError(AwbridgeError):
    """The database refused a request."""


class StoreBusy(StoreError):
    """The database is locked, unreachable or overloaded now; a retry may succeed."""


class StoreDeadlock(StoreBusy):
    """Two transactions waited for each other, and the database ended this one. Nothing of it is stored; retry it."""


class MigrationError(StoreError):
    """The schema of the database is not the one that this version needs."""


class SchemaTooNew(MigrationError):
    """A newer version migrated the database, and this version cannot run on it. The text says what to do."""


class IntakeError(AwbridgeError):
    """An order was refused before any part of it was stored."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field: its path, the problem, and ClickPost's code if there is one."""

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
            f"reference_number {reference_number} already exists with another payload, which differs in: {shown}. "
            "Use a new reference_number, or change the existing shipment."
        )


class ReferenceCancelled(ReferenceTaken):
    """The same order exists and was cancelled. Nothing is sent: ClickPost never releases a reference number."""

    def __init__(self, reference_number: str, differences: list[str]) -> None:
        super().__init__(reference_number, differences)
        self.args = (
            f"{reference_number} already exists and was cancelled or is being cancelled, so nothing is sent. "
            f"To ship the order anyway, replace it (awbridge shipments replace {reference_number}, "
            "or POST .../replace)",
        )


class KeyTaken(IntakeError):
    """The idempotency key was already used for another request."""


class NotValid(AwbridgeError):
    """Settings that a person stores (couriers, rules, people, keys) are invalid. The text names the problem."""


class TableUnreadable(AwbridgeError, ValueError):
    """A file cannot be read as a table. The text says why and what to do."""


class CellDamaged(AwbridgeError, ValueError):
    """A spreadsheet program damaged a cell's value. The text says how to restore it."""


class NotFound(AwbridgeError):
    """There is no such shipment, courier or waybill."""


class NoAccount(NotFound):
    """No account of this installation has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no account {name!r}: awbridge accounts list names those that there are")


class NotPossible(AwbridgeError):
    """The shipment's state does not allow the request. The text names the state."""


class NoTransaction(AwbridgeError):
    """An order must be stored in the caller's transaction, but none is open on that connection."""


class ObjectsError(AwbridgeError):
    """The object storage is unreachable, slow, full or refuses. A retry may succeed."""


class BackupError(AwbridgeError):
    """A backup could not be made, verified or restored. The text says why and what to do."""


class IdentityError(AwbridgeError):
    """The identity provider cannot be reached, refused, or its answer cannot be trusted. The text says why."""


class TransferError(AwbridgeError):
    """An account's data could not be exported, imported or dropped. The text says why."""


class MailError(AwbridgeError):
    """The mail server is unreachable or refuses. A retry may succeed."""


class AddressUnusable(AwbridgeError):
    """No server can listen on that address and port. The text says why and what to do."""


class StoppedEarly(AwbridgeError):
    """The signal `number` ended the process before it had started."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__("stopped before it had started")


class DocumentError(AwbridgeError):
    """A PDF could not be made: too large, too slow, or its libraries are not installed."""


class VendorError(AwbridgeError):
    """A call to ClickPost that is not about registering one shipment failed.

    `call` is the request and its response, secrets masked. `kind` classifies the failure (transient, configuration,
    permanent, ...), `advice` says what to do, `again` whether the same call may succeed later, `retry_after` (seconds)
    when, if ClickPost says so. `sent` is False if ClickPost certainly did not receive the request.
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
        """The HTTP status; None without an answer."""
        return self.call.http_status

    @property
    def business_status(self) -> int | None:
        """ClickPost's own code in the body; None if there is none."""
        return self.call.business_status
