"""Every answer code of ClickPost in one table: what kind it is, what it is called, what to do next.

Source: ClickPost's published error-code page, its help desk and integration guide. A code that is not in the table is
unclear: never a success, and tried again.
"""

from __future__ import annotations

from enum import Enum


class Answer(Enum):
    """What an answer means for whoever asked."""

    SUCCESS = "success"
    REGISTERED = "registered"  # before, perhaps by an earlier call
    PENDING = "pending"
    TRANSIENT = "transient"  # passes by itself
    THROTTLED = "throttled"  # too many requests: passes by itself, and says nothing about the courier
    UNCLEAR = "unclear"  # may pass or not; the message has to be read
    CONFIGURATION = "configuration"  # key, credentials, account: every call fails until they are mended
    PERMANENT = "permanent"  # this request never works

    @property
    def again(self) -> bool:
        """Whether the same call may work later without anybody changing anything."""
        return self in (Answer.PENDING, Answer.TRANSIENT, Answer.THROTTLED, Answer.UNCLEAR)


_KEY = "Copy username and API key from your ClickPost profile."
_ACCOUNT = "Compare the account code with the accounts that ClickPost lists (fetch-accounts, or the dashboard)."
_CREDENTIALS = "Enter the courier's credentials for this account in ClickPost's dashboard."
_SERVICE = "Subscribe to the service (register_service), or ask ClickPost to enable it."
_WAIT = "Nothing has to be done: the same call works again once it has passed."
_ASK = "Ask again with the same request in about 30 seconds."
_READ = (
    "Read the message: not serviceable means another courier, wrong data mending the order, credentials the "
    "account. What is none of these mostly passes."
)
_REPEAT = "ClickPost holds the first call's data under this reference number; later changes did not arrive."

_ROWS: tuple[tuple[int, Answer, str, str], ...] = (
    (102, Answer.PENDING, "still working on it", _ASK),
    (200, Answer.SUCCESS, "success", ""),
    (202, Answer.PENDING, "queued", _ASK),
    (301, Answer.CONFIGURATION, "invalid key", _KEY),
    (302, Answer.PERMANENT, "invalid courier partner id", "Give courier_partner an id that ClickPost lists."),
    (303, Answer.REGISTERED, "waybill already registered", "Fetch the order by its reference: it may stand."),
    (304, Answer.REGISTERED, "already registered for this service", "Nothing has to be done."),
    (305, Answer.REGISTERED, "webhook already registered", "Change the address (PUT) instead of registering it."),
    (306, Answer.CONFIGURATION, "not registered for this service", _SERVICE),
    (307, Answer.PERMANENT, "invalid order type", "Set order_type to PREPAID, COD or EXCHANGE."),
    (308, Answer.PERMANENT, "invalid order priority", "Give a priority that ClickPost knows, or leave it out."),
    (309, Answer.PERMANENT, "invalid delivery type", "Set delivery_type to FORWARD or RVP."),
    (310, Answer.PERMANENT, "reason of the return is missing", "Give rvp_reason, at most 500 characters."),
    (311, Answer.PERMANENT, "courier partner does not take returns", "Choose a courier partner that takes returns."),
    (312, Answer.PERMANENT, "items are missing", "Give at least one item."),
    (313, Answer.PERMANENT, "items are malformed", "Give each item sku, description, quantity and price."),
    (314, Answer.PERMANENT, "order data are malformed", "Mend the field that the message names."),
    (315, Answer.PERMANENT, "invalid COD value", "Set cod_value above 0 for COD, and to 0 for PREPAID."),
    (316, Answer.CONFIGURATION, "no credentials for this courier partner", _CREDENTIALS),
    (319, Answer.UNCLEAR, "the courier refused the order", _READ),
    (320, Answer.CONFIGURATION, "service is not subscribed", _SERVICE),
    (321, Answer.PERMANENT, "the courier does not know this AWB number", "Give an awb_number of the courier's series."),
    (322, Answer.TRANSIENT, "server error at the courier", _WAIT),
    (323, Answer.SUCCESS, "already placed", _REPEAT),
    (324, Answer.CONFIGURATION, "invalid credentials for the courier", _CREDENTIALS),
    (325, Answer.CONFIGURATION, "the courier account is not configured", _ACCOUNT),
    (326, Answer.CONFIGURATION, "the courier is not configured", _CREDENTIALS),
    (327, Answer.PERMANENT, "webhook is not registered", "Register the address (POST) before changing it."),
    (328, Answer.PERMANENT, "invalid POST data", "Send a JSON object with the fields of the API reference."),
    (329, Answer.TRANSIENT, "the courier did not answer in time", _WAIT),
    (330, Answer.PERMANENT, "waybill does not exist", "Check waybill and courier; a used-up series says this too."),
    (350, Answer.PERMANENT, "waybill is invalid or cannot be cancelled", "Check the waybill; it may be too far on."),
    (351, Answer.CONFIGURATION, "account does not exist", _ACCOUNT),
    (352, Answer.CONFIGURATION, "several accounts match", "Give account_code: the courier has several accounts."),
    (353, Answer.CONFIGURATION, "account is inactive", "Activate the account in the dashboard, or use another."),
    (354, Answer.UNCLEAR, "unhandled error at the courier", _READ),
    (355, Answer.PERMANENT, "vendor code not found", "Register the pickup place, or leave vendor_code out."),
    (400, Answer.PERMANENT, "bad request", "Mend the field that the message names."),
    (401, Answer.CONFIGURATION, "not authorised", _KEY),
    (403, Answer.CONFIGURATION, "forbidden", _KEY),
    (404, Answer.UNCLEAR, "not found", "Check the host, and that ClickPost has what was asked for."),
    (405, Answer.UNCLEAR, "method not allowed", "Check the host: ClickPost does not answer this call there."),
    (406, Answer.UNCLEAR, "not acceptable", "Check the host: ClickPost does not answer this call there."),
    (408, Answer.TRANSIENT, "request timeout", _WAIT),
    (413, Answer.PERMANENT, "too large", "Send less at once."),
    (414, Answer.PERMANENT, "address too long", "Send less at once."),
    (420, Answer.UNCLEAR, "the B2B order failed", _READ),
    (422, Answer.PERMANENT, "invalid entity", "Mend the field that the message names."),
    (429, Answer.THROTTLED, "too many requests", "Call less often; Retry-After says when the next call is taken."),
    (500, Answer.TRANSIENT, "server error at ClickPost", _WAIT),
    (502, Answer.TRANSIENT, "bad gateway", _WAIT),
    (503, Answer.TRANSIENT, "service unavailable", _WAIT),
    (504, Answer.TRANSIENT, "gateway timeout", _WAIT),
    (600, Answer.UNCLEAR, "cancelled", "Nothing has to be done: the order is cancelled."),
)  # fmt: skip

ANSWERS: dict[int, Answer] = {code: answer for code, answer, _, _ in _ROWS}
ANSWER_NAMES: dict[int, str] = {code: name for code, _, name, _ in _ROWS}
_ADVICE: dict[int, str] = {code: advice for code, _, _, advice in _ROWS}

# HTTP statuses that decide by themselves, whatever the body says.
_DECIDING_HTTP = frozenset({401, 403, 404, 405, 406, 408, 429})
# HTTP statuses that decide where the body has no code.
_REFUSING_HTTP = frozenset({400, 413, 414, 422})


def classify(http_status: int, business_status: int | None, *, is_json: bool = True) -> Answer:
    """What an answer means, by its HTTP status and the business status in its body (None: it carries none).

    Success needs HTTP 200 and a business status of success; anything that only looks like it is unclear. A body that is
    no JSON (`is_json`: a gateway's page of HTML, none at all) is not ClickPost's own word: it passes, like HTTP 502.
    """
    if http_status >= 500:
        return Answer.TRANSIENT
    if http_status in _DECIDING_HTTP or (business_status is None and http_status in _REFUSING_HTTP):
        return ANSWERS[http_status]
    if business_status is None:
        return Answer.UNCLEAR if is_json or http_status >= 400 else Answer.TRANSIENT
    answer = ANSWERS.get(business_status, Answer.UNCLEAR)
    if answer in (Answer.SUCCESS, Answer.REGISTERED) and http_status != 200:
        return Answer.UNCLEAR
    if answer is Answer.PENDING and http_status not in (200, 202):
        return Answer.UNCLEAR
    return answer


def what_next(http_status: int | None, business_status: int | None) -> str:
    """What to do about an answer, in a sentence for a person; `http_status` is None where no answer came."""
    if http_status is None:
        return "The outcome is not known. Repeat the call: a repeated reference number never ships twice."
    if http_status == 200 or (http_status not in _DECIDING_HTTP and http_status < 500):
        unread = "ClickPost's answer was not understood. Repeat the call; if it stays so, ask ClickPost."
        code = http_status if business_status is None else business_status
        return _ADVICE.get(code) or ("" if classify(http_status, business_status) is Answer.SUCCESS else unread)
    return _ADVICE.get(http_status, _WAIT)
