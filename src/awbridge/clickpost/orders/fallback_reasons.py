"""Which refusals of create-order another courier could cure, and which calls can have left no order.

Source: ClickPost's error-code page and help desk ("not serviceable: other courier; incorrect data: fix at source").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from awbridge.clickpost.orders.create import REFUSED_BY_COURIER, own_waybill, parse_create_order
from awbridge.clickpost.orders.refusals import (
    courier_did_not_answer,
    is_already_held,
    is_data_error,
    is_not_serviceable,
    named_fields,
    refusal_text,
)
from awbridge.clickpost.wire.lenient_json import Reply, read_json
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Misconfigured, Outcome, Pending, Rejected, TryLater, Unknown

CREATE_ORDER = "create-order"

_NO_RETURNS = 311
_SERIES_USED_UP = (321, 330)


class RecordedCall(Protocol):
    """A call as it was kept, as far as this needs it."""

    @property
    def api(self) -> str:
        """Which API was called."""
        ...

    @property
    def http_status(self) -> int | None:
        """The HTTP status; None where no answer came."""
        ...

    @property
    def response(self) -> str:
        """The body that came back."""
        ...


def fallback_reason(calls: Sequence[RecordedCall], payload: JsonObject, *, at_least: int) -> str | None:
    """Why another courier may take what this one refused, by the last create-order of these calls; else None.

    `calls` are oldest first. An answer of the kind that may pass by itself (319, 354) has to come `at_least` times.
    """
    reasons = [_reason(call, payload) for call in calls if call.api == CREATE_ORDER]
    if not reasons or reasons[-1] is None:
        return None
    why, clear = reasons[-1]
    return why if clear or sum(reason is not None for reason in reasons) >= at_least else None


def all_were_refused(calls: Sequence[RecordedCall]) -> bool:
    """Whether every create-order of these calls was answered with a refusal, so that none can have left an order.

    One that was queued (202, 102) ends with the refusal that its repetition is answered with. What a lost answer leaves
    open is closed by the courier's own reason: ClickPost has read the reference number before it asks the courier. What
    the courier left open stays open: it may hold what ClickPost does not know of.
    """
    outcomes = [_outcome(call) for call in calls if call.api == CREATE_ORDER]
    is_open = False
    for before, outcome in pairwise([None, *outcomes]):
        if isinstance(outcome, Unknown | Pending) or (isinstance(outcome, TryLater) and outcome.silent):
            is_open = True
        elif isinstance(outcome, TryLater) and outcome.reasoned:
            is_open = False
        elif isinstance(outcome, Rejected) or (isinstance(outcome, TryLater) and outcome.refused):
            is_open = is_open and not isinstance(before, Pending)
        elif not (isinstance(outcome, Misconfigured) or (isinstance(outcome, TryLater) and not outcome.counts)):
            return False
    return bool(outcomes) and not is_open


def _outcome(call: RecordedCall) -> Outcome:
    reply = _answer(call)
    return parse_create_order(reply, "") if reply else Unknown(message="")


def _answer(call: RecordedCall) -> Reply | None:
    if call.http_status is None:
        return None
    try:
        body = read_json(call.response.encode())
    except ValueError:
        body = None
    return Reply(http_status=call.http_status, body=body, text=call.response)


def _reason(call: RecordedCall, payload: JsonObject) -> tuple[str, bool] | None:
    """(why, whether it is clear at once) for one answer; None where another courier would not help."""
    reply = _answer(call)
    if reply is None or reply.http_status >= 500 or reply.http_status in (401, 403, 404, 405, 406, 408, 429):
        return None
    code, words = reply.business_status, refusal_text(reply)
    if is_already_held(words) or courier_did_not_answer(words):
        return None
    if code == _NO_RETURNS:
        return "the courier takes no returns (311)", True
    if code in _SERIES_USED_UP and not own_waybill(payload):
        return f"the courier's series of waybills is used up ({code})", True
    if code not in REFUSED_BY_COURIER:
        return None
    if is_not_serviceable(reply.message):
        return f"not serviceable ({code})", False
    if is_data_error(reply.message) or named_fields(None, reply.message):
        return None
    return f"refused by the courier ({code})", False
