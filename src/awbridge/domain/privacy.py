"""Personal data in payloads: where it is, and how each destination sees it. Pure.

A policy names a treatment for each kind of data (phone, name, email, address), or for a field by its path:

keep       unchanged
mask       a person can still compare it: the last three digits of a phone, the initials of a name
pseudonym  the same token for the same person everywhere, made with a secret key, so that records can be joined
drop       removed
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, cast

from awbridge.domain.json import JsonObject

ERASED = "[erased]"
SHORTEST_VALUE = 4  # characters; a shorter value in a text is more likely something else
LONGEST_BEGINNING = 500  # characters at the end of a text that are searched for a truncated value
LONGEST_NAME = 200  # characters of a field's name and its object's, up to which its kind is remembered
LONGEST_LIST = 200  # values that are searched for in the text of an answer


class PersonalKind(StrEnum):
    PHONE = "phone"
    NAME = "name"
    EMAIL = "email"
    ADDRESS = "address"


class Treatment(StrEnum):
    """How a personal value is shown."""

    KEEP = "keep"
    MASK = "mask"
    PSEUDONYM = "pseudonym"
    DROP = "drop"


# Field names as ClickPost's payloads, their flat forms and couriers write them. The name of a thing (courier_name,
# channel_name, the name of an item) is not personal.
_PHONE = re.compile(r"(^|_)(phone|mobile|tel|telephone|contact_(no|number)|phone_(no|number)|whatsapp)(_\w*)?$")
_EMAIL = re.compile(r"(^|_)e_?mail(_\w*)?$")
_ADDRESS = re.compile(r"(^|_)(address\w*|street\w*|landmark|building|house_no|lat|lng|long|latitude|longitude)$")
_NAME = re.compile(
    r"^((pickup|drop|return|rto|seller|consignee|consigner|consignor|shipper|customer|contact|receiver|recipient|sender|"
    r"buyer|billing|shipping|signatory|received_by|delivered_to)_?(contact_|full_|first_|last_|person_)?(name|person)"
    r"|first_name|last_name|full_name|contact_person|received_by|delivered_to)$"
)
_PLACES = re.compile(
    r"(^|_)(info|pickup|drop|consignee|consigner|shipper|receiver|recipient|sender|customer|buyer|address)$"
)
# Starts at a word boundary and has bounded parts, so that a long run of letters (base64) is scanned once.
_MAIL_IN_TEXT = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BEFORE_TEN = r"(?:(?:\+|00?)?91[ -]?|0)?"  # country code or trunk prefix of an Indian number
_PHONE_IN_TEXT = re.compile(rf"(?<![\w-]){_BEFORE_TEN}[6-9]\d{{4}}[ -]?\d{{5}}(?![\w-])")
# A twelve-digit waybill that begins with 91 looks like a phone number with its country code. A number that the text
# calls a waybill is not a phone number.
_LIKE_WAYBILL = re.compile(r"91[6-9]\d{9}")
_CALLED_WAYBILL = re.compile(
    r"(?:awb|way ?bill|tracking|consignment|docket|shipment|reference|order|invoice|lrn?)(?:_?(?:no|num|number|id))?"
    r"[\s:#=.'\"-]*(?:(?:nos?|num|numbers?|id|is)\b[\s:#=.'\"-]*)*$",
    re.IGNORECASE,
)
LABEL_DISTANCE = 40  # characters before a number that may label it as a waybill
_OWN = re.compile(
    r"(^|_)((awb|waybill)\d?(_?(number|no))?|reference_number|reference_no|order_id|invoice_number|tracking_(number|id))$"
)
_PHONE_ABROAD = re.compile(r"\+\d(?:[ -]?\d){7,14}")


def kind_of(path: tuple[str, ...]) -> PersonalKind | None:
    """The kind of personal data in a field; None if the field is not known to be personal."""
    if not path:
        return None
    name, inside = path[-1], path[-2] if len(path) > 1 else ""
    known = _known_kind if len(name) + len(inside) < LONGEST_NAME else _kind
    return known(name.lower(), inside.lower())


def _kind(name: str, inside: str) -> PersonalKind | None:
    if _PHONE.search(name):
        return PersonalKind.PHONE
    if _EMAIL.search(name):
        return PersonalKind.EMAIL
    if _NAME.match(name) or (name == "name" and _PLACES.search(inside)):
        return PersonalKind.NAME
    if _ADDRESS.search(name):
        return PersonalKind.ADDRESS
    return None


_known_kind = lru_cache(maxsize=4096)(_kind)


def digits_of(phone: str) -> str:
    """The part of a phone number that every notation shares: its last ten digits."""
    return re.sub(r"\D", "", phone)[-10:]


def plain_of(kind: PersonalKind, value: str) -> str:
    """The part of a value that every notation shares."""
    return digits_of(value) if kind is PersonalKind.PHONE else " ".join(value.lower().split())


def pseudonym(kind: PersonalKind, value: str, key: str) -> str:
    """The same token for the same person; useless without the key."""
    digest = hmac.new(key.encode(), f"{kind}:{plain_of(kind, value)}".encode(), hashlib.sha256).hexdigest()
    return f"{kind}-{digest[:16]}"


def masked(kind: PersonalKind, value: str) -> str:
    """A masked value that a person can still compare."""
    match kind:
        case PersonalKind.PHONE:
            return "*" * max(len(value) - 3, 1) + value[-3:] if len(value) > 5 else "***"
        case PersonalKind.NAME:
            return " ".join(f"{word[0]}***" for word in value.split()) or "***"
        case PersonalKind.EMAIL:
            before, at, domain = value.partition("@")
            return f"{before[:1]}***{at}{domain}" if at else "***"
        case PersonalKind.ADDRESS:
            return f"[address of {len(value)} characters]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What one destination sees. `fields` (paths, * matches anything) take precedence over `kinds`.

    Without a `key`, pseudonyms are masked instead.
    """

    kinds: Mapping[PersonalKind, Treatment]
    fields: Mapping[str, Treatment] = field(default_factory=dict[str, Treatment])
    key: str = field(default="", repr=False)

    def treatment(self, path: tuple[str, ...]) -> tuple[Treatment, PersonalKind | None]:
        """The treatment of the value at this path, and its kind."""
        kind = kind_of(path)
        dotted = ".".join(path)
        for pattern, treatment in self.fields.items():
            if fnmatchcase(dotted, pattern):
                return treatment, kind
        return (self.kinds.get(kind, Treatment.KEEP) if kind else Treatment.KEEP), kind

    def treat(self, treatment: Treatment, kind: PersonalKind | None, value: str) -> str:
        """One value as this destination sees it."""
        if treatment is Treatment.KEEP or not value:
            return value
        if treatment is Treatment.DROP:
            return ""
        if treatment is Treatment.PSEUDONYM and self.key:
            return pseudonym(kind or PersonalKind.NAME, value, self.key)
        return masked(kind, value) if kind else "***"


_ALL_MASKED = Privacy(kinds=dict.fromkeys(PersonalKind, Treatment.MASK))


class Veil:
    """One call as one destination sees it. Values hidden in the request are also hidden in the text of the answer."""

    def __init__(self, privacy: Privacy, *, each_name: bool = False) -> None:
        self._privacy = privacy
        self._each_name = each_name
        self._hidden: dict[str, str] = {}
        self._phones: dict[str, Treatment] = {}
        self.own: set[str] = set()
        """Identifiers of the shown data (waybills, reference numbers ...), never treated as phone numbers."""

    def value(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A JSON value with all personal data treated."""
        if not path:
            self.own.update(_identifiers(value))
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {name: self.value(inner, (*path, name)) for name, inner in fields.items()}
        if isinstance(value, list):
            return [self.value(inner, path) for inner in cast("list[Any]", value)]
        if value is None or isinstance(value, bool):
            return value
        treatment, kind = self._privacy.treatment(path)
        if treatment is Treatment.KEEP:
            return self.text(value) if isinstance(value, str) else value
        return self._hide(treatment, kind, value)

    def learn(self, value: Any, path: tuple[str, ...] = ()) -> None:
        """Hide the personal data of a JSON value in the texts that follow; its own texts are not treated."""
        if not path:
            self.own.update(_identifiers(value))
        if isinstance(value, dict):
            for name, inner in cast("dict[str, Any]", value).items():
                self.learn(inner, (*path, name))
        elif isinstance(value, list):
            for inner in cast("list[Any]", value):
                self.learn(inner, path)
        elif value is not None and not isinstance(value, bool):
            treatment, kind = self._privacy.treatment(path)
            if treatment is not Treatment.KEEP:
                _ = self._hide(treatment, kind, value)

    def _hide(self, treatment: Treatment, kind: PersonalKind | None, value: Any) -> str:
        hidden = self._privacy.treat(treatment, kind, str(value))
        if len(str(value)) >= SHORTEST_VALUE and len(self._hidden) < LONGEST_LIST:
            self._hidden[str(value)] = hidden or "***"
            if kind is PersonalKind.PHONE and len(ten := digits_of(str(value))) == 10:
                self._phones[ten] = treatment
            if self._each_name and kind is PersonalKind.NAME:
                names = (name for name in str(value).split() if len(name) >= SHORTEST_VALUE)
                self._hidden.update((name, f"{name[0]}***") for name in names if name not in self._hidden)
        return hidden

    def learn_from(self, other: Veil) -> None:
        """Hide from now on what another one hides, as far as there is room, and leave its identifiers."""
        self.own |= other.own
        for value, hidden in other._hidden.items():
            if len(self._hidden) < LONGEST_LIST:
                self._hidden.setdefault(value, hidden)
        for ten, treatment in other._phones.items():
            if len(self._phones) < LONGEST_LIST:
                self._phones.setdefault(ten, treatment)

    def text(self, text: str) -> str:
        """Free text without hidden values; mail addresses and Indian phone numbers are treated like their kinds."""
        folded = text.casefold()
        for value in sorted(self._hidden, key=len, reverse=True):
            if value.casefold() in folded:
                text = _word(value).sub(lambda _, hidden=self._hidden[value]: hidden, text)
        text = _without_phones(text, self._phones, self._as_found, self.own)
        text = _without_truncated(text, self._hidden)
        if " " in text.strip():
            text = _MAIL_IN_TEXT.sub(self._instead_of(PersonalKind.EMAIL), text)
            text = _phones_in(text, self._instead_of(PersonalKind.PHONE), self.own)
        return text

    def _instead_of(self, kind: PersonalKind) -> Callable[[re.Match[str]], str]:
        treatment = self._privacy.kinds.get(kind, Treatment.KEEP)
        return lambda found: self._privacy.treat(treatment, kind, found[0]) or "***"

    def _as_found(self, ten: str, found: str) -> str:
        return self._privacy.treat(self._phones[ten], PersonalKind.PHONE, found) or "***"

    def body(self, text: str) -> Any:
        """A body as sent or received: JSON if it is JSON, else text."""
        return self.text(text) if (value := _json(text)) is None else self.value(value)


def without_people(text: str, *bodies: str | JsonObject) -> str:
    """Foreign text, made safe for logs, alarms and chats.

    Removes the people whom these payloads name, also by part of a name, and every mail address and phone number. A
    payload is JSON, as text or as an object; its identifiers stay.
    """
    veil = Veil(_ALL_MASKED, each_name=True)
    for body in bodies:
        veil.learn(_json(body) if isinstance(body, str) else body)
    return veiled(veil.text(text), own=veil.own)


def veiled(text: str, *, own: Collection[str] = ()) -> str:
    """Text from outside, such as a subscriber's response, with mail addresses and phone numbers masked.

    Numbers in `own` stay, and so do twelve-digit numbers that the text calls a waybill, an order or similar.
    """
    text = _MAIL_IN_TEXT.sub(lambda found: masked(PersonalKind.EMAIL, found[0]), text)
    text = _phones_in(text, lambda found: masked(PersonalKind.PHONE, found[0]), own)
    return _PHONE_ABROAD.sub(lambda found: masked(PersonalKind.PHONE, found[0]), text)


def _phones_in(text: str, instead: Callable[[re.Match[str]], str], own: Collection[str]) -> str:
    return _PHONE_IN_TEXT.sub(lambda found: instead(found) if _is_phone(found, own) else found[0], text)


def _is_phone(found: re.Match[str], own: Collection[str]) -> bool:
    if found[0] in own:
        return False
    start = found.start()
    return not (
        _LIKE_WAYBILL.fullmatch(found[0])
        and _CALLED_WAYBILL.search(found.string, max(0, start - LABEL_DISTANCE), start)
    )


def _without_phones(
    text: str, phones: Collection[str], instead: Callable[[str, str], str], own: Collection[str]
) -> str:
    """The text without these phone numbers (their last ten digits), in any notation."""
    if not phones:
        return text
    digits = re.sub(r"[ -]", "", text)
    for ten in phones:
        if ten in digits:
            written = re.compile(rf"(?<![A-Za-z0-9]){_BEFORE_TEN}{'[ -]?'.join(ten)}(?![A-Za-z0-9])")
            text = written.sub(lambda found, ten=ten: found[0] if _is_own(found, own) else instead(ten, found[0]), text)
    return text


def _is_own(found: re.Match[str], own: Collection[str]) -> bool:
    """Whether a number is an identifier, or part of one such as ORDER-9876543210."""
    text, start, end = found.string, found.start(), found.end()
    return any(text[max(0, start - len(one)) : end + len(one)].count(one) for one in own if found[0] in one)


def _json(text: str) -> Any:
    """The object or list that a text is; None for any other text."""
    try:
        return json.loads(text) if text[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return None


def _identifiers(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for inner, one in cast("dict[str, Any]", value).items():
            yield from _identifiers(one, inner)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _identifiers(one, name)
    elif isinstance(value, str | int) and not isinstance(value, bool) and _OWN.search(name.lower()):
        yield str(value)


def _word(value: str) -> re.Pattern[str]:
    # Not inside another word: a customer called Main does not change the reference number MAIN-1 or a street name.
    return re.compile(rf"(?<![\w-]){re.escape(value)}(?![\w-])", re.IGNORECASE)


def _without_truncated(text: str, hidden: Iterable[str]) -> str:
    """The text without the beginning of a hidden value at its end: truncation may have split one."""
    end = text[-LONGEST_BEGINNING:].casefold()
    for value in hidden:
        begins = value.casefold()
        if begins[:SHORTEST_VALUE] not in end:
            continue
        longest = min(len(begins) - 1, len(end))
        size = next((n for n in range(longest, SHORTEST_VALUE - 1, -1) if end.endswith(begins[:n])), 0)
        if size and not text[: len(text) - size][-1:].isalnum():
            return f"{text[: len(text) - size]}..."
    return text


class Eraser:
    """Removes every personal value from a payload, and the same values from the texts that follow."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._phones: set[str] = set()

    def value(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A JSON value without personal data."""
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {name: self.value(inner, (*path, name)) for name, inner in fields.items()}
        if isinstance(value, list):
            return [self.value(inner, path) for inner in cast("list[Any]", value)]
        if value is None or isinstance(value, bool):
            return value
        kind = kind_of(path)
        if kind is None:
            return self.text(value) if isinstance(value, str) else value
        if len(str(value)) >= SHORTEST_VALUE and value != ERASED:
            self._values.add(str(value))
            if kind is PersonalKind.PHONE and len(ten := digits_of(str(value))) == 10:
                self._phones.add(ten)
        return ERASED if value != "" else value

    def text(self, text: str) -> str:
        """Free text without the removed values, mail addresses and phone numbers."""
        for value in sorted(self._values, key=len, reverse=True):
            if value in text:
                text = _word(value).sub(ERASED, text)
        text = _without_phones(text, self._phones, lambda _ten, _found: ERASED, ())
        if " " in text.strip():
            text = _phones_in(_MAIL_IN_TEXT.sub(ERASED, text), lambda _: ERASED, ())
        return text

    def body(self, text: str) -> str:
        """A body as text, without personal data; JSON stays JSON."""
        if (value := _json(text)) is None:
            return self.text(text)
        return json.dumps(self.value(value), ensure_ascii=False, separators=(",", ":"))
