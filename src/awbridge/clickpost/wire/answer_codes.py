"""The table of ClickPost's answer codes: the kind, name and advice of each.

Source: ClickPost's published error-code page, its help desk and integration guide. A code outside the table is unclear:
never a success, and retried.
"""

from __future__ import annotations

from enum import Enum


class AnswerKind(Enum):
    """What an answer means for the caller."""

    SUCCESS = "success"
    """It is done."""
    REGISTERED = "registered"
    """It was registered already, perhaps by an earlier call."""
    PENDING = "pending"
    """It is in progress: the same call is repeated shortly."""
    TRANSIENT = "transient"
    """The same call works later."""
    THROTTLED = "throttled"
    """Too many requests: the same call works later. It is no evidence about the courier."""
    UNCLEAR = "unclear"
    """It may work later or not; the message decides."""
    CONFIGURATION = "configuration"
    """Key, credentials or account: every call fails until they are corrected."""
    PERMANENT = "permanent"
    """The same request never works."""

    @property
    def again(self) -> bool:
        """Whether the same call may work later, unchanged."""
        return self in (AnswerKind.PENDING, AnswerKind.TRANSIENT, AnswerKind.THROTTLED, AnswerKind.UNCLEAR)


_KEY = "Copy the username and API key from your ClickPost profile."
_ACCOUNT = "Compare the account code with the accounts in ClickPost's dashboard (or fetch-accounts)."
_CREDENTIALS = "Enter the courier's credentials for this account in ClickPost's dashboard."
_SERVICE = "Subscribe to the service (register_service), or ask ClickPost to enable it."
_WAIT = "No change needed: the same call works once the outage has passed."
_ASK = "Send the same request again in about 30 seconds."
_READ = (
    "Read the message. Not serviceable: choose another courier. Wrong data: correct the order. Credentials: correct "
    "the account. Anything else usually works on a retry."
)
_REPEAT = "ClickPost keeps the first call's data under this reference number; later changes were not applied."

_ROWS: tuple[tuple[int, AnswerKind, str, str], ...] = (
    (102, AnswerKind.PENDING, "in progress", _ASK),
    (200, AnswerKind.SUCCESS, "success", ""),
    (202, AnswerKind.PENDING, "queued", _ASK),
    (301, AnswerKind.CONFIGURATION, "invalid key", _KEY),
    (302, AnswerKind.PERMANENT, "invalid courier partner id", "Set courier_partner to an id that ClickPost lists."),
    (303, AnswerKind.REGISTERED, "waybill already registered", "Fetch the order by its reference: it may be placed."),
    (304, AnswerKind.REGISTERED, "already registered for this service", "No action needed."),
    (305, AnswerKind.REGISTERED, "webhook already registered", "Change the address (PUT) instead of registering it."),
    (306, AnswerKind.CONFIGURATION, "not registered for this service", _SERVICE),
    (307, AnswerKind.PERMANENT, "invalid order type", "Set order_type to PREPAID, COD or EXCHANGE."),
    (308, AnswerKind.PERMANENT, "invalid order priority", "Set a priority that ClickPost knows, or leave it out."),
    (309, AnswerKind.PERMANENT, "invalid delivery type", "Set delivery_type to FORWARD or RVP."),
    (310, AnswerKind.PERMANENT, "return reason is missing", "Set rvp_reason, at most 500 characters."),
    (311, AnswerKind.PERMANENT, "courier partner does not take returns", "Choose a courier that takes returns."),
    (312, AnswerKind.PERMANENT, "items are missing", "Add at least one item."),
    (313, AnswerKind.PERMANENT, "items are malformed", "Give each item a sku, description, quantity and price."),
    (314, AnswerKind.PERMANENT, "order data is malformed", "Correct the field that the message names."),
    (315, AnswerKind.PERMANENT, "invalid COD value", "Set cod_value above 0 for COD, or to 0 for PREPAID."),
    (316, AnswerKind.CONFIGURATION, "no credentials for this courier partner", _CREDENTIALS),
    (319, AnswerKind.UNCLEAR, "the courier refused the order", _READ),
    (320, AnswerKind.CONFIGURATION, "service is not subscribed", _SERVICE),
    (321, AnswerKind.PERMANENT, "the courier does not know this AWB number", "Use an AWB of the courier's series."),
    (322, AnswerKind.TRANSIENT, "server error at the courier", _WAIT),
    (323, AnswerKind.SUCCESS, "already placed", _REPEAT),
    (324, AnswerKind.CONFIGURATION, "invalid credentials for the courier", _CREDENTIALS),
    (325, AnswerKind.CONFIGURATION, "the courier account is not configured", _ACCOUNT),
    (326, AnswerKind.CONFIGURATION, "the courier is not configured", _CREDENTIALS),
    (327, AnswerKind.PERMANENT, "webhook is not registered", "Register the address (POST) before changing it."),
    (328, AnswerKind.PERMANENT, "invalid POST data", "Send a JSON object with the fields of the API reference."),
    (329, AnswerKind.TRANSIENT, "the courier did not answer in time", _WAIT),
    (330, AnswerKind.PERMANENT, "waybill does not exist", "Check waybill and courier. The AWB series may be used up."),
    (350, AnswerKind.PERMANENT, "waybill is invalid or cannot be cancelled", "Check the waybill and its status."),
    (351, AnswerKind.CONFIGURATION, "account does not exist", _ACCOUNT),
    (352, AnswerKind.CONFIGURATION, "several accounts match", "Set account_code: the courier has several accounts."),
    (353, AnswerKind.CONFIGURATION, "account is inactive", "Activate the account in the dashboard, or use another."),
    (354, AnswerKind.UNCLEAR, "unhandled error at the courier", _READ),
    (355, AnswerKind.PERMANENT, "vendor code not found", "Register the pickup place, or leave vendor_code out."),
    (400, AnswerKind.PERMANENT, "bad request", "Correct the field that the message names."),
    (401, AnswerKind.CONFIGURATION, "not authorised", _KEY),
    (403, AnswerKind.CONFIGURATION, "forbidden", _KEY),
    (404, AnswerKind.UNCLEAR, "not found", "Check the host, and whether ClickPost has the requested object."),
    (405, AnswerKind.UNCLEAR, "method not allowed", "Check the host: ClickPost does not serve this call there."),
    (406, AnswerKind.UNCLEAR, "not acceptable", "Check the host: ClickPost does not serve this call there."),
    (408, AnswerKind.TRANSIENT, "request timeout", _WAIT),
    (413, AnswerKind.PERMANENT, "too large", "Send less at once."),
    (414, AnswerKind.PERMANENT, "address too long", "Send less at once."),
    (420, AnswerKind.UNCLEAR, "the B2B order failed", _READ),
    (422, AnswerKind.PERMANENT, "invalid entity", "Correct the field that the message names."),
    (429, AnswerKind.THROTTLED, "too many requests", "Slow down: Retry-After says when the next call is accepted."),
    (500, AnswerKind.TRANSIENT, "server error at ClickPost", _WAIT),
    (502, AnswerKind.TRANSIENT, "bad gateway", _WAIT),
    (503, AnswerKind.TRANSIENT, "service unavailable", _WAIT),
    (504, AnswerKind.TRANSIENT, "gateway timeout", _WAIT),
    (600, AnswerKind.UNCLEAR, "cancelled", "No action needed: the order is cancelled."),
)  # fmt: skip

ANSWERS: dict[int, AnswerKind] = {code: answer for code, answer, _, _ in _ROWS}
ANSWER_NAMES: dict[int, str] = {code: name for code, _, name, _ in _ROWS}
_ADVICE: dict[int, str] = {code: advice for code, _, _, advice in _ROWS}

# HTTP statuses that decide regardless of the body.
_DECIDING_HTTP = frozenset({401, 403, 404, 405, 406, 408, 429})
# HTTP statuses that decide if the body has no code.
_REFUSING_HTTP = frozenset({400, 413, 414, 422})


def classify(http_status: int, business_status: int | None, *, is_json: bool = True) -> AnswerKind:
    """What an answer means, by its HTTP status and the business status in its body (None: it carries none).

    Success needs HTTP 200 and a business status of success; either alone is unclear. A body that is not JSON
    (`is_json`), such as a gateway's HTML page or an empty one, did not come from ClickPost: transient, like HTTP 502.
    """
    if http_status >= 500:
        return AnswerKind.TRANSIENT
    if http_status in _DECIDING_HTTP or (business_status is None and http_status in _REFUSING_HTTP):
        return ANSWERS[http_status]
    if business_status is None:
        return AnswerKind.UNCLEAR if is_json or http_status >= 400 else AnswerKind.TRANSIENT
    answer = ANSWERS.get(business_status, AnswerKind.UNCLEAR)
    if answer in (AnswerKind.SUCCESS, AnswerKind.REGISTERED) and http_status != 200:
        return AnswerKind.UNCLEAR
    if answer is AnswerKind.PENDING and http_status not in (200, 202):
        return AnswerKind.UNCLEAR
    return answer


def advice_for(http_status: int | None, business_status: int | None) -> str:
    """What to do about an answer, as a sentence for people; `http_status` is None if no answer came."""
    if http_status is None:
        return "The outcome is unknown. Repeat the call: a repeated reference number never ships twice."
    if http_status == 200 or (http_status not in _DECIDING_HTTP and http_status < 500):
        unread = "ClickPost's answer was not understood. Repeat the call; if this persists, ask ClickPost."
        code = http_status if business_status is None else business_status
        return _ADVICE.get(code) or ("" if classify(http_status, business_status) is AnswerKind.SUCCESS else unread)
    return _ADVICE.get(http_status, _WAIT)
