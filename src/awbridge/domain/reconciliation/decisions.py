"""What a person may do about differences, and what that means for each of them. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from awbridge.domain.orders.bulk import Consequence
from awbridge.domain.reconciliation.differences import DifferenceKind


class Decision(StrEnum):
    """An action on chosen differences."""

    RECHECK = "recheck"
    PUSH_AGAIN = "push-again"
    SOLVE = "solve"


def consequence(decision: Decision, kind: DifferenceKind, state: str, pushed_at: datetime | None) -> Consequence:
    """What a decision does to a difference of this kind and state. The action itself decides again."""
    if state != "open":
        return Consequence(possible=False, text="It is solved already.")
    if decision is Decision.SOLVE:
        return Consequence(possible=True, text="It is closed by hand. Nothing changes at ClickPost or here.")
    if decision is Decision.RECHECK:
        return Consequence(possible=True, text=_RECHECK[kind])
    if kind is not DifferenceKind.MISSING_THERE:
        return Consequence(possible=False, text="Only shipments that ClickPost lacks can be pushed again.")
    if pushed_at is not None:
        return Consequence(possible=False, text="It was pushed again already. Its result is being checked.")
    return Consequence(
        possible=True, text="It is registered again. If ClickPost does hold it, it answers with the first AWB."
    )


_HERE = "It is compared at once with what is stored here."
_RECHECK = {
    DifferenceKind.MISSING_THERE: "ClickPost is asked at once whether it holds the shipment.",
    DifferenceKind.MISSING_HERE: _HERE,
    DifferenceKind.STATUS: _HERE,
    DifferenceKind.COURIER: _HERE,
    DifferenceKind.WAYBILL: _HERE,
}
