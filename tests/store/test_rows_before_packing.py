"""Rows that were stored before bodies were packed are read, changed and erased like all others."""

from __future__ import annotations

import json

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.privacy import Eraser
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.orders import shipments
from awbridge.store.privacy import personal
from awbridge.store.tracking import inbox
from tests.support.rows import T0, add, delivery, fetch, sql

ORDER = {"drop_info": {"drop_name": "Asha Rao", "drop_phone": "9812300000"}}
REQUEST = json.dumps(ORDER)


async def before_packing(store: Store) -> None:
    """A shipment, its call and a delivery, as the version before stored them."""
    await add(store, "R", payload={})
    made = Call(api="create-order", method="POST", url="", request="", response="", ms=1)
    async with store.write() as session:
        await attempts.add(
            session, [NewAttempt(call=made, reference_number="R", outcome=AttemptOutcome.PLACED, made_at=T0)]
        )
        await inbox.add(session, [delivery("osid:1", body=b"{}")])
        for text, value in (
            ("UPDATE shipments SET packed_payload = NULL, payload = $1", REQUEST),
            ("UPDATE attempts SET packed_call = NULL, url = 'https://old', response = 'fine', request = $1", REQUEST),
            ("UPDATE inbox SET body = $1", REQUEST.encode()),
        ):
            await session.execute(sql(text), value)


async def test_they_are_read(store: Store) -> None:
    await before_packing(store)
    async with store.write() as session:
        found = await shipments.get(session, "R")
        [call] = await attempts.of_shipment(session, "R")
        [due] = await inbox.claim(session, now=T0, limit=5)
    assert found is not None
    assert found.payload == ORDER
    assert (call.url, call.request, call.response) == ("https://old", REQUEST, "fine")
    assert due.body == REQUEST.encode()


async def test_an_erasure_packs_them(store: Store) -> None:
    await before_packing(store)
    async with store.write() as session:
        [call] = await personal.calls_of(session, "R")
        await personal.set_call(session, personal.CallTexts(**_erased(call)))
    [row] = await fetch(store, "SELECT url, request, response, error, packed_call FROM attempts")
    assert row["url"] == "https://old"
    assert "Asha" not in str(row)
    assert "9812300000" not in str(row)


def _erased(call: personal.CallTexts) -> dict[str, object]:
    return {name: getattr(call, name) for name in ("shard", "id", "url", "response", "error")} | {
        "request": Eraser().body(call.request)
    }
