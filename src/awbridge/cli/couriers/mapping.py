"""`awbridge couriers`: the mapping of your transporters to ClickPost's courier accounts."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group, Lazy
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import on_store, with_store, with_vendor
from awbridge.domain.errors import CellDamaged, NotFound, NotPossible, TableUnreadable
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount, CourierWarning
from awbridge.tables.header import layout_by_names

if TYPE_CHECKING:
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.steps.couriers.sync_couriers import CourierComparison
    from awbridge.store import Store
    from awbridge.tables.table import Row, Table

COLUMNS = ("transporter", "courier_partner_id", "account_code", "name", "active", "fallback")
_NAMES: Mapping[str, Sequence[str]] = {
    "transporter": ("transporter",),
    "courier_partner_id": ("courier partner id", "courier partner", "cp id", "courier id"),
    "account_code": ("account code",),
    "name": ("name", "courier name"),
    "active": ("active",),
    "fallback": ("fallback",),
}
_LAYOUT = layout_by_names(_NAMES, ("transporter",))
_VIEW = "couriers:CourierView"
_PATIENCE = 1.0  # seconds that a completion may take
_IDS = ("courier_partner_id", "account_code")

_ELSEWHERE = (
    Lazy(
        "accounts",
        "couriers.accounts:list_accounts",
        "List the accounts that have or had shipments, and which are held.",
    ),
    Lazy("downtime", "couriers.downtimes:downtime_group", "Declared downtimes: shipments due meanwhile are held."),
    Lazy("rate", "couriers.accounts:set_rate", "Limit how many orders of one account go out a second."),
    Lazy(
        "reset",
        "couriers.accounts:reset_account",
        "End the incident of an account by hand.",
    ),
    Lazy("rules", "couriers.rules:rules_group", "Which transporter takes an order that names none."),
)


@click.group("couriers", cls=Group, commands=_ELSEWHERE)
def couriers_group() -> None:
    """The mapping of your transporters to ClickPost's courier accounts."""


def _complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The transporters that begin so; none where the database cannot be read at once."""

    async def go(store: Store) -> list[str]:
        async with asyncio.timeout(_PATIENCE), store.read() as session:
            return [account.transporter for account in await couriers.every(session)]

    try:
        return [name for name in with_store(go) if name.startswith(begun)]
    except Exception:  # a shell that completes shows no errors
        return []


@couriers_group.command("list")
@page_options(None)
@form_options
@on_store
async def list_couriers(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """List transporters, the courier accounts they are mapped to, and warnings of the last comparison.

    Example: awbridge couriers list
    """
    async with store.read() as session:
        accounts, warnings = await couriers.every(session), await couriers.warnings(session)
    texts = {a.transporter: [w.warning for w in warnings if w.transporter == a.transporter] for a in accounts}
    rows = [{**output.fields_of(a), "warning": "; ".join(texts[a.transporter]) or None} for a in accounts]
    part, page = output.whole(rows, limit=limit, cursor=cursor)
    empty = "no transporters yet; add some with awbridge couriers import or sync"
    output.show_list(part, form=form, view=_VIEW, empty=empty, page=page)
    if form == "text":
        _print_warnings([w for w in warnings if not w.transporter])


def _print_warnings(warnings: Sequence[CourierWarning]) -> None:
    for w in warnings:
        whose = w.transporter or f"courier {w.courier_partner_id}, to which no active transporter maps"
        click.echo(f"warning: {whose}: {w.warning}", err=True)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; an empty text removes a value."""
    given = {name: value for name, value in options.items() if value is not None}
    return {name: (value or None) if name in ("account_code", "fallback") else value for name, value in given.items()}


_account_code = click.option("--account-code", help='The account\'s code at ClickPost; "" for none.')
_name = click.option("--name", help="A name for display.")
_fallback = click.option(
    "--fallback",
    shell_complete=_complete,
    help='The transporter that takes over if this one cannot; "" for none.',
)
_active = click.option("--active/--inactive", default=None, help="Whether orders may name it.")


@couriers_group.command("add")
@click.argument("transporter")
@click.option("--courier-partner-id", required=True, type=click.IntRange(1, 2**31 - 1), help="ClickPost's cp_id.")
@_account_code
@_name
@_fallback
@_active
@form_options
@on_store
async def add_courier(store: Store, transporter: str, courier_partner_id: int, form: Form, **options: Any) -> None:
    """Add a transporter. It applies at once, without a restart.

    Example: awbridge couriers add delhivery --courier-partner-id 4 --account-code "Delhivery Surface"
    """
    async with store.read() as session:
        if await couriers.get(session, transporter):
            raise NotPossible(f"there is a transporter {transporter} already; change it with awbridge couriers set")
    account = CourierAccount(transporter=transporter, courier_partner_id=courier_partner_id, **_given(options))
    await courier_steps.put_couriers(store=store, clock=utc_now, accounts=[account])
    output.show_one(account, f"{transporter}: added", form=form, view=_VIEW)


@couriers_group.command("set")
@click.argument("transporter", shell_complete=_complete)
@click.option("--courier-partner-id", type=click.IntRange(1, 2**31 - 1), help="ClickPost's cp_id.")
@_account_code
@_name
@_fallback
@_active
@form_options
def set_courier(transporter: str, form: Form, **options: Any) -> None:
    """Change the given fields of a transporter. --inactive retires it: orders that name it are refused from then on.

    Example: awbridge couriers set delhivery --inactive
    """
    changes = _given(options)
    if not changes:
        raise click.UsageError("nothing to change: give at least one option")

    async def go(store: Store) -> CourierAccount:
        async with store.read() as session:
            known = await couriers.get(session, transporter)
        if known is None:
            raise NotFound(f"there is no transporter {transporter}")
        account = dataclasses.replace(known, **changes)
        await courier_steps.put_couriers(store=store, clock=utc_now, accounts=[account])
        return account

    account = with_store(go)
    state = "active" if account.active else "switched off"
    follows = f", fallback {account.fallback}" if account.fallback else ""
    text = f"{transporter}: {account.courier_partner_id} {account.account_code or ''}, {state}{follows}"
    output.show_one(account, text, form=form, view=_VIEW)


@couriers_group.command("remove")
@click.argument("transporters", nargs=-1, required=True, shell_complete=_complete)
@on_store
async def remove_couriers(store: Store, transporters: tuple[str, ...]) -> None:
    """Remove transporters. Shipments that named one keep their courier account.

    Example: awbridge couriers remove old-courier
    """
    for transporter in transporters:
        await courier_steps.remove_courier(store=store, transporter=transporter)
        click.echo(f"{transporter}: removed")


@couriers_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def import_couriers(file: Path, form: Form) -> None:
    """Import transporters from a table: transporter, courier_partner_id, account_code, name, active, fallback.

    Existing ones are changed. They keep their values for columns that the table does not have.

    Example: awbridge couriers import couriers.csv
    """

    from awbridge.tables.table import open_table

    table = open_table(file, file.name, _LAYOUT)

    async def go(store: Store) -> list[CourierAccount]:
        async with store.read() as session:
            known = {a.transporter: a for a in await couriers.every(session)}
        accounts = _read_couriers(table, known)
        await courier_steps.put_couriers(store=store, clock=utc_now, accounts=accounts)
        return accounts

    imported = with_store(go)
    output.print_notes(file.name, table.all_notes)
    if form == "text":
        click.echo(f"{len(imported)} transporters imported")
    else:
        output.show_list(imported, form=form, view=_VIEW)


def _read_couriers(table: Table, known: Mapping[str, CourierAccount]) -> list[CourierAccount]:
    accounts: dict[str, CourierAccount] = {}
    for row in table.rows():
        place = f"{table.name}, {row.place}"
        account = _read_courier(row, place, known)
        if account.transporter in accounts:
            raise TableUnreadable(f"{place}: {account.transporter} is used twice; nothing imported")
        accounts[account.transporter] = account
    if not accounts:
        raise TableUnreadable(f"{table.name}: holds no transporters, only columns; nothing imported")
    return list(accounts.values())


def _read_courier(row: Row, place: str, known: Mapping[str, CourierAccount]) -> CourierAccount:
    try:
        cells = {name: row.id(name) if name in _IDS else row.text(name) for name in COLUMNS if name in row.cells}
    except CellDamaged as problem:
        raise TableUnreadable(f"{place.removesuffix(row.place)}{problem}; nothing imported") from None
    transporter, courier = cells.get("transporter", ""), cells.get("courier_partner_id", "")
    if row.width_problem:
        raise TableUnreadable(f"{place}: {row.width_problem}; nothing imported")
    if not transporter or not (courier.isascii() and courier.isdecimal()) or not 0 < int(courier) < 2**31:
        raise TableUnreadable(f"{place}: transporter and courier_partner_id (a number) are needed; nothing imported")
    active = cells.get("active", "").lower()
    if active not in ("", "true", "false", "1", "0", "yes", "no"):
        raise TableUnreadable(f"{place}: active must be true or false; nothing imported")
    blank = CourierAccount(transporter=transporter, courier_partner_id=int(courier))
    changes: dict[str, Any] = {name: cells[name] or None for name in ("account_code", "fallback") if name in cells}
    if "name" in cells:
        changes["name"] = cells["name"]
    if active:
        changes["active"] = active in ("true", "1", "yes")
    return dataclasses.replace(known.get(transporter, blank), courier_partner_id=int(courier), **changes)


@couriers_group.command("export")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file; else standard output.")
@form_options
@on_store
async def export_couriers(store: Store, file: Path | None, form: Form) -> None:
    """Write the transporters as the CSV that import accepts.

    Example: awbridge couriers export --to couriers.csv
    """
    async with store.read() as session:
        accounts = await couriers.every(session)
    rows = [output.pick(a, COLUMNS) | {"active": "true" if a.active else "false"} for a in accounts]
    if form == "json":
        output.write_json(file, [output.pick(a, COLUMNS) for a in accounts])
    else:
        output.write_csv(file, COLUMNS, rows)


@couriers_group.command("sync")
@click.option("--apply", "really", is_flag=True, help="Write the difference; without it, only show it.")
@form_options
def sync(really: bool, form: Form) -> None:
    """Compare with the accounts that ClickPost has for you, and show the difference.

    A new account's transporter is named after its account code. A transporter that is switched off here stays off.

    Example: awbridge couriers sync --apply
    """

    from awbridge.app.progress import Progress
    from awbridge.steps.couriers import sync_couriers

    async def go(clickpost: AsyncClickPost, store: Store) -> sync_couriers.CourierComparison:
        async with Progress("comparing with ClickPost's accounts"):
            return await sync_couriers.sync_couriers(store=store, clickpost=clickpost, clock=utc_now, apply=really)

    report = with_vendor(go)
    if form != "text":
        _show_comparison(report, form)
        return
    for change in report.changes:
        account = change.account
        note = f" ({change.note})" if change.note else ""
        code = account.account_code or ""
        click.echo(f"{change.change}: {account.transporter} -> {account.courier_partner_id} {code}{note}")
    if report.unread:
        click.echo(sync_couriers.unread_text(report.unread))
    if not any(c.written for c in report.changes):
        click.echo("nothing to change")
    elif not really:
        click.echo("nothing written; add --apply to write this")
    _print_warnings(report.warnings)


def _show_comparison(report: CourierComparison, form: Form) -> None:
    """The comparison as the API shows it; as CSV, its changes."""
    changes = [
        {**output.fields_of(c.account), "change": c.change, "written": c.written and report.applied, "note": c.note}
        for c in report.changes
    ]
    if form == "csv":
        output.show_list(changes, form=form, view="couriers:ChangeView")
        return
    compared = {"applied": report.applied, "changes": changes, "warnings": report.warnings, "unread": report.unread}
    output.show_one(compared, form=form, view="couriers:SyncView")


@couriers_group.command("move")
@click.argument("from_transporter", metavar="FROM", shell_complete=_complete)
@click.argument("to_transporter", metavar="TO", shell_complete=_complete)
@form_options
@on_store
async def move(store: Store, from_transporter: str, to_transporter: str, form: Form) -> None:
    """Move the unplaced shipments of FROM to TO: those never sent, and those refused for good.

    Shipments that ClickPost may hold stay and are listed.

    Example: awbridge couriers move delhivery ekart
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.couriers import moving

    async with Progress("shipments examined") as progress:
        result = await moving.move_shipments(
            store=store,
            clock=utc_now,
            from_transporter=from_transporter,
            to_transporter=to_transporter,
            on_done=progress.advance,
        )
    if form == "json":
        output.show_one(result, form=form, view=("moved", "stayed"))
        return
    if form == "csv":  # a row for each shipment
        moved = [{"reference_number": reference, "moved": True} for reference in result.moved]
        stayed = [{"moved": False, **output.fields_of(one)} for one in result.stayed]
        output.print_csv(("reference_number", "moved", "state", "reason"), [*moved, *stayed])
        return
    click.echo(f"{len(result.moved)} shipments moved from {from_transporter} to {to_transporter}")
    if result.stayed:
        click.echo(f"{len(result.stayed)} stay:", err=True)
        output.print_table([output.fields_of(s) for s in result.stayed])
