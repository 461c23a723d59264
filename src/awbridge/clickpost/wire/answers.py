"""Results of calls as the client returns them, and the description of an answer in text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, AnswerKind, classify
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.call import Call
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import (
    AlreadyHeld,
    Misconfigured,
    Outcome,
    Pending,
    Placed,
    Rejected,
    TryLater,
    Unknown,
)

CANCELLED_CODES = (200, 600)  # 600: cancelled, perhaps earlier
NOT_CANCELLABLE = 350
_ALREADY_CANCELLED = re.compile(r"\balready (been |in )?(an? )?(deleted|cancell?ed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """The result of registering a shipment. `reply` is None if no answer came; `advice` is what to do next."""

    outcome: Outcome
    call: Call
    reply: Reply | None = None
    advice: str = ""

    @property
    def waybill(self) -> str:
        """The waybill of a shipment that is placed; "" for every other outcome."""
        return self.outcome.waybill if isinstance(self.outcome, Placed) else ""

    @property
    def kind(self) -> str:
        """The class of the outcome: success, pending, transient, unclear, configuration or permanent."""
        match self.outcome:
            case Placed():
                return "success"
            case Pending():
                return "pending"
            case TryLater(unclear=unclear):
                return "unclear" if unclear else "transient"
            case Unknown() | AlreadyHeld():
                return "unclear"
            case Misconfigured():
                return "configuration"
            case Rejected():
                return "permanent"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrder:
    """What ClickPost shows under a reference number: `placed`, or None.

    None is no proof of absence: ClickPost documents this lookup by waybill and courier only. `known`: False if there
    was no answer or a transient one (a server error, too many requests). `denied`: ClickPost answered with a code for
    "no such order", which is no proof either.
    """

    placed: Placed | None
    known: bool
    call: Call
    denied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswer:
    """The result of a cancellation.

    `cancelled`: done. `accepted`: ClickPost does it later; repeat the call for the result. `again`: the same call may
    work later. `misconfigured`: key, credentials or account are wrong (`again` is True: it works once corrected).
    `retry_after`: seconds, if ClickPost stated it. `advice`: what to do next. `counts`: False if ClickPost only
    requested a slower pace.
    """

    cancelled: bool
    message: str
    call: Call
    accepted: bool = False
    again: bool = False
    misconfigured: bool = False
    retry_after: float | None = None
    advice: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackAnswer:
    """The timelines of the waybills that ClickPost knows, each ready to be stored raw."""

    items: list[JsonObject]
    call: Call


def describe(reply: Reply) -> str:
    """An answer as text: ClickPost's code, its meaning and the message."""
    code, text = reply.business_status, reply.message
    if code is None:
        unreadable = "" if reply.body is not None else " with a body that is not JSON"
        message = f": {text}" if text else unreadable
        return f"HTTP {reply.http_status}{message}"
    name = ANSWER_NAMES.get(code, "a code that is not documented")
    http = f"HTTP {reply.http_status}, " if reply.http_status != 200 else ""
    message = f": {text}" if text else ""
    return f"{http}ClickPost {code} ({name}){message}"


def parse_cancel_order(reply: Reply, call: Call) -> CancelAnswer:
    """What an answer to cancel-order means. 350 is a final refusal whatever the HTTP status.

    400, as HTTP status or as code, is cancelled too if the message reads "already in a deleted state", which
    couriers answer to a repeated cancellation.
    """
    code, message = reply.business_status, describe(reply)
    if 400 in (reply.http_status, code) and _ALREADY_CANCELLED.search(reply.message or reply.text):
        return CancelAnswer(cancelled=True, message=message, call=call)
    if code == NOT_CANCELLABLE:
        return CancelAnswer(cancelled=False, message=message, call=call)
    if reply.http_status == 200 and code in CANCELLED_CODES:
        return CancelAnswer(cancelled=True, message=message, call=call)
    answer = classify(reply.http_status, code, is_json=reply.is_json)
    has_content = code is not None or (reply.text.strip() and not reply.is_json)  # or a foreign page
    if answer is AnswerKind.PENDING or (reply.http_status == 202 and not has_content):
        return CancelAnswer(cancelled=False, accepted=True, again=True, message=message, call=call)
    return CancelAnswer(
        cancelled=False,
        again=answer is not AnswerKind.PERMANENT,
        misconfigured=answer is AnswerKind.CONFIGURATION,
        retry_after=reply.retry_after,
        message=message,
        call=call,
        counts=answer is not AnswerKind.THROTTLED,
    )
