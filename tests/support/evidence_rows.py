"""Recorded calls for the tests of audit and privacy: archive, reports, erasure, retention."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any

from awbridge.domain.call import Call
from awbridge.domain.customer_page.answerable import Answerable
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswerKind, Wish
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.sinks.objects import Objects
from awbridge.store import Store
from awbridge.store.audit import archive, attempts
from awbridge.store.customer_page import answers
from awbridge.store.orders import actions, payload_versions
from awbridge.store.orders.payload_versions import PayloadVersion
from tests.support import rows
from tests.support.rows import T0, attempt
from tests.support.world import an_order, get

PHONE, NAME = "9812345678", "Asha Rao"


def order_of(reference: str) -> dict[str, Any]:
    """A payload with a customer in it."""
    order = an_order(reference)
    order["drop_info"] |= {"drop_phone": PHONE, "drop_name": NAME, "drop_email": "asha@example.com"}
    return order


def call(reference: str | None = "R", **changes: Any) -> Call:
    """A create-order that ClickPost refused, naming the customer."""
    values: dict[str, Any] = {
        "api": "create-order",
        "method": "POST",
        "url": "https://www.clickpost.in/api/v3/create-order/?username=shop&key=***",
        "request": json.dumps(order_of(reference or "none")),
        "http_status": 200,
        "business_status": 314,
        "response": json.dumps(
            {
                "meta": {"status": 314, "success": False, "message": f"the phone {PHONE} of {NAME} is wrong"},
                "result": None,
            }
        ),
        "ms": 12,
    }
    return Call(**{**values, **changes})


def good_call(reference: str = "R", **changes: Any) -> Call:
    return call(reference, business_status=200, response='{"meta": {"status": 200}}', **changes)


async def keep(
    store: Store, *calls: Call, reference: str | None = "R", outcome: str = "rejected", at: datetime = T0
) -> None:
    """Store calls as the steps do."""
    async with store.write() as session:
        await attempts.add(session, [attempt(made, reference, outcome, at) for made in calls])


async def more_about(store: Store, reference: str) -> None:
    """Two payloads of a shipment, its finished action, a pickup of no shipment, an answer: all name the customer."""
    shipment = await get(store, reference)
    new = PayloadVersion(
        version=2, payload=shipment.payload, changed_at=T0, changed_by="ops", reason=f"{NAME} gave {PHONE} instead"
    )
    bodies = {"address": "12 MG Road", "phone_number": PHONE}, {"pickup_info": {"pickup_phone": PHONE}}
    async with store.write() as session:
        await payload_versions.add(session, shipment, new)
        await session.execute(
            rows.sql("UPDATE shipments SET payload_version = 2 WHERE reference_number = $1"), reference
        )
        for about, body in zip((reference, None), bodies, strict=True):
            asked, _ = await actions.add(
                session, NewAction(kind=ActionKind.NDR, reference_number=about, body=body), now=T0
            )
            await actions.done(session, asked.id, {"message": f"we call {PHONE} first"}, now=T0)
        wish = Wish(kind=CustomerAnswerKind.NEW_ADDRESS, address=f"{NAME}, 12 MG Road", phone_number=PHONE)
        about_it = Answerable(waybill="", about_at=T0, ndr_code=1, kinds=())
        answer = await answers.add(session, reference, 4, wish, about_it, now=T0)
        await answers.settle(session, answer.id, AnswerState.DISMISSED, by="ops", why=f"{NAME} called", now=T0)


async def files(store: Store) -> list[archive.ArchiveFile]:
    return await archive.every(store)


async def lines(objects: Objects, key: str) -> list[dict[str, Any]]:
    """The records of a file in the archive."""
    content = await objects.get(key)
    assert content is not None, key
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]
