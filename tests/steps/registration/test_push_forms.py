"""Every form of order, pushed to a simulated ClickPost: what comes back is kept whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal

import pytest

from awbridge import AsyncClickPost
from awbridge.clickpost.models import Consignment, Exchange, Goods, Invoice, Parcel, Party, Payment
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region, State
from awbridge.sandbox import Sandbox, SandboxConfig, running
from awbridge.steps.orders import intake
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.audit.attempts import Attempt
from awbridge.store.orders import waybills
from tests.support.world import SetClock, attempts_of, get

PUNE = Party(name="Tea", phone="8000000001", address="4", city="Pune", state="Maharashtra", postal_code="411001")
DELHI = Party(name="A Customer", phone="8000000002", address="12", city="Delhi", state="Delhi", postal_code="110001")
DUBAI = Party(name="A Customer", phone="8000000002", address="12", city="Dubai", postal_code="00000", country="AE")
BOX = Parcel(length_cm=10, breadth_cm=12, height_cm=4, weight_g=350)
CONFIG = SandboxConfig(odd_answers=0)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(CONFIG) as server:
        yield server


def account_of(courier: int) -> str:
    return next(a.account_code for a in CONFIG.accounts if a.courier_partner_id == courier)


def consignment(reference: str, courier: int = 4, **changes: object) -> Consignment:
    facts: dict[str, object] = {
        "courier_partner_id": courier,
        "account_code": account_of(courier),
        "reference_number": reference,
        "sender": PUNE,
        "receiver": DELHI,
        "goods": (Goods(sku="TEA-1", description="Tea", price=Decimal("499"), quantity=1),),
        "parcel": BOX,
        "invoice": Invoice(number="INV-1", day=date(2026, 11, 2), value=Decimal("499")),
    }
    return Consignment.model_validate(facts | changes)


def pieces() -> tuple[Goods, ...]:
    return tuple(
        Goods(sku=f"TEA-{n}", description="Tea", price=Decimal("499"), quantity=1, parcel=BOX) for n in (1, 2, 3)
    )


FORMS: dict[str, tuple[JsonObject, Region]] = {
    "forward": (consignment("SPS").to_payload(Region.INDIA), Region.INDIA),
    "cash on delivery": (consignment("COD", payment=Payment.cod("499")).to_payload(Region.INDIA), Region.INDIA),
    "several pieces": (
        consignment("MPS", goods=pieces(), multi_piece=True, extra={"shipment_type": "MPS"}).to_payload(Region.INDIA),
        Region.INDIA,
    ),
    "return": (
        consignment("RVP", 25, sender=DELHI, receiver=PUNE, return_reason="Too green").to_payload(Region.INDIA),
        Region.INDIA,
    ),
    "world": (consignment("V4", receiver=DUBAI).to_payload(Region.WORLD), Region.WORLD),
}


def answered_sort_code(calls: Sequence[Attempt]) -> str | None:
    """The sort code in the raw answer, read without the client."""
    return json.loads(calls[-1].response)["result"].get("sort_code") or None


async def push(store: Store, sandbox: Sandbox, payload: JsonObject, region: Region) -> None:
    clock = SetClock()
    await intake.take_in(store=store, clock=clock, orders=[{**payload, "region": region.value}])
    async with AsyncClickPost(username="sandbox", key="sandbox-key", url=sandbox.url) as clickpost:
        assert await push_due(store=store, clickpost=clickpost, clock=clock, policy=PushPolicy()) == 1


@pytest.mark.parametrize("form", FORMS)
async def test_an_order_of_any_form_is_placed_and_kept_whole(store: Store, sandbox: Sandbox, form: str) -> None:
    payload, region = FORMS[form]
    await push(store, sandbox, payload, region)
    (theirs,) = sandbox.registry.orders.values()
    ours = await get(store, theirs.reference_number)
    assert (ours.state, ours.waybill, ours.region) == (State.PLACED, theirs.waybill, region)
    assert (ours.courier_partner_id, ours.account_code) == (theirs.cp_id, theirs.account.account_code)
    assert ours.difference is None
    assert ours.security_key == theirs.security_key
    assert ours.sort_code == answered_sort_code(await attempts_of(store, theirs.reference_number))
    assert bool(ours.label_url) == theirs.has_label
    assert ours.children == tuple(theirs.children)
    async with store.read() as session:
        kept = await waybills.pieces(session, ours)
    assert [piece.waybill for piece in kept] == list(theirs.children)


async def test_each_piece_has_a_waybill_that_leads_to_the_shipment(store: Store, sandbox: Sandbox) -> None:
    await push(store, sandbox, *FORMS["several pieces"])
    ours = await get(store, "MPS")
    assert len(ours.children) >= 2
    async with store.read() as session:
        known = await waybills.find(session, list(ours.children))
    assert {k.reference_number for found in known.values() for k in found} == {"MPS"}


async def test_an_exchange_is_placed_in_the_flat_form(store: Store, sandbox: Sandbox) -> None:
    exchange = consignment("EX", 25, sender=DELHI, receiver=PUNE, exchange=Exchange(), reverse=True)
    await push(store, sandbox, exchange.to_payload(Region.INDIA), Region.INDIA)
    ours = await get(store, "EX")
    assert (ours.state, ours.delivery_type) == (State.PLACED, "RVP")
