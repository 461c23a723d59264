"""Why a delivery is dead-lettered, or waits for a decision. Pure."""

from __future__ import annotations

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """A reason. It is stored before its details, as `unknown_shipment: w:AWB1`."""

    NOT_JSON = "not_json"
    EMPTY_LIST = "empty_list"
    NOT_AN_OBJECT = "not_an_object"
    NO_SHIPMENT_NAMED = "no_shipment_named"
    NO_STATUS = "no_status"
    RETURN_OF_NO_SHIPMENT = "return_of_no_shipment"
    NO_READABLE_ENTRY = "no_readable_entry"
    UNKNOWN_SHIPMENT = "unknown_shipment"
    AMBIGUOUS = "ambiguous"
    FAILED = "failed"

    def of(self, details: str) -> str:
        """The problem as it is stored: the reason and its details."""
        return f"{self}: {details}" if details else str(self)


def reason_of(problem: str) -> DeadLetterReason | None:
    """The reason of a stored problem. None for one that an older version stored, which is a text."""
    return _REASONS.get(problem.partition(": ")[0])


def problem_text(problem: str) -> str:
    """A stored problem, for people."""
    reason = reason_of(problem)
    return text_of(reason, problem.partition(": ")[2]) if reason else problem


def text_of(reason: DeadLetterReason, details: str = "") -> str:
    """A reason and its details, for people."""
    return ": ".join(filter(None, (_TEXTS[reason], details)))


_REASONS = {str(reason): reason for reason in DeadLetterReason}
_TEXTS = {
    DeadLetterReason.NOT_JSON: "it is not JSON",
    DeadLetterReason.EMPTY_LIST: "the list is empty",
    DeadLetterReason.NOT_AN_OBJECT: "it is not an object, or it is empty",
    DeadLetterReason.NO_SHIPMENT_NAMED: "it names no waybill, reference number or order id",
    DeadLetterReason.NO_STATUS: "it holds no status code or scan that can be read",
    DeadLetterReason.RETURN_OF_NO_SHIPMENT: "it is about a return and names neither its shipment nor the return",
    DeadLetterReason.NO_READABLE_ENTRY: "no entry of the list can be read",
    DeadLetterReason.UNKNOWN_SHIPMENT: "no shipment of ours",
    DeadLetterReason.AMBIGUOUS: "",  # the details are a sentence
    DeadLetterReason.FAILED: "could not be applied",
}
