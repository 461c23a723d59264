"""A recorded call as evidence: whether it failed, and its record as masked for one destination."""

from __future__ import annotations

from datetime import UTC, datetime

from awbridge.clickpost.wire.answer_codes import AnswerKind, classify
from awbridge.domain.attempt import FAILED, SUCCEEDED
from awbridge.domain.json import JsonObject
from awbridge.domain.privacy import Privacy, Veil
from awbridge.store.audit.attempts import KeptCall

NO_ANSWER = "no_answer"


def class_of(http_status: int | None, business_status: int | None, response: str = "{}") -> str:
    """The kind of an answer in a word: success, pending, transient, permanent, ..., or no_answer."""
    if http_status is None:
        return NO_ANSWER
    return classify(http_status, business_status, is_json=response.lstrip()[:1] in ("{", "[", '"')).value


def is_failure(http_status: int | None, business_status: int | None, outcome: str) -> bool:
    """Whether a call failed. Its outcome decides first: 600 is a success of cancel, a 200 without a body is none."""
    if outcome in SUCCEEDED:
        return False
    good = (AnswerKind.SUCCESS.value, AnswerKind.PENDING.value)
    return outcome in FAILED or class_of(http_status, business_status) not in good


def instant(at: datetime) -> str:
    """A time in UTC as text."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def record_of(call: KeptCall, privacy: Privacy) -> JsonObject:
    """One line of the failure log."""
    veil = Veil(privacy)
    request = veil.body(call.request)  # before the response: what is masked here is masked in the response's text too
    return {
        "id": call.id,
        "time": instant(call.made_at),
        "api": call.api,
        "reference": call.reference_number,
        "waybill": call.waybill,
        "method": call.method,
        "url": veil.text(call.url),
        "request": request,
        "http_status": call.http_status,
        "response": veil.body(call.response),
        "business_code": call.business_status,
        "class": class_of(call.http_status, call.business_status, call.response),
        "outcome": call.outcome,
        "error": veil.text(call.error),
        "try": call.try_number if call.reference_number else None,
        "milliseconds": call.ms,
    }
