"""`awbridge couriers downtime`: times in which a courier, or one account of it, accepts no orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import on_store, read_settings, with_store
from awbridge.cli.times import CLOCK, MOMENT
from awbridge.domain.couriers.downtime import DAYS, Downtime, declare
from awbridge.domain.errors import AwbridgeError
from awbridge.steps.couriers import downtimes as downtime_steps
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.couriers import downtimes

if TYPE_CHECKING:
    from awbridge.store import Store

_VIEW = "courier_accounts:DowntimeView"


@click.group("downtime", cls=Group)
def downtime_group() -> None:
    """Declared downtimes: shipments due meanwhile are held. They go out afterwards, oldest first."""


@downtime_group.command("add")
@click.option("--courier", required=True, type=click.IntRange(1, 2**31 - 1), help="ClickPost's courier partner id.")
@click.option("--account", help="Only this account code; without it, every account of the courier.")
@click.option("--from", "from_at", type=MOMENT, help="Once: when it begins, in the zone.")
@click.option("--to", "to_at", type=MOMENT, help="Once: when it ends.")
@click.option("--days", default="", help="Weekly: the days on which it begins, like sat,sun. Without it, every day.")
@click.option("--start", type=CLOCK, help="Weekly: the local time at which it begins.")
@click.option("--end", type=CLOCK, help="Weekly: the local time at which it ends; before --start is the next day.")
@click.option("--zone", help="Time zone of all these times. [default: AWBRIDGE_TIME_ZONE]")
@click.option("--reason", default="", help="Shown with held shipments.")
@form_options
def add_downtime(
    courier: int,
    account: str | None,
    from_at: datetime | None,
    to_at: datetime | None,
    days: str,
    start: time | None,
    end: time | None,
    zone: str | None,
    reason: str,
    form: Form,
) -> None:
    """Declare a downtime, once or every week.

    Example: awbridge couriers downtime add --courier 4 --days sun --start 23:00 --end 02:30 --reason maintenance
    """
    try:
        declared = declare(
            courier_partner_id=courier,
            account_code=account,
            from_at=from_at,
            to_at=to_at,
            days=[day for day in days.split(",") if day.strip()],
            starts=start,
            ends=end,
            zone=zone or read_settings().time_zone,
            reason=reason,
        )
    except ValueError as error:
        raise AwbridgeError(str(error)) from None

    added = with_store(lambda store: downtime_steps.add_downtime(store=store, clock=utc_now, declared=declared))
    _show([added], f"downtime {added.id} declared", form)


def _show(found: Sequence[Downtime], text: str, form: Form, page: output.Page | None = None) -> None:
    """Downtimes as the API shows them; as text, the sentence about a new one."""
    if form == "text":
        click.echo(text)
        return
    from awbridge.web.v1.views.courier_accounts import downtime_view

    shown = [downtime_view(downtime) for downtime in found]
    if page is None:
        output.show_one(shown[0], form=form, view=_VIEW)
    else:
        output.show_list(shown, form=form, view=_VIEW, page=page)


@downtime_group.command("list")
@page_options(None)
@form_options
@on_store
async def list_downtimes(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """List the downtimes that are not over.

    Example: awbridge couriers downtime list
    """
    async with store.read() as session:
        found = await downtimes.open_ones(session, now=utc_now())
    part, page = output.whole(found, limit=limit, cursor=cursor)
    if form == "text":
        rows = [_row(downtime) for downtime in part]
        output.show_list(part, rows, form=form, view=_VIEW, empty="no downtimes", page=page)
    else:
        _show(part, "", form, page)


def _row(downtime: Downtime) -> dict[str, Any]:
    once = downtime.from_at is not None
    return {
        "id": downtime.id,
        "courier": downtime.courier_partner_id,
        "account": downtime.account,
        "from": downtime.from_at if once else downtime.starts and downtime.starts.isoformat("minutes"),
        "to": downtime.to_at if once else downtime.ends and downtime.ends.isoformat("minutes"),
        "days": ",".join(DAYS[day] for day in sorted(downtime.weekdays)),
        "zone": downtime.zone,
        "reason": downtime.reason,
    }


@downtime_group.command("remove")
@click.argument("number", type=int)
@on_store
async def remove_downtime(store: Store, number: int) -> None:
    """Remove a downtime; the shipments that it held go out.

    Example: awbridge couriers downtime remove 1840412338123456789
    """
    await downtime_steps.remove_downtime(store=store, number=number)
    click.echo(f"downtime {number} removed")
