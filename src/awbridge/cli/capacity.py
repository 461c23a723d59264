"""`awbridge capacity`: what a volume of parcels takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import NumberRange, read_settings

if TYPE_CHECKING:
    from awbridge.domain.capacity.estimate import Capacity
    from awbridge.domain.capacity.measured import Measured
    from awbridge.domain.capacity.workload import Workload

_VIEW = (
    *("stage", "why", "rows", "bytes", "disk_bytes", "growth_bytes", "cores", "processes", "own_cores", "server_cores"),
    *("polling_pace", "tables", "calls", "load", "notes"),
)
_GB = 1_000_000_000
_DAYS = NumberRange(1, 36_500)
_TABLES = ("table", "rows", "bytes", "index_bytes", "days", "for_ever")
_CALLS = ("api", "a_day", "per_second")
_LOAD = ("work", "per_second", "own_cores", "server_cores")


@click.command("capacity")
@click.option("--parcels", required=True, type=NumberRange(1, 1e10), metavar="N", help="Parcels of a month.")
@click.option("--scans", default=10.0, show_default=True, type=NumberRange(0, 1000), help="Of a parcel.")
@click.option("--days", type=_DAYS, help="Days that rows are kept, where they are deleted by age.  [default: settings]")
@click.option("--age", type=_DAYS, help="Days since the first parcel.  [default: --days, else 365]")
@click.option("--open-days", default=5.0, show_default=True, type=NumberRange(0, 365),
              help="From placing a parcel to its final status: so long it is polled.")  # fmt: skip
@click.option("--peak", default=10.0, show_default=True, type=NumberRange(1, 1000),
              help="The hour of a sale, as a multiple of the average hour.")  # fmt: skip
@click.option("--failed", default=0.02, show_default=True, type=NumberRange(0, 0.9),
              help="The share of calls that fail and are repeated.")  # fmt: skip
@click.option("--events", default=1, show_default=True, type=click.IntRange(0, 1000),
              help="Subscribers of webhooks to all events.")  # fmt: skip
@click.option("--messages", type=NumberRange(0, 1000),
              help="Messages to customers, of a parcel.  [default: by the channels in the settings]")  # fmt: skip
@click.option("--accounts", default=1, show_default=True, type=click.IntRange(1, 100_000),
              help="Accounts at ClickPost that share the parcels.")  # fmt: skip
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), help="[default: that of the settings]")
@form_options
def capacity(days: float | None, age: float | None, messages: float | None, database: str | None, form: Form,
             **given: Any) -> None:  # fmt: skip
    """Estimate what a volume of parcels takes: rows, bytes, calls to ClickPost, cores, and the stage of growth.

    The estimate starts from the settings: retention, polling, the database. It opens no database and makes no call. Its
    constants were measured (docs/how-to/deploy/capacity.md).

    Example: awbridge capacity --parcels 5000000 --scans 10 --days 90 --database postgres
    """
    from awbridge.app.capacity import figures
    from awbridge.domain.capacity.estimate import estimate
    from awbridge.domain.capacity.measured import Engine

    settings, found = read_settings(), figures.measured()
    given |= {
        "subscribers": given.pop("events"),
        "kept": figures.days_kept(settings, days),
        "age": age or days or 365.0,
    }
    given["messages"] = figures.messages_of_a_parcel(settings, found) if messages is None else messages
    if database:
        given["engine"] = Engine(database)
    workload = figures.workload_of(settings, given)
    needed = estimate(workload, found)
    if form != "text":
        output.show_one(_plain(needed), form=form, view=_VIEW)
        return
    _print(needed, workload, found)


def _plain(needed: Capacity) -> dict[str, Any]:
    shown = output.pick(needed, _VIEW)
    for name, fields in (("tables", _TABLES), ("calls", _CALLS), ("load", _LOAD)):
        shown[name] = [output.pick(one, fields) for one in shown[name]]
    return shown


def _print(needed: Capacity, workload: Workload, found: Measured) -> None:
    output.print_table(
        [
            {
                "table": one.table,
                "rows": f"{one.rows:,}",
                "GB": _gb(one.bytes),
                "GB of indexes": _gb(one.index_bytes),
                "days": f"{one.days:g}{', then more' if one.for_ever else ''}",
            }
            for one in needed.tables
            if one.rows
        ]
    )
    click.echo()
    output.print_table(
        [{"calls to ClickPost": c.api, "a day": f"{c.a_day:,}", "per second, sale hour": f"{c.per_second:,.2f}"}
         for c in needed.calls]
    )  # fmt: skip
    click.echo()
    output.print_table(
        [
            {
                "work in the sale hour": one.work.value,
                "per second": f"{one.per_second:,.1f}",
                "cores, awbridge": f"{one.own_cores:.2f}",
                "cores, PostgreSQL": f"{one.server_cores:.2f}",
            }
            for one in needed.load
        ]
    )
    click.echo()
    output.print_fields(_sums(needed, workload))
    for note in needed.notes:
        click.echo(f"Note: {note}.")
    click.echo(f"Measured on {found.day}: {found.machine}. Pages, exports and the API's reads come on top.")


def _sums(needed: Capacity, workload: Workload) -> dict[str, str]:
    busy = f"{needed.own_cores:.1f} busy in awbridge, {needed.server_cores:.1f} in PostgreSQL, in the sale hour"
    parcels = workload.parcels_a_day * workload.age
    return {
        "parcels": f"{workload.parcels:,.0f} a month, {parcels:,.0f} in {workload.age:g} days",
        "rows": f"{needed.rows:,}",
        "database": f"{_gb(needed.bytes)} GB; provide {_gb(needed.disk_bytes)} GB",
        "growth": f"{_gb(needed.growth_bytes)} GB a month of what is kept for ever",
        "cores": f"{needed.cores}: {busy}",
        "processes of awbridge": str(needed.processes),
        "stage": needed.stage.value,
        "because": needed.why,
    }


def _gb(size: int) -> str:
    return f"{size / _GB:,.1f}"
