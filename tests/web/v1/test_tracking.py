"""Timelines, pieces, returns, coverage, and polling one shipment."""

from __future__ import annotations

from datetime import timedelta

from awbridge.domain.call import Call
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.notify import alarms
from awbridge.store.polling import arrivals, polls
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking import inbox, scans
from tests.steps.tracking.test_returns import asked_for
from tests.steps.tracking.test_shipment_details import NOW
from tests.support.app import Web
from tests.support.rows import T0, add, attempt, delivery, new_scan, place, scan
from tests.support.world import INDIA, as_body, get, webhook


async def silent(store: Store, *references: str) -> None:
    for reference in references:
        await add(store, reference)
        await place(store, reference, f"AWB-{reference}")
    later = T0 + timedelta(days=50)
    async with store.write() as session:
        assert await polls.age_out(session, now=later, silent_since=later - timedelta(days=45), limit=9)


async def test_coverage_is_shown(web: Web) -> None:
    async with web.store.write() as session:
        await arrivals.count(session, [Arrival(web.clock.now, 4, Source.WEBHOOK, deliveries=4, scans=3)])
        await arrivals.count(session, [Arrival(web.clock.now, 4, Source.TRACK_ORDER, deliveries=1, scans=1)])
        await alarms.raise_(session, "webhooks.silent", "silent", now=T0)
    shown = (await web.http.get("/v1/coverage")).json()
    counts = {"courier_partner_id": 4, "by_webhook": 3, "by_polling": 1, "webhook_share": 0.75}
    assert (shown["last_day"], shown["last_hour"]) == ([counts], [counts])
    assert (shown["webhook_silence_seconds"], shown["covered_until"]) == (0.0, None)
    assert set(shown["alarms"]) == {"webhooks.silent"}
    metrics = (await web.http.get("/metrics")).text
    assert 'awbridge_webhook_share{courier="4"} 0.75' in metrics
    assert "awbridge_webhooks_silent 1.0" in metrics


async def test_silent_shipments_are_listed_page_by_page_and_can_be_polled(web: Web) -> None:
    await silent(web.store, "A", "B", "C")
    await add(web.store, "NEW")
    first = (await web.http.get("/v1/shipments", params={"silent": True, "limit": 2})).json()
    rest = (await web.http.get("/v1/shipments", params={"silent": True, "cursor": first["next"]})).json()
    assert [s["reference_number"] for s in first["shipments"] + rest["shipments"]] == ["C", "B", "A"]
    assert rest["next"] is None
    resumed = (await web.http.post("/v1/shipments/B/ask")).json()
    assert resumed["aged_out_at"] is None
    remaining = (await web.http.get("/v1/shipments", params={"silent": True})).json()["shipments"]
    assert [s["reference_number"] for s in remaining] == ["C", "A"]
    assert (await get(web.store, "B")).aged_out_at is None


async def test_shipments_that_cannot_be_polled_are_refused(web: Web) -> None:
    await add(web.store, "NEW")
    assert (await web.http.post("/v1/shipments/NEW/ask")).status_code == 409
    assert (await web.http.post("/v1/shipments/NONE/ask")).status_code == 404


async def test_scans_and_attempts_are_shown_oldest_first(web: Web) -> None:
    await add(web.store, "R")
    async with web.store.write() as session:
        late = scan(8, T0 + timedelta(hours=1))
        await scans.add(session, [new_scan("R", late), new_scan("R", scan(5))])
        for n in range(2):
            call = Call(api="create_order", method="POST", url=f"https://x/?key=***&n={n}", http_status=200)
            await attempts.add(session, [attempt(call, "R")])
    timeline = (await web.http.get("/v1/shipments/R/scans")).json()
    assert [(s["status_code"], s["status_name"]) for s in timeline] == [(5, "InTransit"), (8, "Delivered")]
    calls = (await web.http.get("/v1/shipments/R/attempts")).json()["attempts"]
    assert [c["url"][-1] for c in calls] == ["0", "1"]


async def a_tracked_shipment(web: Web) -> None:
    """A placed shipment with a failed delivery whose expected date has passed."""
    await add(web.store, "R")
    await place(web.store, "R", "AWB1")
    body = webhook("AWB1", 9, T0 + timedelta(hours=5), remark="nobody at home")
    body["additional"] |= {"ndr_status_code": 1, "courier_partner_edd": "2026-11-03"}
    changed = webhook("AWB1", 6, T0 + timedelta(hours=4))
    changed["additional"]["courier_partner_edd"] = "2026-11-02"
    async with web.store.write() as session:
        at = T0 + timedelta(hours=6)
        await inbox.add(
            session, [delivery(str(n), received_at=at, body=as_body(b)) for n, b in enumerate((body, changed))]
        )
    web.clock.forward(hours=7)
    await apply_due(store=web.store, clock=web.clock, policy=ApplyPolicy(zone=INDIA))
    web.clock.forward(hours=70)


async def test_a_shipment_shows_everything_known_from_tracking(web: Web) -> None:
    await a_tracked_shipment(web)
    shown = (await web.http.get("/v1/shipments/R")).json()
    whole = T0.replace(microsecond=0)

    def after(hours: float) -> str:
        return (whole + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")

    milestones = {name: at for name, at in shown["milestones"].items() if at}
    assert milestones == {
        "placed_at": "2026-11-02T06:30:00.123456Z",
        "picked_up_at": after(4),
        "out_for_delivery_at": after(4),
        "failed_delivery_at": after(5),
        "delayed_at": "2026-11-03T18:30:00Z",  # the end of the expected day in India
    }
    assert shown["delivery_attempt_count"] == 1
    assert [(a["began_at"], a["ended_at"], a["ndr_name"]) for a in shown["delivery_attempts"]] == [
        (after(4), after(5), "Customer Unavailable")
    ]
    assert shown["ndr"] == [
        {"at": after(5), "ndr_code": 1, "ndr_name": "Customer Unavailable", "remark": "nobody at home"}
    ]
    assert (shown["npr"], shown["npr_code"]) == ([], None)
    assert (shown["edd"], [p["edd"] for p in shown["edd_history"]]) == ("2026-11-03", ["2026-11-02", "2026-11-03"])
    assert (shown["stuck_since"], shown["sla_breached"], shown["ndr_code"]) == (after(5), True, 1)
    changed = (await web.http.get("/v1/shipments")).json()["shipments"][0]
    assert (changed["stuck_since"], changed["sla_breached"]) == (after(5), True)


async def test_a_shipment_shows_its_pieces_its_returns_and_unpublished_codes(web: Web) -> None:
    await add(web.store, "R")
    await place(web.store, "R", "AWB1", children=("AWB1-1", "AWB1-2"))
    unknown = webhook("AWB1", 43, T0, remark="")
    unknown["clickpost_status_description"] = "RiderAllocated"
    unknown["additional"] = {}
    lost = webhook("AWB1-2", 16, T0 + timedelta(hours=1))
    failed = webhook("AWB1-1", 9, T0 + timedelta(hours=1))
    failed["additional"] |= {"ndr_status_code": 77, "ndr_status_description": "OTP Mismatch"}
    async with web.store.write() as session:
        bodies = (unknown, lost, failed, asked_for())
        rows = [delivery(str(n), received_at=NOW, body=as_body(body)) for n, body in enumerate(bodies)]
        await inbox.add(session, rows)
    web.clock.now = NOW
    await apply_due(store=web.store, clock=web.clock, policy=ApplyPolicy(zone=INDIA))
    shown = (await web.http.get("/v1/shipments/R")).json()
    assert (shown["status"]["code"], shown["status"]["name"]) == (43, "RiderAllocated")
    assert (shown["ndr_code"], shown["ndr_name"]) == (77, "OTP Mismatch")
    assert [(p["waybill"], p["status"]["name"], p["exception"]) for p in shown["pieces"]] == [
        ("AWB1-1", "FailedDelivery", "failed_delivery"),
        ("AWB1-2", "Lost", "lost"),
    ]
    assert shown["pieces"][0]["ndr"][0]["ndr_name"] == "OTP Mismatch"
    (requested,) = shown["returns"]
    assert (requested["kind"], requested["name"], requested["return_reference_number"], requested["self_shipped"]) == (
        "return.placed",
        "Return Request Placed",
        "RE1",
        False,
    )
    assert requested["items"][0]["sku"] == "367877"
    scans_shown = (await web.http.get("/v1/shipments/R/scans")).json()
    assert [(s["piece"], s["status_name"], s["ndr_name"]) for s in scans_shown] == [
        (None, "RiderAllocated", ""),
        (2, "Lost", ""),
        (1, "FailedDelivery", "OTP Mismatch"),
        (None, "Return Request Placed", ""),
    ]
    for which in ("ndr", "piece_exception"):
        listed = (await web.http.get("/v1/shipments", params={which: True})).json()["shipments"]
        assert [s["reference_number"] for s in listed] == ["R"]
