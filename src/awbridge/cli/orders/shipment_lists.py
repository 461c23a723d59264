"""`awbridge shipments list` and `export`: lists of shipments, filtered, on the terminal or as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from awbridge.cli import output
from awbridge.cli.orders.shipment_rows import SHIPMENT, in_api, listed
from awbridge.cli.output import Form, Page, form_options, page_options
from awbridge.cli.shared import fail, on_settings
from awbridge.domain.cursors import make_cursor
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.private_files import open_private
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.domain.orders.listing import Listing
    from awbridge.steps.orders.list_query import ListQuery
    from awbridge.store import Store

_F = TypeVar("_F", bound=Callable[..., Any])
_PAGE = 500
_OPTIONS = (
    click.option("--state", type=click.Choice([s.value for s in State]), help="Only shipments in this state."),
    click.option("--stuck", is_flag=True, help="Only those without a scan for too long, the longest first."),
    click.option("--sla-breached", is_flag=True, help="Only open ones past their expected date, most overdue first."),
    click.option("--ndr", is_flag=True, help="Only those whose last delivery failed, the oldest failure first."),
    click.option("--piece-exception", is_flag=True, help="Only those with a piece lost, damaged or going back."),
    click.option("--not-cancelled", is_flag=True, help="Only those whose cancellation was refused or given up."),
    click.option("--waybill", "--awb", help="Only those with this waybill: their own, of a piece, or RTO."),
    click.option("--order-id", help="Only those of this order."),
    click.option("--phone-tail", help="Only those whose customer's phone number ends in these digits, four or more."),
    click.option("--courier", type=int, help="Filter: the courier_partner_id."),
    click.option("--account", help="Filter: the courier account, such as 4:main."),
    click.option("--bucket", type=click.Choice([b.name.lower() for b in Bucket]), help="Filter: the tracking status."),
    click.option("--failure-code", type=int, help="Filter: ClickPost's code in the newest answer to create-order."),
    click.option("--ndr-code", type=int, help="Filter: why the last delivery failed."),
    click.option("--cod/--prepaid", default=None, help="Filter: whether cash is collected on delivery."),
    click.option("--delivery-type", type=click.Choice(["FORWARD", "RVP"]), help="Filter: RVP for returns."),
    click.option("--created-from", metavar="DAY", help="Filter: received on this day or later."),
    click.option("--created-to", metavar="DAY", help="Filter: received on this day or before."),
    click.option("--older-than-days", type=int, help="Filter: received so many days ago or more."),
    click.option("--newer-than-days", type=int, help="Filter: received fewer days ago."),
    click.option("--promised-from", metavar="DAY", help="Filter: promised for this day or later."),
    click.option("--promised-to", metavar="DAY", help="Filter: promised for this day or before."),
)


def list_options(command: _F) -> _F:
    """The options that choose a list and filter it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("list")
@list_options
@page_options(50)
@form_options
@on_settings
async def list_shipments(
    settings: Settings, store: Store, limit: int, cursor: str | None, form: Form, **options: Any
) -> None:
    """List shipments, newest first, or those that need a person. Filters combine with each other and with any list.

    Example: awbridge shipments list --stuck --courier 4
    """
    from awbridge.steps.orders.listing import read_page

    listing, now = _listing(settings, options), utc_now()
    found: list[Shipment] = []
    after = output.position_of(cursor)
    async with store.read() as session:
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            page = await read_page(session, listing, settings.stuck_after, now=now, after=after, limit=size)
            found += page.shipments
            after = page.end
            if after is None:
                break
    page = Page(next=make_cursor(*after) if after else None, name="shipments")
    if form == "text":
        output.show_list(found, [listed(s) for s in found], form=form, view=SHIPMENT, empty="no shipments", page=page)
    else:
        output.show_list(in_api(settings, found), form=form, view=SHIPMENT, page=page)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@list_options
@click.option("--columns", default="", help="Separated by commas; without it those that the page shows.")
@form_options
@on_settings
async def export_shipments(
    settings: Settings, store: Store, file: Path, columns: str, form: Form, **options: Any
) -> None:
    """Export a list of shipments as CSV or XLSX. The ending of the file's name says which.

    Example: awbridge shipments export rejected.csv --state rejected
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.orders.export import Export, csv_lines, write_xlsx
    from awbridge.steps.orders.shipment_columns import read_columns

    try:
        chosen = read_columns(columns)
    except ValueError as error:
        fail(f"--columns: {error}")
    if file.suffix not in (".csv", ".xlsx"):
        fail(f"{file.name}: the name must end in .csv or .xlsx")
    listing = _listing(settings, options)
    wanted = Export(
        listing=listing,
        zone=settings.zone,
        columns=chosen,
        stuck_after=settings.stuck_after,
        links=settings.track_links,
    )
    written = 0
    async with Progress("shipments exported") as progress:

        def on_done(more: int) -> None:
            nonlocal written
            written += more
            progress.update(written)

        if file.suffix == ".xlsx":
            await write_xlsx(store, utc_now, wanted, file, on_done)
        else:
            with open_private(file) as out:
                async for lines in csv_lines(store, utc_now, wanted, on_done):
                    out.write(lines)
    done = {"file": str(file), "shipments": written}
    output.show_one(done, f"{written} shipments written to {file}", form=form, view=tuple(done))


def _listing(settings: Settings, options: dict[str, Any]) -> Listing:
    """The list that the options mean. Exits with a text for wrong ones."""
    from awbridge.domain.orders.listing import Listing

    given = {name: value for name, value in options.items() if value not in (None, False) or name == "cod"}
    if all(value is None for value in given.values()):  # all shipments: nothing to check, and pydantic not needed
        return Listing()

    from pydantic import ValidationError

    from awbridge.steps.orders.list_query import LISTS, ListQuery

    chosen = [name for name in given if name in LISTS]
    if len(chosen) > 1:
        lists = [f"--{name.replace('_', '-')}" for name in options if name in LISTS]
        fail(f"{', '.join(lists)} are lists of their own; choose one")
    try:
        wanted: ListQuery = ListQuery.model_validate(given)
    except ValidationError as error:
        problems = [f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg']}" for e in error.errors(include_url=False)]
        fail("; ".join(problems))
    return wanted.listing(settings.zone, utc_now())
