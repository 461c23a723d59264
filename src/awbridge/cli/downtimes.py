"""`awbridge couriers downtime`: when nothing may go to a courier, or to one account of it."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import click

from awbridge.cli.couriers import couriers_group
from awbridge.cli.shared import as_json_option, plain, print_json, print_table, read_settings, with_store
from awbridge.cli.times import CLOCK, MOMENT
from awbridge.domain.couriers.downtime import DAYS, Downtime, declare
from awbridge.domain.errors import AwbridgeError, NotFound
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.couriers import downtimes


@couriers_group.group("downtime")
def downtime_group() -> None:
    """Declared downtimes: what is due meanwhile is held, and goes out afterwards, oldest first."""


@downtime_group.command("add")
@click.option("--courier", required=True, type=click.IntRange(1, 2**31 - 1), help="ClickPost's courier partner id.")
@click.option("--account", help="Only this account code; without it, every account of the courier.")
@click.option("--from", "from_at", type=MOMENT, help="Once: when it begins, in the zone.")
@click.option("--to", "to_at", type=MOMENT, help="Once: when it ends.")
@click.option("--days", default="", help="Weekly: the days on which it begins, like sat,sun. Without it, every day.")
@click.option("--start", type=CLOCK, help="Weekly: the local time at which it begins.")
@click.option("--end", type=CLOCK, help="Weekly: the local time at which it ends; before --start is the next day.")
@click.option("--zone", help="Time zone of all these times. [default: AWBRIDGE_TIME_ZONE]")
@click.option("--reason", default="", help="Shown with what is held.")
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

    async def go(store: Store) -> Downtime:
        async with store.write() as session:
            return await downtimes.add(session, declared, now=utc_now())

    click.echo(f"downtime {with_store(go).id} declared")


@downtime_group.command("list")
@as_json_option
def list_downtimes(as_json: bool) -> None:
    """List the downtimes that are not over.

    Example: awbridge couriers downtime list
    """

    async def go(store: Store) -> list[Downtime]:
        async with store.read() as session:
            return await downtimes.open_ones(session, now=utc_now())

    rows = [_row(downtime) for downtime in with_store(go)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="no downtimes")


def _row(downtime: Downtime) -> dict[str, Any]:
    once = downtime.from_at is not None
    return {
        "id": downtime.id,
        "courier": downtime.courier_partner_id,
        "account": downtime.account,
        "from": plain(downtime.from_at) if once else downtime.starts and downtime.starts.isoformat("minutes"),
        "to": plain(downtime.to_at) if once else downtime.ends and downtime.ends.isoformat("minutes"),
        "days": ",".join(DAYS[day] for day in sorted(downtime.weekdays)),
        "zone": downtime.zone,
        "reason": downtime.reason,
    }


@downtime_group.command("remove")
@click.argument("number", type=int)
def remove_downtime(number: int) -> None:
    """Take a downtime back; what it held goes out.

    Example: awbridge couriers downtime remove 1840412338123456789
    """

    async def go(store: Store) -> None:
        async with store.write() as session:
            if not await downtimes.remove(session, number):
                raise NotFound(f"there is no downtime {number}")

    with_store(go)
    click.echo(f"downtime {number} removed")
