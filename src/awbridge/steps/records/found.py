"""An order that ClickPost turned out to hold when it was asked: kept and told as if push had placed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from awbridge.clickpost.orders.create import placed_differences
from awbridge.domain.notify import events as happened
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Shipment
from awbridge.steps.records.place import place
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import Placing


async def keep_found(session: Session, shipment: Shipment, placed: Placed, *, ask_at: datetime, now: datetime) -> None:
    """ClickPost holds this shipment: keep its waybill, tell of it, and cancel it there where somebody asked for that.

    `ask_at`: when tracking is asked for it.
    Nothing changes where another had learnt of it already.
    """
    rows = await dispatch.lock(session, [shipment.reference_number])
    row = rows.get(shipment.reference_number)
    if row is None or row.success:
        return
    placing = Placing(
        shipment=shipment,
        placed=placed,
        difference="; ".join(placed_differences(shipment, placed)) or None,
        next_poll_at=ask_at,
    )
    await place(session, [placing], now=now)
    holder = replace(shipment, courier_partner_id=placing.courier)  # which may be another than was asked
    if placing.is_news:
        told = happened.placed(holder, placed.waybill, label_url=placed.label_url, now=now)
        await events.write(session, [told], now=now)
    if row.cancel_is_asked:
        await shipments.cancel(session, shipment.reference_number, now=now)
