"""One of each thing that a path of the API may name."""

from __future__ import annotations

from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, reconcile_due
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store.tracking import inbox
from tests.support.answers import given
from tests.support.app import Web
from tests.support.evidence_rows import call, keep
from tests.support.rows import MINUTE, T0, add, delivery, place
from tests.support.world import INDIA, an_order, as_body, webhook


async def one_of_each(web: Web, number: int) -> dict[str, str]:
    """A shipment with a timeline and everything else a path may name: parameter -> value."""
    http, reference, waybill = web.http, f"R/{number}", f"4{number:012}"
    await add(web.store, reference, payload=an_order(reference), transporter="T")
    await place(web.store, reference, waybill)
    await keep(web.store, call(reference), reference=reference)
    failed = webhook(waybill, 9, T0 + MINUTE, remark="nobody at home")
    failed["additional"] |= {"ndr_status_code": 1, "npr_status_code": 2, "courier_partner_edd": "2026-11-03"}
    async with web.store.write() as session:
        await inbox.add(session, [delivery(reference, received_at=T0 + 2 * MINUTE, body=as_body(failed))])
    web.clock.now = max(web.clock.now, T0 + 3 * MINUTE)  # the delivery is due
    assert await apply_due(store=web.store, clock=web.clock, policy=ApplyPolicy(zone=INDIA))
    answer = (await given(web.store, web.clock, reference, digits="0000")).answer
    assert answer
    assert (await http.put("/v1/couriers/T", json={"courier_partner_id": 4, "account_code": "a"})).status_code == 200
    downtime = {"courier_partner_id": 4, "from_at": "2999-11-01", "to_at": "2999-11-02"}
    endpoint = await http.post("/v1/endpoints", json={"url": "https://8.8.8.8/hook"})
    file = f"AWB,Status\n{waybill},Delivered\n5{number:012},Delivered\n".encode()
    run = (await http.post("/v1/reconciliations", params={"name": "r-2026-11-02.csv"}, content=file)).json()["id"]
    policy = ReconcilePolicy(zone=INDIA)
    assert await reconcile_due(store=web.store, clickpost=None, clock=web.clock, policy=policy, only=int(run))
    found = (await http.get(f"/v1/reconciliations/{run}/differences")).json()["differences"]
    return {
        "reference_number": reference,
        "transporter": "T",
        "action_id": (await http.post(f"/v1/shipments/{reference}/label")).json()["id"],
        "answer_id": answer.id,
        "print_id": "1",  # labels are printed only where a label can be fetched
        "number": (await http.post("/v1/downtimes", json=downtime)).json()["id"],
        "endpoint_id": endpoint.json()["id"],
        "reconciliation_id": run,
        "difference_id": found[0]["id"],
        "report_id": "failures-2026-11-02-own",
        "key_id": (await http.post("/v1/keys", json={"name": f"program {number}", "role": "viewer"})).json()["id"],
    }
