"""What needs a person, what is worth watching, and when refusals raise an alarm: texts and limits, no counting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

REFUSED_WITHIN = timedelta(hours=1)  # refusals are compared with the orders decided within this time,
NEWEST_DECIDED = 50  # or with the newest orders if fewer were decided


class Need(StrEnum):
    """One kind of problem that does not resolve itself."""

    REJECTED = "rejected"
    GAVE_UP = "gave_up"
    HELD = "held"
    CANCEL_REFUSED = "cancel_refused"
    NDR = "ndr"
    ANSWERS = "answers"
    PIECES = "pieces"
    ACTIONS = "actions"
    DEAD_LETTERED = "dead_lettered"
    EVENTS = "events"
    DIFFERENCES = "differences"
    MESSAGES = "messages"
    STUCK = "stuck"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The text of a need: `many` follows a count, `one` the count 1. `command` lists what is counted."""

    one: str
    many: str
    command: str
    needs_person: bool = True

    def counted(self, count: int) -> str:
        return f"{count} {self.one if count == 1 else self.many}"


NEEDS: Mapping[Need, Described] = {
    Need.REJECTED: Described(
        one="shipment is rejected: correct its payload or cancel it",
        many="shipments are rejected: correct their payloads or cancel them",
        command="awbridge shipments list --state rejected",
    ),
    Need.GAVE_UP: Described(
        one="shipment exhausted its retries",
        many="shipments exhausted their retries",
        command="awbridge shipments list --state gave_up",
    ),
    Need.HELD: Described(
        one="shipment is held: its courier account has an incident",
        many="shipments are held: their courier accounts have incidents",
        command="awbridge couriers accounts",
    ),
    Need.CANCEL_REFUSED: Described(
        one="cancellation was refused or gave up: the parcel may be in transit",
        many="cancellations were refused or gave up: the parcels may be in transit",
        command="awbridge shipments list --not-cancelled",
    ),
    Need.NDR: Described(
        one="failed delivery is open", many="failed deliveries are open", command="awbridge shipments list --ndr"
    ),
    Need.ANSWERS: Described(
        one="customer's answer waits for your decision",
        many="customers' answers wait for your decision",
        command="awbridge answers list --state received",
    ),
    Need.PIECES: Described(
        one="shipment has a box that is lost, damaged or returning while the others are not",
        many="shipments have a box that is lost, damaged or returning while the others are not",
        command="awbridge shipments list --piece-exception",
    ),
    Need.ACTIONS: Described(
        one="action failed or is unclear", many="actions failed or are unclear", command="awbridge actions list"
    ),
    Need.DEAD_LETTERED: Described(
        one="delivery of the last week is dead-lettered",
        many="deliveries of the last week are dead-lettered",
        command="awbridge replay --list",
    ),
    Need.EVENTS: Described(one="event gave up", many="events gave up", command="awbridge endpoints list"),
    Need.DIFFERENCES: Described(
        one="difference from ClickPost is unresolved",
        many="differences from ClickPost are unresolved",
        command="awbridge reconcile list",
    ),
    Need.MESSAGES: Described(
        one="message of the last day failed or may not have been sent",
        many="messages of the last day failed or may not have been sent",
        command="awbridge notices list",
        needs_person=False,
    ),
    Need.STUCK: Described(
        one="parcel is stuck", many="parcels are stuck", command="awbridge shipments list --stuck", needs_person=False
    ),
    Need.LATE: Described(
        one="parcel is past its expected date",
        many="parcels are past their expected date",
        command="awbridge shipments list --sla-breached",
        needs_person=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCounts:
    """Orders that ClickPost decided recently: how many it refused, and how many it decided in total."""

    refused: int
    decided: int

    @property
    def share(self) -> float:
        """The share of refusals, 0 to 1."""
        return self.refused / self.decided if self.decided else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLimit:
    """The share of refusals, 0 to 1, and their least number that raise an alarm."""

    share: float = 0.2
    least: int = 10

    def is_reached(self, refusals: RefusalCounts) -> bool:
        """Whether these refusals raise an alarm."""
        return refusals.refused >= self.least and refusals.share >= self.share
