"""The outcome of a recorded call to the vendor."""

from __future__ import annotations

from enum import StrEnum


class AttemptOutcome(StrEnum):
    """What the step that made a call took the answer for."""

    PLACED = "placed"
    PENDING = "pending"
    CANCELLED = "cancelled"
    DONE = "done"
    RECOMMENDED = "recommended"
    FOUND = "found"
    NOT_FOUND = "not_found"
    NOT_HELD = "not_held"
    NOT_CERTAIN = "not_certain"  # only in rows of older versions

    FAILED = "failed"
    REJECTED = "rejected"
    TRY_LATER = "try_later"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    NOT_CANCELLED = "not_cancelled"
    NOT_ASKED = "not_asked"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    UNCLEAR = "unclear"

    ALREADY_HELD = "already_held"
    NOT_RECOMMENDED = "not_recommended"
    WAITING = "waiting"


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
