"""Counts calls to ClickPost for /metrics. The labels are names from our tables, so that they take few values."""

from __future__ import annotations

from awbridge.clickpost.wire.answer_codes import ANSWERS, classify
from awbridge.domain.call import Call
from awbridge.steps.runtime.meters import CALL_SECONDS, CALLS, NO_ANSWER, OTHER


def count_call(call: Call) -> None:
    """Count one call, and how long it took. A hook of the client: never raises."""
    if call.http_status is None:
        outcome = NO_ANSWER
    else:
        is_json = call.response.lstrip()[:1] in ("{", "[", '"')
        outcome = classify(call.http_status, call.business_status, is_json=is_json).value
    CALLS.add(call.api, outcome)
    CALL_SECONDS.observe([call.ms / 1000], call.api)


def code_label(call: Call) -> str:
    """The code of an answer: ClickPost's, else the HTTP status; `other` if our tables lack it, or `no_answer`."""
    code = call.http_status if call.business_status is None else call.business_status
    if code is None:
        return NO_ANSWER
    return str(code) if code in ANSWERS else OTHER
