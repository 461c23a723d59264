"""The customer, read off both forms of a payload."""

from __future__ import annotations

from typing import Any

import pytest

from awbridge.clickpost.orders.recipients import Recipient, recipient
from awbridge.domain.notify.notices import Channel
from awbridge.domain.notify.phones import e164, reachable
from awbridge.store import Store
from awbridge.store.orders import shipments
from tests.support.rows import add


async def read(store: Store, payload: Any, *, country: str = "IN", delivery_type: str = "FORWARD") -> Recipient:
    await add(store, "R", payload=payload, delivery_type=delivery_type)
    async with store.read() as session:
        shipment = await shipments.get(session, "R")
    assert shipment
    return recipient(shipment, country=country)


async def test_indias_form(store: Store) -> None:
    drop = {"drop_name": "Asha", "drop_phone": "090000-00001", "drop_email": " asha@example.com ", "drop_country": "IN"}
    found = await read(store, {"drop_info": drop, "additional": {"enable_whatsapp": "True", "enable_sms": 0}})
    assert (found.name, found.phone, found.mail) == ("Asha", "+919000000001", "asha@example.com")
    assert found.consent == {Channel.WHATSAPP: True, Channel.SMS: False}
    assert found.address(Channel.CHAT) is None
    assert "9000000001" not in repr(found)


async def test_the_worlds_form(store: Store) -> None:
    drop = {"name": "Omar", "phone": "0501234567", "phone_code": "+971", "email": "o@example.ae", "country_code": "AE"}
    found = await read(store, {"drop_info": drop})
    assert (found.phone, found.mail, found.consent) == ("+971501234567", "o@example.ae", {})


async def test_a_return_is_the_pickups(store: Store) -> None:
    payload = {"pickup_info": {"pickup_phone": "9000000002"}, "drop_info": {"drop_phone": "9000000003"}}
    found = await read(store, payload, delivery_type="RVP")
    assert (found.is_return, found.phone) == (True, "+919000000002")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"drop_info": None, "additional": []},
        {"drop_info": {"drop_phone": {"a": 1}, "drop_email": ["x@y.z"]}, "additional": {"language_code": 7}},
        {"drop_info": {"drop_phone": "12", "drop_email": "x@y.z\nBcc: a@b.c"}},
        {"drop_info": {"drop_phone": "12", "drop_email": "a@b.c, d@e.f"}},
    ],
)
async def test_what_cannot_be_read_is_nobody(store: Store, payload: Any) -> None:
    found = await read(store, payload)
    assert (found.phone, found.mail, found.consent) == (None, None, {})


@pytest.mark.parametrize(
    ("code", "language"), [("eng", "en"), ("HIN", "hi"), ("hi", "hi"), ("xxxx", ""), ("../", ""), (None, "")]
)
async def test_languages(store: Store, code: Any, language: str) -> None:
    assert (await read(store, {"additional": {"language_code": code}})).language == language


@pytest.mark.parametrize(
    ("number", "found"),
    [
        *(("9000000001", "+919000000001"), ("+91 90000 00001", "+919000000001"), ("0919000000001", "+919000000001")),
        *(("+1 202 555 0142", "+12025550142"), ("", None), ("call me", None), ("1", None)),
    ],
)
def test_numbers_in_e164(number: str, found: str | None) -> None:
    assert e164(number, country="IN") == found


def test_only_what_can_be_reached_may_opt_out() -> None:
    assert reachable("90000 00001", country="IN") == "+919000000001"
    assert reachable(" a@b.c ", country="IN") == "a@b.c"
    with pytest.raises(ValueError, match="neither a phone number"):
        reachable("x", country="IN")
