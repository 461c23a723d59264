"""An order as another courier account would carry it."""

from __future__ import annotations

from awbridge.clickpost.orders.create import successor
from awbridge.domain.orders.shipment import NewShipment, Shipment
from awbridge.store.couriers.couriers import CourierAccount


def under_account(shipment: Shipment, account: CourierAccount, *, reference_number: str | None = None) -> NewShipment:
    """The order under this account, and a new reference number if one is given.

    Raises PayloadRefused where the account's courier does not accept it.
    """
    return successor(
        shipment,
        reference_number=reference_number or shipment.reference_number,
        transporter=account.transporter,
        courier_partner_id=account.courier_partner_id,
        account_code=account.account_code,
    )
