"""`awbridge couriers`: the mapping of your transporters to ClickPost's courier accounts."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from awbridge.cli.shared import as_json_option, plain, print_json, print_table, with_store, with_vendor
from awbridge.clickpost.accounts import VendorAccount
from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.domain.errors import AwbridgeError
from awbridge.steps.clock import utc_now
from awbridge.store import Store, couriers
from awbridge.store.couriers import CourierAccount


@click.group("couriers")
def couriers_group() -> None:
    """The mapping of your transporters to ClickPost's courier accounts."""


@couriers_group.command("list")
@as_json_option
def list_couriers(as_json: bool) -> None:
    """List transporters and the courier accounts they are mapped to.

    Example: awbridge couriers list
    """

    async def go(store: Store) -> list[CourierAccount]:
        async with store.read() as session:
            return await couriers.every(session)

    rows = [plain(a) for a in with_store(go)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="no transporters yet; add some with awbridge couriers import or sync")


@couriers_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_couriers(file: Path) -> None:
    """Import transporters from a CSV: transporter, courier_partner_id, account_code, name, active.

    Example: awbridge couriers import couriers.csv
    """
    accounts = _read_couriers(file)

    async def go(store: Store) -> None:
        async with store.write() as session:
            await couriers.put(session, accounts, now=utc_now())

    with_store(go)
    click.echo(f"{len(accounts)} transporters imported")


def _read_couriers(file: Path) -> list[CourierAccount]:
    accounts: list[CourierAccount] = []
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        for row in rows:
            place = f"{file.name}, line {rows.line_num}"
            transporter, courier = (row.get("transporter") or "").strip(), (row.get("courier_partner_id") or "").strip()
            if not transporter or not courier.isdecimal():
                raise AwbridgeError(
                    f"{place}: transporter and courier_partner_id (a number) are needed; nothing imported"
                )
            active = (row.get("active") or "true").strip().lower()
            if active not in ("true", "false", "1", "0", "yes", "no"):
                raise AwbridgeError(f"{place}: active must be true or false; nothing imported")
            accounts.append(
                CourierAccount(
                    transporter=transporter,
                    courier_partner_id=int(courier),
                    account_code=(row.get("account_code") or "").strip() or None,
                    name=(row.get("name") or "").strip(),
                    active=active in ("true", "1", "yes"),
                )
            )
    return accounts


@couriers_group.command("sync")
@click.option("--apply", "really", is_flag=True, help="Write the difference; without it, only show it.")
@as_json_option
def sync_couriers(really: bool, as_json: bool) -> None:
    """Compare with the accounts that ClickPost has for you; shows the difference first.

    A new account's transporter is named after its account code.

    Example: awbridge couriers sync --apply
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> list[tuple[str, CourierAccount]]:
        theirs = [*await clickpost.fetch_accounts(active=True), *await clickpost.fetch_accounts(active=False)]
        async with store.read() as session:
            mine = await couriers.every(session)
        changes = _courier_changes(mine, theirs)
        if really and changes:
            async with store.write() as session:
                await couriers.put(session, [account for _, account in changes], now=utc_now())
        return changes

    changed = with_vendor(go)
    if as_json:
        print_json([{"change": change, **plain(account)} for change, account in changed])
        return
    for change, account in changed:
        click.echo(f"{change}: {account.transporter} -> {account.courier_partner_id} {account.account_code or ''}")
    if not changed:
        click.echo("nothing to change")
    elif not really:
        click.echo("nothing written; add --apply to write this")


def _courier_changes(
    mine: Sequence[CourierAccount], theirs: Sequence[VendorAccount]
) -> list[tuple[str, CourierAccount]]:
    by_account = {(a.courier_partner_id, a.account_code): a for a in mine}
    names = {a.transporter for a in mine}
    changes: list[tuple[str, CourierAccount]] = []
    for account in {(a.courier_partner_id, a.account_code): a for a in theirs}.values():
        known = by_account.pop((account.courier_partner_id, account.account_code), None)
        if known is None:
            name = account.account_code or account.courier_name
            name = name if name not in names else f"{name} ({account.courier_partner_id})"
            names.add(name)
            new = CourierAccount(
                transporter=name,
                courier_partner_id=account.courier_partner_id,
                account_code=account.account_code,
                name=account.courier_name,
                active=account.active,
            )
            changes.append(("new", new))
        elif known.active != account.active:
            word = "switched on" if account.active else "switched off at ClickPost"
            changes.append((word, dataclasses.replace(known, active=account.active)))
    gone = (a for a in by_account.values() if a.active)
    return [*changes, *(("vanished at ClickPost", dataclasses.replace(a, active=False)) for a in gone)]
