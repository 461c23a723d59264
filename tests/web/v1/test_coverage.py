"""GET /v1/coverage, the silent shipments, and asking for one by hand."""

from __future__ import annotations

from datetime import timedelta

from awbridge.domain.tracking.scan import Source
from awbridge.store import Store
from awbridge.store.notify import alarms
from awbridge.store.orders import shipments
from awbridge.store.polling import arrivals
from awbridge.store.polling.arrivals import Arrival
from tests.support.app import Web
from tests.support.rows import T0, add, place
from tests.support.world import get


async def silent(store: Store, *references: str) -> None:
    for reference in references:
        await add(store, reference)
        await place(store, reference, f"AWB-{reference}")
    later = T0 + timedelta(days=50)
    async with store.write() as session:
        assert await shipments.age_out(session, now=later, silent_since=later - timedelta(days=45), limit=9)


async def test_coverage_is_shown(web: Web) -> None:
    async with web.store.write() as session:
        await arrivals.count(session, [Arrival(web.clock.now, 4, Source.WEBHOOK, deliveries=4, scans=3)])
        await arrivals.count(session, [Arrival(web.clock.now, 4, Source.TRACK_ORDER, deliveries=1, scans=1)])
        await alarms.raise_(session, "webhooks.silent", "silent", now=T0)
    shown = (await web.http.get("/v1/coverage")).json()
    told = {"courier_partner_id": 4, "by_webhook": 3, "by_polling": 1, "webhook_share": 0.75}
    assert (shown["last_day"], shown["last_hour"]) == ([told], [told])
    assert (shown["webhook_silence_seconds"], shown["covered_until"]) == (0.0, None)
    assert set(shown["alarms"]) == {"webhooks.silent"}
    metrics = (await web.http.get("/metrics")).text
    assert 'awbridge_webhook_share{courier="4"} 0.75' in metrics
    assert "awbridge_webhooks_silent 1.0" in metrics


async def test_silent_shipments_are_listed_page_by_page_and_can_be_asked_for(web: Web) -> None:
    await silent(web.store, "A", "B", "C")
    await add(web.store, "NEW")
    first = (await web.http.get("/v1/shipments", params={"silent": True, "limit": 2})).json()
    rest = (await web.http.get("/v1/shipments", params={"silent": True, "cursor": first["next"]})).json()
    assert [s["reference_number"] for s in first["shipments"] + rest["shipments"]] == ["C", "B", "A"]
    assert rest["next"] is None
    asked = (await web.http.post("/v1/shipments/B/ask")).json()
    assert asked["aged_out_at"] is None
    left = (await web.http.get("/v1/shipments", params={"silent": True})).json()["shipments"]
    assert [s["reference_number"] for s in left] == ["C", "A"]
    assert (await get(web.store, "B")).aged_out_at is None


async def test_what_cannot_be_asked_for_is_told(web: Web) -> None:
    await add(web.store, "NEW")
    assert (await web.http.post("/v1/shipments/NEW/ask")).status_code == 409
    assert (await web.http.post("/v1/shipments/NONE/ask")).status_code == 404
