"""Returns that customers ask ClickPost for: on the forward shipment, with the right time, and moving nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.replay import rebuild_one
from awbridge.store import Store
from awbridge.store.notify import endpoints
from tests.steps.tracking.test_shipment_details import HOUR, NOW, POLICY, a_placed, deliver, hooks, truth
from tests.support.rows import T0, fetch
from tests.support.world import SetClock, get, timeline, webhook

ASKED = T0.replace(microsecond=0) + timedelta(days=2)


def asked_for(
    code: int = 101, at: datetime = ASKED, *, words: str = "Return Request Placed", event: int = 11, **additional: Any
) -> dict[str, Any]:
    """A webhook about a return, in the wrapping and with the naive UTC times of ClickPost's own example."""
    status = {"status": words, "remark": words, "location": "", "clickpost_status_code": code}
    status |= {"clickpost_status_description": words, "clickpost_status_bucket": 8}
    payload = {
        **status,
        "waybill": "",
        "cp_id": -1,
        "account_code": None,
        "notification_event": event,
        "timestamp": at.strftime("%Y-%m-%d %H:%M:%S.396840"),
        "additional": {
            "latest_status": {**status, "timestamp": at.strftime("%Y-%m-%d %H:%M:%S.396867")},
            "is_rvp": True,
            "forward_awb": "AWB1",
            "forward_reference_number": "R",
            "forward_order_id": "order of R",
            "notification_event_id": event,
            "self_shipped": False,
            "item_info": [
                {"sku": "367877", "quantity": 1, "return_reason": "Too small", "customer_comment": "ask Asha"}
            ],
            "return_reference_number": "RE1",
            **additional,
        },
    }
    return {"payload": payload, "internal": {"tracking_id": 511764973, "key": "None", "notification_event": event}}


async def a_delivered(store: Store) -> None:
    await a_placed(store)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await deliver(store, *hooks(webhook("AWB1", 8, T0)), at=T0 + HOUR)


async def sent_events(store: Store) -> list[tuple[str, dict[str, Any]]]:
    rows = await fetch(store, "SELECT kind, body, packed_body FROM events ORDER BY id")
    return [(row["kind"], json.loads(row["body"])) for row in rows]


async def test_a_return_is_shown_on_its_forward_shipment_and_sent_to_subscribers(store: Store) -> None:
    await a_delivered(store)
    before = await get(store, "R")
    milestones = await fetch(store, "SELECT milestone FROM milestones ORDER BY milestone")
    await deliver(store, *hooks(asked_for(), asked_for(102, ASKED + HOUR, words="Return Request Approved", event=22)))
    (placed, approved) = (await truth(store)).returns
    assert (placed.at, placed.name) == (ASKED.replace(microsecond=396840), "Return Request Placed")
    assert (approved.code, approved.name, approved.event.kind) == (102, "Return Request Approved", "return.approved")
    assert placed.event.items == [{"sku": "367877", "quantity": 1, "return_reason": "Too small"}]
    assert (placed.event.self_shipped, placed.event.return_reference_number) == (False, "RE1")
    assert [s.status_code for s in await timeline(store, "R")] == [8, 101, 102]
    after = await get(store, "R")
    assert (after.status_code, after.status_at, after.final) == (8, before.status_at, True)
    assert await fetch(store, "SELECT milestone FROM milestones ORDER BY milestone") == milestones, "no message"
    sent = [(kind, body) for kind, body in await sent_events(store) if kind.startswith("return.")]
    assert [kind for kind, _ in sent] == ["return.placed", "return.approved"]
    body = sent[0][1]
    assert body["timestamp"] == placed.at.isoformat()
    assert (body["data"]["reference_number"], body["data"]["waybill"]) == ("R", "AWB1")
    assert body["data"]["return"] == {
        "name": "Return Request Placed",
        "return_reference_number": "RE1",
        "return_waybill": "",
        "return_courier_partner_id": None,
        "self_shipped": False,
        "items": [{"sku": "367877", "quantity": 1, "return_reason": "Too small"}],
    }


async def test_the_same_event_with_another_time_is_one(store: Store) -> None:
    await a_delivered(store)
    again = asked_for(at=ASKED + HOUR)["payload"]
    await deliver(store, *hooks(asked_for(), again))
    assert len((await truth(store)).returns) == 1
    assert [kind for kind, _ in await sent_events(store)].count("return.placed") == 1


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("names", [["forward_awb"], ["forward_reference_number"], ["forward_order_id"]])
async def test_any_of_the_forward_names_is_enough(store: Store, names: list[str], apart: bool) -> None:
    await a_delivered(store)
    nameless = dict.fromkeys(("forward_awb", "forward_reference_number", "forward_order_id"))
    own = asked_for()["payload"]["additional"]
    body = asked_for(**nameless | {name: own[name] for name in names})
    await deliver(store, *hooks(body, webhook("AWB1", 8, T0)), apart=apart)
    assert len((await truth(store)).returns) == 1
    assert (await get(store, "R")).forward_waybill is None


async def test_a_return_of_a_shipment_under_way_moves_it_nowhere(store: Store) -> None:
    await a_placed(store)
    await deliver(store, *hooks(webhook("AWB1", 5, T0), asked_for(), webhook("AWB1", 6, T0 + HOUR)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (6, False)
    assert (await truth(store)).milestones.out_for_delivery_at == T0.replace(microsecond=0) + HOUR


async def test_a_return_of_a_shipment_that_is_silent_gives_it_no_status(store: Store) -> None:
    await a_placed(store)
    await deliver(store, *hooks(asked_for()))
    assert (await get(store, "R")).status_code is None
    assert len((await truth(store)).returns) == 1


@pytest.mark.parametrize(
    ("code", "event", "kind"),
    [
        (103, 23, "return.rejected"),
        (104, 30, "exchange.placed"),
        (105, 29, "exchange.approved"),
        (106, 31, "exchange.rejected"),
        (103, 99, "return.updated"),
        (102, 0, "return.approved"),
    ],
)
async def test_the_notification_event_says_what_it_is_and_the_vendor_names_it(
    store: Store, code: int, event: int, kind: str
) -> None:
    await a_delivered(store)
    await deliver(store, *hooks(asked_for(code, words="Return Request Approved", event=event)))
    (news,) = (await truth(store)).returns
    assert (news.event.kind, news.name) == (kind, "Return Request Approved")
    assert [k for k, _ in await sent_events(store)][-1] == kind


async def test_it_waits_for_its_forward_shipment(store: Store) -> None:
    await deliver(store, *hooks(asked_for()))
    (row,) = await fetch(store, "SELECT waiting_for, problem FROM inbox")
    assert (row["waiting_for"], row["problem"]) == ("w:AWB1", None)
    await a_placed(store)
    await deliver(store, *hooks(webhook("AWB1", 8, T0)), at=NOW + 2 * HOUR)
    assert len((await truth(store)).returns) == 1


async def test_where_the_forward_shipment_is_not_ours_the_booked_return_shows_it(store: Store) -> None:
    await a_placed(store, "RE1", "RVP1", courier_partner_id=25)
    await deliver(store, *hooks(asked_for(), webhook("RVP1", 4, T0 + HOUR, cp_id=25)))
    assert len((await truth(store, "RE1")).returns) == 1
    after = await get(store, "RE1")
    assert (after.status_code, after.forward_waybill, after.forward_reference_number) == (4, "AWB1", "R")


async def test_a_booked_return_keeps_its_own_journey_and_the_forward_one_the_event(store: Store) -> None:
    await a_placed(store)
    await a_placed(store, "RE1", "RVP1", courier_partner_id=25)
    booked = asked_for(102, words="Return Request Approved", event=22)
    booked["payload"] |= {"waybill": "RVP1", "cp_id": 25}
    await deliver(store, *hooks(booked))
    (news,) = (await truth(store)).returns
    assert (news.event.return_waybill, news.event.return_courier_partner_id) == ("RVP1", 25)
    assert await timeline(store, "RE1") == []


async def test_it_survives_a_rebuilding(store: Store) -> None:
    await a_delivered(store)
    await deliver(store, *hooks(asked_for()))
    before = (await truth(store)).returns
    changed = await rebuild_one(store=store, clock=SetClock(NOW), reading=POLICY, reference_number="R")
    assert not changed
    assert (await truth(store)).returns == before


async def test_a_late_one_is_sent_too(store: Store) -> None:
    await a_delivered(store)
    await deliver(store, *hooks(webhook("AWB1", 8, T0 + 5 * HOUR)), at=NOW + HOUR)
    await deliver(store, (Source.WEBHOOK, asked_for()), at=NOW)
    assert len((await truth(store)).returns) == 1
    assert [kind for kind, _ in await sent_events(store)].count("return.placed") == 1
