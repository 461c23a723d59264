"""Classifies the text of a refusal: already held, courier did not answer, not serviceable, wrong data or account.
Couriers phrase these freely, so case, spacing and punctuation do not count.

Source: refusals of create-order seen in public integrations ("Error In Order Placing To Courier Partner: AWB Already
Exists", "Waybill already generated", "ClientWarehouse matching query does not exist").
"""

from __future__ import annotations

import re

from awbridge.clickpost.wire.lenient_json import Reply, as_list, as_object, as_text

LONGEST_READ = 4000  # characters of an answer that are searched

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")

# What a courier may hold of ours. `order number 77` leaves room for the number itself.
_THING = (
    r"(?:awb|air ?way ?bill|way ?bill|lr|docket|c ?note|crn|order|shipment|shpt|consignment|parcel|package|packet|"
    r"manifest|booking|tracking|reference|ref|request|record|entry|transaction|invoice)s?"
)
_HAD = (
    r"(?:exist|present|generat|creat|plac|manifest|book|regist|us(?:e|ing)|assign|allocat|allot|process|receiv|upload|"
    r"in use|taken|ship|dispatch|pick|sync|push|add|submit|made|there|in (?:the |our )?system|available|found|saved|"
    r"stored|insert|accept|consum|tagged|mapped|scheduled|confirm|issued|got|known)"
)
_SOME_WORDS = r"(?: \S+){0,6}?"
_ALREADY_WORD = r"(?:already|all ready|allready|alredy|previously)"
_ALREADY = re.compile(rf"\b{_ALREADY_WORD}(?: been| got)? {_HAD}|\b{_HAD}\w* {_ALREADY_WORD}\b")
_DUPLICATE = re.compile(
    rf"\b(?:duplicat\w*|dup)(?: \S+){{0,2}}? {_THING}\b|\b{_THING}\b{_SOME_WORDS} duplicat\w*"
    r"|\bduplicate (?:key|value)\b"
)
_EXISTS = re.compile(rf"(?P<before>(?:\S+ ){{0,2}})\b{_THING}\b(?P<between>{_SOME_WORDS}) exist(?:s|ed|ing)?\b")
_EXISTING = re.compile(rf"\bexisting (?:\S+ )?{_THING}\b")
_UNIQUE = re.compile(
    rf"\b{_THING}\b{_SOME_WORDS} (?:(?:must|should|has to|have to|needs to) be unique|(?:not|non) unique)\b"
    r"|\bunique constraint\b"
)
_IN_USE = re.compile(rf"\b{_THING}\b{_SOME_WORDS} (?:in use|(?:is|was|been) (?:re)?used|reused|repeated)\b(?! up)")
_NO = re.compile(r"\b(?:not|never|no|non|doesn|doesnt|didn|don|isn|wasn|cannot|cant|without)\b")
_TAKEN_BACK = re.compile(r"\balready(?: been| in a)? (?:cancel|delet|clos|reject)")
# Other things that may exist already, and are not an order.
_SOMETHING_ELSE = re.compile(
    r"\b(?:pick ?up|warehouse|client|customer|vendor|seller|shipper|consignee|user|account|address|webhook|sku|product|"
    rf"item|line)s?(?: (?!{_THING}\b)\S+){{0,3}}? (?:{_ALREADY_WORD}(?: been)? {_HAD}\w*|exist\w*|duplicat\w*)"
    r"|\bduplicate(?: \S+)? (?:sku|item|product|line)s?\b"
)

_DID_NOT_ANSWER = re.compile(
    r"\btime(?:d)? ?out\b|\bno (?:response|answer|reply)\b|\bnot respond|\bunreachable\b|\bconnection (?:\S+ )?"
    r"(?:refused|reset|aborted|error|closed|lost|failed|broken)|\bmax retries\b|\bread error\b|\bgateway\b"
    r"|\b(?:internal )?server error\b|\btemporarily unavailable\b|\bempty (?:response|answer|body)\b"
    r"|\b(?:invalid|unexpected|malformed) (?:json|xml|response)\b|\bexpecting value\b|\bunable to parse\b"
)

_NOT_SERVICEABLE = re.compile(
    r"\b(?:not|non|un)[ -]?serviceable|\bnot (?:being )?served\b|\bno service\b|\bunserved\b|\bembargo"
    r"|\bservice(?:s|ability)? (?:is |are )?not (?:available|found)|\bout of (?:delivery|service) area\b|\boda\b",
    re.IGNORECASE,
)
# Phrases for wrong order data, which no other courier takes either.
_DATA_ERROR = re.compile(
    r"\b(?:invalid|incorrect|wrong|missing|mandatory|malformed|required|must be|duplicate)\b"
    r"|\bcannot be (?:blank|empty|null)\b",
    re.IGNORECASE,
)

_UNKNOWN_VENDOR_CODE = re.compile(r"\bclient ?warehouse matching query (?:does not|doesn t|doesnt|did not) exist")


# The field that a code is about. Source: ClickPost's published error-code page.
_FIELD_BY_CODE = {
    302: "shipment_details.courier_partner",
    307: "shipment_details.order_type",
    308: "additional.priority",
    309: "shipment_details.delivery_type",
    310: "shipment_details.rvp_reason",
    311: "shipment_details.courier_partner",
    312: "shipment_details.items",
    313: "shipment_details.items",
    315: "shipment_details.cod_value",
    321: "shipment_details.awb_number",
    330: "shipment_details.awb_number",
    355: "additional.vendor_code",
}

# Field names that a message may hold, and their paths. Short names are left out: they are common words.
_PLACE_FIELDS = (
    *("name", "phone", "email", "time"),
    *("address", "landmark", "district", "city", "state", "pincode", "country"),
)
_DETAIL_FIELDS = (
    *("courier_partner", "account_code", "reference_number", "order_id", "awb_number", "order_type", "delivery_type"),
    *("cod_value", "currency_code", "invoice_value", "invoice_number", "invoice_date", "rvp_reason"),
    *("length", "breadth", "height", "weight", "items"),
)
_ADDITIONAL_FIELDS = ("vendor_code", "order_date", "return_info", "qc_type", "qc_params", "min_edd", "max_edd")
_OTHER_FIELDS = ("pickup_info", "drop_info", "gst_info", "tax_info", "postal_code", "country_code")
_FIELD_BY_NAME = {
    **{f"{side}_{name}": f"{side}_info.{side}_{name}" for side in ("pickup", "drop") for name in _PLACE_FIELDS},
    **{name: f"shipment_details.{name}" for name in _DETAIL_FIELDS},
    **{name: f"additional.{name}" for name in _ADDITIONAL_FIELDS},
    **{name: name for name in _OTHER_FIELDS},
}
_WORD = re.compile(r"[a-z_]{5,40}")


def refusal_text(reply: Reply) -> str:
    """The text of an answer that may give the reason of a refusal: its message and its result."""
    return f"{reply.message} {' '.join(_texts(reply.result))}".strip()[:LONGEST_READ]


def _texts(value: object, depth: int = 3) -> list[str]:
    if depth == 0:
        return []
    if isinstance(value, dict):
        return [text for name, inner in as_object(value).items() for text in (name, *_texts(inner, depth - 1))]
    if isinstance(value, list):
        return [text for inner in as_list(value) for text in _texts(inner, depth - 1)]
    return [text] if (text := as_text(value)) else []


def is_already_held(text: str) -> bool:
    """Whether a refusal means that the order, or its waybill, is already held: no other courier may get it then.

    Prefers false positives: a person checks those, but two parcels cannot be taken back.
    """
    text = _SOMETHING_ELSE.sub(" ", _plain(text))
    if _TAKEN_BACK.search(text):
        return False
    if any(pattern.search(text) for pattern in (_ALREADY, _DUPLICATE, _EXISTING, _UNIQUE, _IN_USE)):
        return True
    return any(not _NO.search(found["before"] + found["between"]) for found in _EXISTS.finditer(text))


def courier_did_not_answer(text: str) -> bool:
    """Whether a refusal reports that the courier did not answer, so that its outcome is unknown."""
    return bool(_DID_NOT_ANSWER.search(_plain(text)))


def is_not_serviceable(text: str) -> bool:
    """Whether the courier does not serve the place."""
    return bool(_NOT_SERVICEABLE.search(text))


def is_data_error(text: str) -> bool:
    """Whether the courier rejects the order's own data."""
    return bool(_DATA_ERROR.search(text))


def is_unknown_vendor_code(text: str) -> bool:
    """Whether a refusal names a pickup place that the courier account does not have: a wrong `vendor_code`."""
    return bool(_UNKNOWN_VENDOR_CODE.search(_plain(text)))


def _plain(text: str) -> str:
    """Lower case, with camel case and punctuation as single spaces."""
    return _NO_WORD.sub(" ", _HUMP.sub(" ", text[:LONGEST_READ])).strip().lower()


def named_fields(code: int | None, message: str) -> tuple[str, ...]:
    """The fields of an order that a refusal is about, by its code and the names in its message; () where none."""
    by_code = [_FIELD_BY_CODE[code]] if code in _FIELD_BY_CODE else []
    by_name = [_FIELD_BY_NAME[word] for word in _WORD.findall(message.lower()) if word in _FIELD_BY_NAME]
    return tuple(dict.fromkeys(by_code + by_name))
