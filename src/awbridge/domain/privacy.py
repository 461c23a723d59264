"""Personal data in payloads: where they are, and how each destination gets to see them. Pure.

A policy says for each kind of data (phone, name, email, address), or for a field by its path, what becomes of it:

keep       as it is
mask       so much that a person can still compare: the last three digits of a phone, the initials of a name
pseudonym  the same word for the same person everywhere, made with a secret key: what belongs together can be joined
drop       nothing is left
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
from typing import Any, cast

from awbridge.domain.json import JsonObject

ERASED = "[erased]"
SHORTEST_VALUE = 4  # characters; a shorter value found in a text is more likely something else
LONGEST_BEGINNING = 500  # characters at the end of a text in which a value that was cut through is looked for
LONGEST_LIST = 200  # values that are looked for in the words of an answer


class PersonalKind(StrEnum):
    """A kind of personal data."""

    PHONE = "phone"
    NAME = "name"
    EMAIL = "email"
    ADDRESS = "address"


class Treatment(StrEnum):
    """What becomes of a personal value."""

    KEEP = "keep"
    MASK = "mask"
    PSEUDONYM = "pseudonym"
    DROP = "drop"


# Names of fields as ClickPost's payloads, their flat forms and couriers write them. A name of a thing (courier_name,
# channel_name, the name of an item) is nobody's.
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
# It begins where a word does and its parts are bounded, so that a long run of letters (base64) is passed over once.
_MAIL_IN_TEXT = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BEFORE_TEN = r"(?:(?:\+|00?)?91[ -]?|0)?"  # country code or trunk prefix of an Indian number
_PHONE_IN_TEXT = re.compile(rf"(?<![\w-]){_BEFORE_TEN}[6-9]\d{{4}}[ -]?\d{{5}}(?![\w-])")
# Waybills of twelve digits that begin with 91 look like numbers with their country code: what is called one is none.
_LIKE_WAYBILL = re.compile(r"91[6-9]\d{9}")
_CALLED_WAYBILL = re.compile(
    r"(?:awb|way ?bill|tracking|consignment|docket|shipment|reference|order|invoice|lrn?)(?:_?(?:no|num|number|id))?"
    r"[\s:#=.'\"-]*(?:(?:nos?|num|numbers?|id|is)\b[\s:#=.'\"-]*)*$",
    re.IGNORECASE,
)
LOOKED_BACK = 40  # characters before a number in which it may be called a waybill
_OWN = re.compile(
    r"(^|_)((awb|waybill)\d?(_?(number|no))?|reference_number|reference_no|order_id|invoice_number|tracking_(number|id))$"
)
_PHONE_ABROAD = re.compile(r"\+\d(?:[ -]?\d){7,14}")


def kind_of(path: tuple[str, ...]) -> PersonalKind | None:
    """What kind of personal data stands in a field; None where it is none that is known."""
    if not path:
        return None
    name = path[-1].lower()
    inside = path[-2].lower() if len(path) > 1 else ""
    if _PHONE.search(name):
        return PersonalKind.PHONE
    if _EMAIL.search(name):
        return PersonalKind.EMAIL
    if _NAME.match(name) or (name == "name" and _PLACES.search(inside)):
        return PersonalKind.NAME
    if _ADDRESS.search(name):
        return PersonalKind.ADDRESS
    return None


def digits_of(phone: str) -> str:
    """What stays the same of a phone number however it is written: its last ten digits."""
    return re.sub(r"\D", "", phone)[-10:]


def plain_of(kind: PersonalKind, value: str) -> str:
    """What stays the same of a value however it is written."""
    return digits_of(value) if kind is PersonalKind.PHONE else " ".join(value.lower().split())


def pseudonym(kind: PersonalKind, value: str, key: str) -> str:
    """The same word for the same person, of no use to whoever lacks the key."""
    digest = hmac.new(key.encode(), f"{kind}:{plain_of(kind, value)}".encode(), hashlib.sha256).hexdigest()
    return f"{kind}-{digest[:16]}"


def masked(kind: PersonalKind, value: str) -> str:
    """A value of which a person can still compare something."""
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
    """What one destination gets to see. `fields` (a path, where * stands for anything) go before `kinds`.

    Without a `key`, what should be a pseudonym is masked.
    """

    kinds: Mapping[PersonalKind, Treatment]
    fields: Mapping[str, Treatment] = field(default_factory=dict[str, Treatment])
    key: str = field(default="", repr=False)

    def treatment(self, path: tuple[str, ...]) -> tuple[Treatment, PersonalKind | None]:
        """(what becomes of the value at this path, what kind of data it is)."""
        kind = kind_of(path)
        dotted = ".".join(path)
        for pattern, treatment in self.fields.items():
            if fnmatchcase(dotted, pattern):
                return treatment, kind
        return (self.kinds.get(kind, Treatment.KEEP) if kind else Treatment.KEEP), kind

    def treat(self, treatment: Treatment, kind: PersonalKind | None, value: str) -> str:
        """One value as this destination gets it."""
        if treatment is Treatment.KEEP or not value:
            return value
        if treatment is Treatment.DROP:
            return ""
        if treatment is Treatment.PSEUDONYM and self.key:
            return pseudonym(kind or PersonalKind.NAME, value, self.key)
        return masked(kind, value) if kind else "***"


def read_privacy(text: str, *, key: str = "") -> Privacy:
    """A policy as it is written in a setting: `phone=mask,name=mask,additional.note=drop`. Raises ValueError."""
    kinds: dict[PersonalKind, Treatment] = {}
    fields: dict[str, Treatment] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, word = (s.strip() for s in part.partition("="))
        if not equals or word not in set(Treatment):
            raise ValueError(f"{part!r}: write kind=treatment; treatments are {', '.join(Treatment)}")
        if name in set(PersonalKind):
            kinds[PersonalKind(name)] = Treatment(word)
        elif "." in name or "*" in name:
            fields[name] = Treatment(word)
        else:
            raise ValueError(
                f"{name!r} is neither a kind ({', '.join(PersonalKind)}) nor a path like drop_info.drop_name"
            )
    return Privacy(kinds=kinds, fields=fields, key=key)


_ALL_MASKED = Privacy(kinds=dict.fromkeys(PersonalKind, Treatment.MASK))


class Veil:
    """One call, as one destination gets to see it. What it hid in the request, it also hides in the answer's words."""

    def __init__(self, privacy: Privacy, *, each_name: bool = False) -> None:
        self._privacy = privacy
        self._each_name = each_name
        self._hidden: dict[str, str] = {}
        self._phones: dict[str, Treatment] = {}
        self.own: set[str] = set()
        """Waybills, reference numbers and their like, of what was shown: no phone numbers, whatever they look like."""

    def value(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A JSON value with everything personal treated."""
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
            return self.words(value) if isinstance(value, str) else value
        hidden = self._privacy.treat(treatment, kind, str(value))
        if len(str(value)) >= SHORTEST_VALUE and len(self._hidden) < LONGEST_LIST:
            self._hidden[str(value)] = hidden or "***"
            if kind is PersonalKind.PHONE and len(ten := digits_of(str(value))) == 10:
                self._phones[ten] = treatment
            if self._each_name and kind is PersonalKind.NAME:
                names = (name for name in str(value).split() if len(name) >= SHORTEST_VALUE)
                self._hidden.update((name, f"{name[0]}***") for name in names if name not in self._hidden)
        return hidden

    def words(self, text: str) -> str:
        """Free text without what was hidden, nor mail addresses and Indian phone numbers where those are hidden."""
        folded = text.casefold()
        for value in sorted(self._hidden, key=len, reverse=True):
            if value.casefold() in folded:
                text = _word(value).sub(lambda _, hidden=self._hidden[value]: hidden, text)
        text = _without_phones_known(text, self._phones, self._as_found, self.own)
        text = _without_beginning(text, self._hidden)
        for kind in (PersonalKind.EMAIL, PersonalKind.PHONE):
            treatment = self._privacy.kinds.get(kind, Treatment.KEEP)
            if treatment is not Treatment.KEEP and " " in text.strip():
                treated = _treated(self._privacy, treatment, kind)
                text = (
                    _MAIL_IN_TEXT.sub(treated, text)
                    if kind is PersonalKind.EMAIL
                    else _phones_in(text, treated, self.own)
                )
        return text

    def _as_found(self, ten: str, found: str) -> str:
        return self._privacy.treat(self._phones[ten], PersonalKind.PHONE, found) or "***"

    def body(self, text: str) -> Any:
        """A body as it was sent or received: as JSON where it is JSON, else as text."""
        try:
            value = json.loads(text) if text[:1] in ("{", "[") else None
        except (ValueError, RecursionError):
            value = None
        return self.words(text) if value is None else self.value(value)


def without_people(text: str, *bodies: str | JsonObject) -> str:
    """Words of others, fit for logs, alarms and chats: without those whom these payloads name, also by part of a name,
    and without any mail address or phone number. A payload is JSON, as text or as an object; its identifiers stay.
    """
    veil = Veil(_ALL_MASKED, each_name=True)
    for body in bodies:
        _ = veil.body(body) if isinstance(body, str) else veil.value(body)
    return veiled(veil.words(text), own=veil.own)


def veiled(text: str, *, own: Collection[str] = ()) -> str:
    """Words that came from outside, such as an own system's answer, with the addresses of people in them masked.

    A number that is one of `own` stays, and one of twelve digits that is called a waybill, an order or the like.
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
        _LIKE_WAYBILL.fullmatch(found[0]) and _CALLED_WAYBILL.search(found.string, max(0, start - LOOKED_BACK), start)
    )


def _without_phones_known(
    text: str, phones: Collection[str], instead: Callable[[str, str], str], own: Collection[str]
) -> str:
    """The text without these numbers (their last ten digits), however they are written."""
    if not phones:
        return text
    digits = re.sub(r"[ -]", "", text)
    for ten in phones:
        if ten in digits:
            written = re.compile(rf"(?<![A-Za-z0-9]){_BEFORE_TEN}{'[ -]?'.join(ten)}(?![A-Za-z0-9])")
            text = written.sub(lambda found, ten=ten: found[0] if _is_own(found, own) else instead(ten, found[0]), text)
    return text


def _is_own(found: re.Match[str], own: Collection[str]) -> bool:
    """Whether a number is an identifier, or a part of one such as ORDER-9876543210."""
    text, start, end = found.string, found.start(), found.end()
    return any(text[max(0, start - len(one)) : end + len(one)].count(one) for one in own if found[0] in one)


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
    # Not inside another word: a customer called Main does not change a reference number MAIN-1 or a road.
    return re.compile(rf"(?<![\w-]){re.escape(value)}(?![\w-])", re.IGNORECASE)


def _without_beginning(text: str, hidden: Iterable[str]) -> str:
    """The text without the beginning of a hidden value at its end: whoever cut it may have cut through one."""
    end = text[-LONGEST_BEGINNING:].casefold()
    for value in hidden:
        begins = value.casefold()
        longest = min(len(begins) - 1, len(end))
        size = next((n for n in range(longest, SHORTEST_VALUE - 1, -1) if end.endswith(begins[:n])), 0)
        if size and not text[: len(text) - size][-1:].isalnum():
            return f"{text[: len(text) - size]}..."
    return text


def _treated(privacy: Privacy, treatment: Treatment, kind: PersonalKind) -> Callable[[re.Match[str]], str]:
    def one(found: re.Match[str]) -> str:
        return privacy.treat(treatment, kind, found[0]) or "***"

    return one


class Eraser:
    """Takes every personal value out of a payload, and the same values out of the texts that follow it."""

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
            return self.words(value) if isinstance(value, str) else value
        if len(str(value)) >= SHORTEST_VALUE and value != ERASED:
            self._values.add(str(value))
            if kind is PersonalKind.PHONE and len(ten := digits_of(str(value))) == 10:
                self._phones.add(ten)
        return ERASED if value != "" else value

    def words(self, text: str) -> str:
        """Free text without the values that were taken out, mail addresses and phone numbers."""
        for value in sorted(self._values, key=len, reverse=True):
            if value in text:
                text = _word(value).sub(ERASED, text)
        text = _without_phones_known(text, self._phones, lambda _ten, _found: ERASED, ())
        if " " in text.strip():
            text = _phones_in(_MAIL_IN_TEXT.sub(ERASED, text), lambda _: ERASED, ())
        return text

    def body(self, text: str) -> str:
        """A body as text, without personal data; JSON stays JSON."""
        try:
            value = json.loads(text) if text[:1] in ("{", "[") else None
        except (ValueError, RecursionError):
            value = None
        if value is None:
            return self.words(text)
        return json.dumps(self.value(value), ensure_ascii=False, separators=(",", ":"))
