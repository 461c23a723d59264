"""The outcome of a recorded call to the vendor."""

from __future__ import annotations

from enum import StrEnum


class AttemptOutcome(StrEnum):
    """What the step that made a call took the answer for."""

    PLACED = "placed"
    """The order is placed, by this call or by an earlier one."""
    PENDING = "pending"
    """Accepted and in progress: the same call is repeated shortly."""
    CANCELLED = "cancelled"
    """The shipment is cancelled at ClickPost."""
    DONE = "done"
    """The action was made."""
    RECOMMENDED = "recommended"
    """ClickPost recommended a courier."""
    FOUND = "found"
    """ClickPost was asked, and holds the order."""
    NOT_FOUND = "not_found"
    """ClickPost was asked, and shows no such order."""
    NOT_HELD = "not_held"
    """ClickPost was asked, and does not hold the order."""
    NOT_CERTAIN = "not_certain"
    """ClickPost was asked, and its answer decided nothing. Only in rows of older versions."""

    FAILED = "failed"
    """The call failed."""
    REJECTED = "rejected"
    """This payload will never be accepted."""
    TRY_LATER = "try_later"
    """A transient failure."""
    UNKNOWN = "unknown"
    """No response came: the order may be placed, and the next attempt settles it."""
    MISCONFIGURED = "misconfigured"
    """The key, the credentials or the account are at fault."""
    NOT_CANCELLED = "not_cancelled"
    """The shipment is not cancelled."""
    NOT_ASKED = "not_asked"
    """ClickPost could not be asked what it holds."""
    REFUSED = "refused"
    """Refused for good."""
    GAVE_UP = "gave_up"
    """The last attempt: it is not repeated."""
    UNCLEAR = "unclear"
    """The response was lost, and the call must not be repeated."""

    ALREADY_HELD = "already_held"
    """The courier says that it already holds the order, without its waybill."""
    NOT_RECOMMENDED = "not_recommended"
    """ClickPost recommended no courier."""
    WAITING = "waiting"
    """The courier was asked and has not decided."""


# An answer to a question is a success, whatever its code. store/audit/attempts.sql lists the same.
SUCCEEDED = frozenset(
    (
        *(AttemptOutcome.PLACED, AttemptOutcome.PENDING, AttemptOutcome.CANCELLED, AttemptOutcome.DONE),
        *(AttemptOutcome.RECOMMENDED, AttemptOutcome.FOUND, AttemptOutcome.NOT_FOUND, AttemptOutcome.NOT_HELD),
        AttemptOutcome.NOT_CERTAIN,
    )
)
FAILED = frozenset(
    (
        *(AttemptOutcome.FAILED, AttemptOutcome.REJECTED, AttemptOutcome.TRY_LATER, AttemptOutcome.UNKNOWN),
        *(AttemptOutcome.MISCONFIGURED, AttemptOutcome.NOT_CANCELLED, AttemptOutcome.NOT_ASKED),
        *(AttemptOutcome.REFUSED, AttemptOutcome.GAVE_UP, AttemptOutcome.UNCLEAR),
    )
)
