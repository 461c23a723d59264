"""Parcels whose every foreign text is private, or hostile: what the customer's page must not show, or not obey."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from awbridge.store import Store
from tests.steps.notify.test_notify import hear
from tests.support.answers import given
from tests.support.customer_page import KEYS, payload
from tests.support.rows import T0, add, place, sql
from tests.support.world import SetClock, webhook

HOSTILE = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">\"'></p>{{7*7}}${7*7}"
# Whatever may follow a name; a name is cut at the first space.
HOSTILE_WORD = "<img/src=x/onerror=document.title='broken'>"
PRIVATE = (
    *("Rao", "9876501234", "98765 01234", "501234", "560001", "12 Secret Street", "Secret", "asha@", "secret.example"),
    *(
        "1234.5",
        "1234",
        "COD",
        "Gate 4",
        "Acme Warehouse",
        "8000000000",
        "110001",
        "9000000007",
        "Nagar",
        "4000000000042",
    ),
    *("NDR", "RTO", "EDD", "AWB", "nobody at home", "sNDR", "Vendor says"),
)


def _texts(value: Any, given: str) -> Any:
    """The same JSON with every text replaced."""
    match value:
        case dict():
            return {name: _texts(one, given) for name, one in cast("dict[str, Any]", value).items()}
        case list():
            return [_texts(one, given) for one in cast("list[Any]", value)]
        case _:
            return given if isinstance(value, str) else value


def _delivery(waybill: str, code: int, at: Any, text: str, *, location: str) -> dict[str, Any]:
    """A webhook with this text wherever the vendor or the courier may write one."""
    found = webhook(waybill, code, at, remark=text, location=location, clickpost_city=text, rto_awb=None)
    found |= {"status": text, "clickpost_status_description": text, "clickpost_status_bucket_description": text}
    more = {"ndr_status_code": 1, "ndr_status_description": text, "courier_partner_edd": "2026-11-06", "order_id": text}
    latest = {**found["additional"]["latest_status"], "remark": text, "status": text, "location": location}
    return found | {"additional": {**more, "latest_status": latest, "custom": text}}


async def private_parcel(store: Store, clock: SetClock, reference: str = "REF-1") -> str:
    """A failed delivery with personal data in every field, and an answer. Returns its token."""
    given_payload = payload(phone="9876501234", address="12 Secret Street, Nagar")
    given_payload["shipment_details"] |= {"order_value": 1234.5, "reference_number": reference}
    await add(store, reference, payload=given_payload, order_id="ORDER-1")
    await place(store, reference, "4000000000042")
    clock.now = T0 + timedelta(hours=1)
    text = "Vendor says: nobody at home, call Mr Rao 98765 01234, asha@secret.example, 12 Secret Street"
    for nth, code in enumerate((4, 5, 6, 9)):
        clock.forward(hours=1)
        location = f"Pune Hub +91 98765-01234 asha@secret.example 4000000000042 {nth}"
        await hear(store, clock, _delivery("4000000000042", code, clock.now, text, location=location))
    clock.forward(minutes=1)
    await given(store, clock, reference, digits="1234", kind="new_phone", phone="9000000007")
    return KEYS.token(reference)


async def hostile_parcel(store: Store, clock: SetClock, reference: str = "REF-2") -> str:
    """A failed delivery with markup in every text of the payload and of the vendor. Returns its token."""
    hostile = _texts(payload(), HOSTILE)
    hostile["drop_info"] |= {"drop_name": HOSTILE_WORD, "drop_city": HOSTILE_WORD[:40], "drop_phone": "9876501234"}
    await add(store, reference, payload=hostile, order_id=HOSTILE)
    await place(store, reference, "4000000000043")
    clock.now = T0 + timedelta(hours=1)
    for code in (4, 5, 6, 9):
        clock.forward(hours=1)
        await hear(store, clock, _delivery("4000000000043", code, clock.now, HOSTILE, location=HOSTILE[:100]))
    async with store.write() as session:
        statement = sql("UPDATE shipments SET courier_partner_id = 987654, transporter = $1 WHERE order_id = $2")
        await session.execute(statement, HOSTILE, HOSTILE)
    return KEYS.token(reference)
