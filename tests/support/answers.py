"""Customers' answers for the tests of steps, API and pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from awbridge.domain.customer_page.answer_form import read_form
from awbridge.domain.customer_page.answer_rules import read_rules
from awbridge.domain.customer_page.answers import CustomerAnswer
from awbridge.steps.customer_page import answers as steps
from awbridge.steps.customer_page.answers import AnswerPolicy, Received
from awbridge.store import Store
from awbridge.store.customer_page import answers
from tests.steps.notify.test_notify import hear
from tests.support.notices import a_customer, a_payload
from tests.support.world import SetClock, webhook

DIGITS = "4321"  # the end of the phone number below
PHONE = "9000004321"


def policy(rules: str = "") -> AnswerPolicy:
    return AnswerPolicy(rules=read_rules(rules))


async def failed_delivery(
    store: Store, clock: SetClock, name: str = "R-1", waybill: str = "AWB1", *, ndr: int = 1
) -> None:
    """A parcel that nobody took."""
    payload = a_payload(name)
    payload["drop_info"]["drop_phone"] = PHONE
    await a_customer(store, name, waybill, payload=payload)
    clock.forward(minutes=1)
    await hear(store, clock, webhook(waybill, 9, clock.now, additional={"ndr_status_code": ndr}))


async def scanned(store: Store, clock: SetClock, code: int, waybill: str = "AWB1") -> None:
    """A later scan of that parcel."""
    clock.forward(minutes=5)
    await hear(store, clock, webhook(waybill, code, clock.now))


async def given(
    store: Store,
    clock: SetClock,
    name: str = "R-1",
    *,
    rules: str = "",
    digits: str = DIGITS,
    waybill: str = "",
    **fields: str,
) -> Received:
    """The customer's answer, as the page hands it on; by default: deliver again, the day after tomorrow."""
    entered: dict[str, Any] = {"kind": "deliver_again", "digits": digits, **fields}
    if entered["kind"] in ("deliver_again", "new_phone", "new_address"):
        entered.setdefault("day", (policy().today(clock()) + timedelta(days=2)).isoformat())
    form = read_form(entered, today=policy().today(clock()), country="IN")
    return await steps.receive(
        store=store, clock=clock, policy=policy(rules), reference_number=name, waybill=waybill, form=form
    )


async def stored(store: Store, name: str = "R-1") -> list[CustomerAnswer]:
    """The answers to a shipment, oldest first."""
    async with store.read() as session:
        return (await answers.of_shipments(session, [name])).get(name, [])
