"""Retrying, cancelling and settling shipments over HTTP."""

from __future__ import annotations

from awbridge.domain.orders.shipment import State
from awbridge.store import Store
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import NotPlaced
from tests.support.app import Web, problem
from tests.support.rows import T0, add, claim_in, place, sql
from tests.support.world import an_order


async def end_in(store: Store, reference: str, state: State) -> None:
    async with store.write() as session:
        await claim_in(session, owner="w", until=T0)
        not_placed = NotPlaced(state=state, no_of_retries=3, problem="bad", next_try_at=None)
        await dispatch.not_placed(session, [(reference, "w", not_placed)], now=T0)


async def test_a_retry_starts_over_or_says_why_not(web: Web) -> None:
    await add(web.store, "R")
    assert "R is ready" in problem(await web.http.post("/v1/shipments/R/retry"), 409)["detail"]
    await end_in(web.store, "R", State.GAVE_UP)
    shown = (await web.http.post("/v1/shipments/R/retry")).json()
    assert (shown["state"], shown["no_of_retries"], shown["problem"]) == ("ready", 0, None)


async def test_a_cancellation_is_immediate_unless_clickpost_holds_the_shipment(web: Web) -> None:
    await add(web.store, "A", "B")
    await place(web.store, "B", "AWB1")
    assert (await web.http.post("/v1/shipments/A/cancel")).json()["state"] == "cancelled"
    requested = (await web.http.post("/v1/shipments/B/cancel")).json()
    assert requested["state"] == "placed"
    assert requested["cancel_requested_at"]


async def test_a_shipment_that_may_be_placed_is_settled(web: Web) -> None:
    await web.http.post("/v1/shipments", json=[an_order("R/1"), an_order("S")])
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": False}), 409)
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET maybe_placed = TRUE, state = 'gave_up', sent_at = created_at"))
    assert (await web.http.get("/v1/shipments/S")).json()["maybe_placed"] is True
    problem(await web.http.post("/v1/shipments/R/1/replace"), 409)
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": True}), 422)
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": True, "waybill": "#N/A"}), 422)
    problem(await web.http.post("/v1/shipments/NONE/settle", json={"held": False}), 404)
    held = (await web.http.post("/v1/shipments/R/1/settle", json={"held": True, "waybill": "AWB1"})).json()
    assert (held["state"], held["waybill"], held["maybe_placed"], held["settled_by"]) == (
        "placed",
        "AWB1",
        False,
        "api",
    )
    not_held = (await web.http.post("/v1/shipments/S/settle", json={"held": False})).json()
    assert (not_held["state"], not_held["maybe_placed"]) == ("gave_up", False)
    assert "nothing is held at ClickPost, according to api" in not_held["problem"]
