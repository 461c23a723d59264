"""The courier accounts that ClickPost keeps for a company: the source of the transporter mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awbridge.clickpost.wire import Reply, as_bool, as_id, as_int, as_list, as_object, as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAccount:
    """One account with one courier. The id together with the account code is its key; the name is a convenience."""

    courier_partner_id: int
    courier_name: str
    account_code: str
    active: bool


def parse_fetch_accounts(reply: Reply) -> list[VendorAccount]:
    """The accounts in an answer of fetch-accounts; entries without courier id or account code are left out."""
    accounts = as_list(as_object(reply.result).get("accounts")) or as_list(as_object(reply.body).get("accounts"))
    return [account for entry in accounts or as_list(reply.result) if (account := _account(as_object(entry)))]


def _account(entry: dict[str, Any]) -> VendorAccount | None:
    courier = as_int(entry.get("courier_partner_id"))
    code = as_id(entry.get("account_code"))
    if courier is None or not code:
        return None
    active = as_bool(entry.get("account_active", entry.get("active")))
    return VendorAccount(
        courier_partner_id=courier,
        courier_name=as_text(entry.get("courier_name")),
        account_code=code,
        active=active is not False,
    )
