"""Endpoints, notices, opt-outs and alarms over HTTP."""

from __future__ import annotations

from typing import Any

from awbridge.domain.notify.notices import Channel
from awbridge.store import Store
from awbridge.store.notify import alarms, opt_outs
from tests.steps.notify.test_notify import hear
from tests.support.app import Web
from tests.support.notices import Kept, a_customer, notify
from tests.support.rows import T0
from tests.support.world import webhook

URL = "https://8.8.8.8/hook"


async def test_notices_show_why_a_customer_did_or_did_not_receive_a_message(web: Web) -> None:
    await a_customer(web.store, "A/1", "AWB1")
    await hear(web.store, web.clock, webhook("AWB1", 6, T0))
    waiting = (await web.http.get("/v1/shipments/A/1/notices")).json()
    assert waiting[0]["why"] == "its notices are about to be created"
    await notify(web.store, {Channel.SMS: Kept(), Channel.WHATSAPP: Kept()}, web.clock)
    (milestone,) = (await web.http.get("/v1/shipments/A/1/notices")).json()
    assert milestone["milestone"] == "out_for_delivery"
    notices = {n["channel"]: (n["state"], n["why"]) for n in milestone["notices"]}
    assert notices["sms"] == (
        "sent",
        "sent: the shipment reached out_for_delivery, 0 min ago; consent: set in AWBRIDGE_NOTICE_CONSENT",
    )
    assert notices["whatsapp"][0] == "suppressed"
    assert (await web.http.get("/v1/shipments/NONE/notices")).status_code == 404


async def test_the_life_cycle_of_an_endpoint(web: Web) -> None:
    answer = await web.http.post("/v1/endpoints", json={"url": URL, "kinds": ["delivered"]})
    assert answer.status_code == 201
    added = answer.json()
    assert added["secret"].startswith("whsec_")
    path = f"/v1/endpoints/{added['id']}"
    (listed,) = (await web.http.get("/v1/endpoints")).json()
    assert "secret" not in listed
    assert (listed["url"], listed["kinds"], listed["enabled"]) == (URL, ["delivered"], True)
    rotated = (await web.http.post(f"{path}/rotate")).json()
    assert rotated["secret"] != added["secret"]
    assert (await web.http.post(f"{path}/enable")).json()["enabled"]
    assert not (await web.http.post(f"{path}/disable")).json()["enabled"]
    assert (await web.http.post(f"{path}/enable")).json()["enabled"]
    await a_customer(web.store, "R", "AWB1")
    await hear(web.store, web.clock, webhook("AWB1", 8, T0))
    (delivery,) = (await web.http.get(f"{path}/deliveries")).json()
    assert (delivery["kind"], delivery["state"], delivery["reference_number"]) == ("delivered", "due", "R")
    again = await web.http.post(f"{path}/redeliver", json={"event_ids": [delivery["event_id"]]})
    assert (again.status_code, again.json()) == (202, {"due": 1})
    assert (await web.http.post(f"{path}/redeliver", json={})).json() == {"due": 0}
    assert (await web.http.post(f"{path}/redeliver", json={"event_ids": ["7"]})).status_code == 404
    for since in ("2999-01-01", "1000-01-01"):
        assert (await web.http.post(f"{path}/replay", json={"since": since})).json() == {"due": 0}
    replayed = await web.http.post(f"{path}/replay", json={"since": "2020-01-01"})
    assert (replayed.status_code, replayed.json()) == (202, {"due": 0}), "its id is of the machine's time, after T0"
    changed = await web.http.put(path, json={"url": f"{URL}/new"})
    assert (changed.json()["url"], changed.json()["kinds"], "secret" in changed.json()) == (f"{URL}/new", [], False)
    assert (await web.http.put(path, json={"url": "https://127.0.0.1/"})).status_code == 422
    assert (await web.http.delete(path)).status_code == 204
    assert (await web.http.put(path, json={"url": URL})).status_code == 404
    assert (await web.http.post(f"{path}/replay", json={"since": "2020-01-01"})).status_code == 404
    for method, tail in (
        ("POST", "/rotate"),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("GET", "/deliveries"),
        ("DELETE", ""),
    ):
        assert (await web.http.request(method, path + tail)).status_code == 404


async def test_a_private_address_is_refused(web: Web) -> None:
    for url in ("https://127.0.0.1/x", "http://8.8.8.8/x", "nonsense"):
        answer = await web.http.post("/v1/endpoints", json={"url": url})
        assert answer.status_code == 422
    assert "https" in answer.json()["title"]
    assert (await web.http.get("/v1/endpoints/abc/deliveries")).status_code == 404
    assert (await web.http.post("/v1/endpoints", json={"url": URL, "kinds": ["nosuch"]})).status_code == 422


async def is_opted_out(store: Store, address: str, channel: Channel) -> bool:
    async with store.read() as session:
        return await opt_outs.opted_out(session, address, channel)


async def test_opting_out_and_in(web: Web) -> None:
    body: dict[str, Any] = {"address": "090000 00000"}
    assert (await web.http.post("/v1/opt-outs", json=body)).status_code == 204
    assert await is_opted_out(web.store, "+919000000000", Channel.SMS)
    only_mail = {"address": "a@example.com", "channel": "mail"}
    assert (await web.http.post("/v1/opt-outs", json=only_mail)).status_code == 204
    assert not await is_opted_out(web.store, "a@example.com", Channel.SMS)
    assert (await web.http.post("/v1/opt-outs/remove", json=body)).status_code == 204
    assert (await web.http.post("/v1/opt-outs/remove", json=body)).status_code == 404
    assert (await web.http.post("/v1/opt-outs", json={"address": "not a number"})).status_code == 422


async def test_alarms_are_listed(web: Web) -> None:
    async with web.store.write() as session:
        await alarms.raise_(session, "disk", "the disk is full", now=T0)
        await alarms.raise_(session, "gave_up", "1 shipments exhausted their retries", now=T0)
        await alarms.clear(session, "gave_up", now=T0)
    assert [a["cause"] for a in (await web.http.get("/v1/alarms")).json()] == ["disk"]
    assert len((await web.http.get("/v1/alarms", params={"everything": True})).json()) == 2
