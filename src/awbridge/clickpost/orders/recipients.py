"""Who is notified about a shipment, from its payload in any form: name, phone, mail, language, consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from awbridge.clickpost.orders.order_places import RETURN, is_flat, place_of
from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.notices import Channel
from awbridge.domain.notify.phones import e164
from awbridge.domain.orders.shipment import Shipment

# ClickPost's own switch is enable_whatsapp; the others follow its form.
_CONSENT_FIELDS = {
    Channel.WHATSAPP: "enable_whatsapp",
    Channel.SMS: "enable_sms",
    Channel.MAIL: "enable_email",
}
_LANGUAGES = {"eng": "en", "english": "en", "hin": "hi", "hindi": "hi", "ara": "ar", "arabic": "ar"}
_YES = ("true", "yes", "1", "y")
_NO = ("false", "no", "0", "n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The customer of a shipment. `phone` is E.164, `language` a short code such as `hi`; "" or None if unknown."""

    name: str = field(repr=False)
    phone: str | None = field(repr=False)
    mail: str | None = field(repr=False)
    language: str
    consent: Mapping[Channel, bool]
    is_return: bool

    def address(self, channel: Channel) -> str | None:
        """Where this channel reaches them."""
        if channel is Channel.MAIL:
            return self.mail
        return self.phone if channel.reaches_customer else None


def recipient(shipment: Shipment, *, country: str) -> Recipient:
    """The customer: who gets a forward parcel, or who hands a return over.

    `country` is where phone numbers without a country code lie, unless the address names its own.
    """
    is_return = shipment.delivery_type.upper() == RETURN
    place = place_of(shipment.payload, "pickup" if is_return else "drop")
    additional = _additional(shipment.payload)

    def read(name: str) -> str:
        value = place.get(name)
        return str(value).strip() if isinstance(value, str | int) else ""

    mail = read("email")
    return Recipient(
        name=read("name"),
        phone=_phone(read("phone"), read("phone_code"), read("country"), country),
        mail=mail if _looks_like_mail(mail) else None,
        language=language_of(shipment.payload),
        consent={
            c: given for c, name in _CONSENT_FIELDS.items() if (given := _consent(additional.get(name))) is not None
        },
        is_return=is_return,
    )


def language_of(payload: JsonObject) -> str:
    """The short code of the customer's language; "" if the order names none that is understood."""
    return _language(_additional(payload).get("language_code"))


def _additional(payload: JsonObject) -> JsonObject:
    """How the order is to be handled: in `additional`, in the flat form at the top too."""
    held = as_object(payload.get("additional"))
    return {**payload, **held} if is_flat(payload) else held


def _phone(number: str, code: str, country: str, default: str) -> str | None:
    if code and number and not number.startswith("+"):
        with_code = e164(f"+{code.lstrip('+')}{number.lstrip('0')}", country="")
        if with_code:
            return with_code
    return e164(number, country=country if len(country) == 2 else default) if number else None


def _looks_like_mail(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at and "." in host) and not any(c.isspace() or c in ',;<>"' or ord(c) < 32 for c in text)


def _language(value: object) -> str:
    text = str(value).strip().lower() if isinstance(value, str) else ""
    return _LANGUAGES.get(text, text[:2] if text.isascii() and text.isalpha() and len(text) == 2 else "")


def _consent(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if text in _YES else False if text in _NO else None
