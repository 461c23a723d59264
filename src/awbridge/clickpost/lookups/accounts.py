"""The courier accounts that ClickPost has for a company: the source of the transporter mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from awbridge.clickpost.wire.lenient_json import Reply, as_bool, as_id, as_int, as_object, as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAccount:
    """A courier account. Its key is the courier's id with the account code; the name is informative."""

    courier_partner_id: int
    courier_name: str
    account_code: str
    active: bool


class VendorAccounts(list[VendorAccount]):
    """Accounts as ClickPost lists them. `unread`: the number of entries left out because they have no courier id or no
    account code; 1 if the answer holds no list."""

    unread: int = 0


def parse_fetch_accounts(reply: Reply) -> VendorAccounts:
    """The accounts in an answer of fetch-accounts, and the number of unreadable entries."""
    places = [place["accounts"] for place in (as_object(reply.result), as_object(reply.body)) if "accounts" in place]
    is_null = bool(places) and all(place is None for place in places)
    listed = next((cast("list[Any]", place) for place in (*places, reply.result) if isinstance(place, list)), None)
    read = [_account(as_object(entry)) for entry in listed or ()]
    accounts = VendorAccounts(account for account in read if account)
    accounts.unread = 1 if listed is None and not is_null else len(read) - len(accounts)
    return accounts


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
