"""One shipment: its failed delivery is answered, it is replaced, its evidence and deliveries are shown."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from awbridge.store.orders import actions, shipments
from tests.steps.notify.test_notify import hear
from tests.support.app import Web
from tests.support.notices import a_customer, a_payload
from tests.support.pages import HERE, hidden_fields, open_page, send_form
from tests.support.rows import add, place, sql
from tests.support.world import get, webhook

pytestmark = pytest.mark.heavy


async def failed(web: Web, reference: str = "R-1", waybill: str = "AWB1") -> None:
    await a_customer(web.store, reference, waybill, now=web.clock())
    web.clock.forward(minutes=1)
    await hear(web.store, web.clock, webhook(waybill, 9, web.clock.now, additional={"ndr_status_code": 6}))


async def instructions(web: Web, reference: str = "R-1") -> list[dict[str, object]]:
    async with web.store.read() as session:
        return [action.body for action in await actions.of_shipment(session, reference)]


async def test_a_failed_delivery_is_answered_with_a_new_phone_number_and_address(web: Web) -> None:
    await failed(web)
    shown = await open_page(web, "/shipments/R-1")
    assert 'action="/ndr/preview"' in shown
    day = "2026-12-24"
    fields = [("reference", "R-1"), ("instruction", "REATTEMPT"), ("day", day)]
    preview = await send_form(web, "/ndr/preview", fields)
    assert 'name="phone_number"' in preview
    assert await instructions(web) == []
    changed = [*fields, ("phone_number", "9811111111"), ("address", "7 New\n Road"), ("landmark", "")]
    assert "1 of 1 requested" in await send_form(web, "/ndr/act", changed)
    assert await instructions(web) == [
        {"action": "REATTEMPT", "preferred_date": day, "phone_number": "9811111111", "address": "7 New Road"}
    ]
    again = await send_form(web, "/ndr/act", changed)
    assert "Was requested before" in again
    other = await send_form(web, "/ndr/act", [*fields, ("phone_number", "9822222222")])
    assert "1 of 1 requested" in other, "another number is another instruction"


async def test_each_shipment_of_many_has_its_own_new_address(web: Web) -> None:
    await failed(web, "R-1", "AWB1")
    await failed(web, "R-2", "AWB2")
    fields = [("instruction", "REATTEMPT"), ("day", "2026-12-24"), ("address", "of nobody")]
    fields += [("reference", "R-1"), ("address", "1 Road"), ("reference", "R-2"), ("phone_number", "9811111111")]
    answer = await send_form(web, "/ndr/act", fields)
    assert "2 of 2 requested" in answer
    day = ("preferred_date", "2026-12-24")
    changes = [
        set(body.items()) - {("action", "REATTEMPT")}
        for name in ("R-1", "R-2")
        for body in await instructions(web, name)
    ]
    assert changes == [{day, ("address", "1 Road")}, {day, ("phone_number", "9811111111")}]


async def test_a_return_to_origin_takes_no_new_address(web: Web) -> None:
    await failed(web)
    fields = [("reference", "R-1"), ("instruction", "INITIATE_RTO"), ("address", "7 New Road")]
    assert 'name="address"' not in await send_form(web, "/ndr/preview", fields)
    await send_form(web, "/ndr/act", fields)
    assert await instructions(web) == [{"action": "INITIATE_RTO"}]


async def test_the_failed_piece_of_a_shipment_is_answered(web: Web) -> None:
    await add(web.store, "M", payload=a_payload("M"), now=web.clock())
    await place(web.store, "M", "AWB1", children=("AWB1-A", "AWB1-B"), now=web.clock())
    web.clock.forward(minutes=1)
    await hear(web.store, web.clock, webhook("AWB1-B", 9, web.clock.now, additional={"ndr_status_code": 1}))
    shown = await open_page(web, "/shipments/M")
    assert "<option>AWB1-B</option>" in shown
    assert "<option>AWB1-A</option>" not in shown
    fields = [("reference", "M"), ("waybill", "AWB1-B"), ("instruction", "INITIATE_RTO")]
    preview = await send_form(web, "/ndr/preview", fields)
    assert "Only the piece AWB1-B." in preview
    await send_form(web, "/ndr/act", hidden_fields(preview))
    assert await instructions(web, "M") == [{"action": "INITIATE_RTO", "waybill": "AWB1-B"}]


async def test_without_a_failed_delivery_there_is_nothing_to_answer(web: Web) -> None:
    await a_customer(web.store, "R-1")
    assert 'action="/ndr/preview"' not in await open_page(web, "/shipments/R-1")


async def test_a_shipment_is_replaced_and_the_old_one_is_cancelled(web: Web) -> None:
    await a_customer(web.store, "R/1", now=web.clock())
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET sent_at = $1"), web.clock())
    page = await open_page(web, "/shipments/R%2F1")
    assert "/shipments/replace?reference=R%2F1" in page or "/shipments/replace?reference=R/1" in page
    shown = await open_page(web, "/shipments/replace?reference=R%2F1")
    assert "Nothing has happened yet." in shown
    wrong = await send_form(web, "/shipments/replace", {"old": "R/1", "transporter": "nobody"}, status=422)
    assert "nobody" in wrong
    fields = {"old": "R/1", "successor": "R-NEW", "after_cancel": "true"}
    await send_form(web, "/shipments/replace", fields, status=303)
    new = await get(web.store, "R-NEW")
    assert (new.replaces, new.waits_for) == ("R/1", "R/1")
    assert (await get(web.store, "R/1")).cancel_requested_at is not None
    shown = await open_page(web, "/shipments/replace?reference=R%2F1")
    assert "is replaced by R-NEW already" in shown
    assert '<button class="strong">' not in shown


async def test_what_cannot_be_replaced_says_why(web: Web) -> None:
    await add(web.store, "NEW", now=web.clock())
    assert "was never sent" in await open_page(web, "/shipments/replace?reference=NEW")
    assert "was never sent" in await send_form(web, "/shipments/replace", {"old": "NEW"}, status=422)
    assert (await web.http.get("/shipments/replace?reference=UNKNOWN", headers=HERE)).status_code == 404
    await send_form(web, "/shipments/replace", {}, status=422)


async def test_the_evidence_is_a_zip_masked_for_its_reader(web: Web) -> None:
    await a_customer(web.store, "R-1")
    for query in ("", "&for=clickpost"):
        answer = await web.http.get(f"/shipments/evidence?reference=R-1{query}", headers=HERE)
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
            name = next(name for name in zipped.namelist() if name.endswith("payload.json"))
            payload = json.loads(zipped.read(name))
        assert payload["drop_info"]["drop_name"] == "A*** R***"
    assert (await web.http.get("/shipments/evidence?reference=X", headers=HERE)).status_code == 404


async def test_deliveries_are_shown_as_they_were_received(web: Web) -> None:
    await failed(web)
    shown = await open_page(web, "/shipments/R-1")
    assert "Deliveries as received" in shown
    assert "ndr_status_code" in shown
    async with web.store.read() as session:
        assert await shipments.get(session, "R-1")
