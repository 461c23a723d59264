"""What couriers are called in ClickPost's tables: by the company's own accounts, and by what ClickPost lists."""

from __future__ import annotations

from awbridge.clickpost.reports.vocabulary import CourierNames, KnownCourier
from awbridge.store.couriers import couriers
from awbridge.store.engine.database import Session


async def courier_names(session: Session) -> CourierNames:
    """Names of couriers, as they are known now."""
    known = [KnownCourier(*account) for account in await couriers.listed(session)]
    for account in await couriers.every(session):
        names = (account.transporter, account.name)
        known += [KnownCourier(account.courier_partner_id, name, account.account_code or "") for name in names]
    return CourierNames(known)
