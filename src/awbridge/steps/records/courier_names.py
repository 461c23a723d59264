"""The names of couriers in ClickPost's tables: those of the configured accounts and those that ClickPost lists."""

from __future__ import annotations

from awbridge.clickpost.reports.report_words import CourierNames, KnownCourier
from awbridge.store.couriers import couriers
from awbridge.store.engine.database import Session


async def courier_names(session: Session) -> CourierNames:
    """The names of all known couriers."""
    known = [KnownCourier(*account) for account in await couriers.listed(session)]
    for account in await couriers.every(session):
        names = (account.transporter, account.name)
        known += [KnownCourier(account.courier_partner_id, name, account.account_code or "") for name in names]
    return CourierNames(known)
