"""Which refusals of create-order justify a fallback courier, and which calls cannot have left an order.

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
_SERIES_EXHAUSTED = (321, 330)


class RecordedCall(Protocol):
    """The fields of a recorded call that are read here."""

    @property
    def api(self) -> str:
        """Which API was called."""
        ...

    @property
    def http_status(self) -> int | None:
        """The HTTP status; None if no answer came."""
        ...

    @property
    def response(self) -> str:
        """The body that came back."""
        ...


def fallback_reason(calls: Sequence[RecordedCall], payload: JsonObject, *, at_least: int) -> str | None:
    """Why another courier may take what this one refused, from the last create-order of these calls; else None.

    `calls` are oldest first. Codes that may be transient (319, 354) must occur `at_least` times.
    """
    reasons = [_reason(call, payload) for call in calls if call.api == CREATE_ORDER]
    if not reasons or reasons[-1] is None:
        return None
    reason, is_clear = reasons[-1]
    return reason if is_clear or sum(found is not None for found in reasons) >= at_least else None


def all_were_refused(calls: Sequence[RecordedCall]) -> bool:
    """Whether every create-order of these calls was answered with a refusal, so that none can have left an order.

    A queued one (202, 102) ends with the refusal of its repetition. A later refusal with the courier's own reason
    settles a lost answer: ClickPost checks the reference number before it asks the courier. A courier that did not
    answer leaves the outcome open: it may hold an order unknown to ClickPost.
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
    reply = _reply(call)
    return parse_create_order(reply, "") if reply else Unknown(message="")


def _reply(call: RecordedCall) -> Reply | None:
    if call.http_status is None:
        return None
    try:
        body = read_json(call.response.encode())
    except ValueError:
        body = None
    return Reply(http_status=call.http_status, body=body, text=call.response)


def _reason(call: RecordedCall, payload: JsonObject) -> tuple[str, bool] | None:
    """(reason, whether one such answer is enough) for one answer; None where another courier would not help."""
    reply = _reply(call)
    if reply is None or reply.http_status >= 500 or reply.http_status in (401, 403, 404, 405, 406, 408, 429):
        return None
    code, text = reply.business_status, refusal_text(reply)
    if is_already_held(text) or courier_did_not_answer(text):
        return None
    if code == _NO_RETURNS:
        return "the courier takes no returns (311)", True
    if code in _SERIES_EXHAUSTED and not own_waybill(payload):
        return f"the courier's series of waybills is used up ({code})", True
    if code not in REFUSED_BY_COURIER:
        return None
    if is_not_serviceable(reply.message):
        return f"not serviceable ({code})", False
    if is_data_error(reply.message) or named_fields(None, reply.message):
        return None
    return f"refused by the courier ({code})", False
