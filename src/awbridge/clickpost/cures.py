"""Which refusals of create-order another courier could cure, and which are proof that ClickPost holds no order.

Source: ClickPost's error-code page and help desk ("not serviceable: other courier; incorrect data: fix at source").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from awbridge.clickpost.failures import Answer, classify
from awbridge.clickpost.orders import named_fields, shipment_details
from awbridge.clickpost.wire import Reply, as_text, read_json
from awbridge.domain.json import JsonObject

CREATE_ORDER = "create-order"

_NO_RETURNS = 311
_SERIES_USED_UP = (321, 330)
_AT_THE_COURIER = (319, 354)

_NOT_SERVED = re.compile(
    r"\b(?:not|non|un)[ -]?serviceable|\bnot (?:being )?served\b|\bno service\b|\bunserved\b|\bembargo"
    r"|\bservice(?:s|ability)? (?:is |are )?not (?:available|found)|\bout of (?:delivery|service) area\b|\boda\b",
    re.IGNORECASE,
)
# Words by which a courier says that the order's own data are at fault: no other courier takes them either.
_BAD_DATA = re.compile(
    r"\b(?:invalid|incorrect|wrong|missing|mandatory|malformed|required|must be|duplicate)\b"
    r"|\bcannot be (?:blank|empty|null)\b",
    re.IGNORECASE,
)


class Answered(Protocol):
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


def another_courier_may(calls: Sequence[Answered], payload: JsonObject, *, at_least: int) -> str | None:
    """Why another courier may take what this one refused, by the last create-order of these calls; else None.

    `calls` are oldest first. An answer of the kind that may pass by itself (319, 354) has to come `at_least` times.
    """
    reasons = [_reason(call, payload) for call in calls if call.api == CREATE_ORDER]
    if not reasons or reasons[-1] is None:
        return None
    why, clear = reasons[-1]
    return why if clear or sum(reason is not None for reason in reasons) >= at_least else None


def all_were_refused(calls: Sequence[Answered]) -> bool:
    """Whether every create-order of these calls was answered with a refusal, so that none can have left an order."""
    answers = [_answer(call) for call in calls if call.api == CREATE_ORDER]
    return bool(answers) and all(
        reply is not None
        and reply.http_status == 200
        and (
            reply.business_status in _AT_THE_COURIER
            or classify(reply.http_status, reply.business_status) in (Answer.PERMANENT, Answer.CONFIGURATION)
        )
        for reply in answers
    )


def _answer(call: Answered) -> Reply | None:
    if call.http_status is None:
        return None
    try:
        body = read_json(call.response.encode())
    except ValueError:
        body = None
    return Reply(http_status=call.http_status, body=body, text=call.response)


def _reason(call: Answered, payload: JsonObject) -> tuple[str, bool] | None:
    """(why, whether it is clear at once) for one answer; None where another courier would not help."""
    reply = _answer(call)
    if reply is None or reply.http_status >= 500 or reply.http_status in (401, 403, 404, 405, 406, 408, 429):
        return None
    code = reply.business_status
    if code == _NO_RETURNS:
        return "the courier takes no returns (311)", True
    if code in _SERIES_USED_UP and not as_text(shipment_details(payload).get("awb_number")):
        return f"the courier's series of waybills is used up ({code})", True
    if code not in _AT_THE_COURIER:
        return None
    if _NOT_SERVED.search(reply.message):
        return f"not serviceable ({code})", False
    if _BAD_DATA.search(reply.message) or named_fields(None, reply.message):
        return None
    return f"refused by the courier ({code})", False
