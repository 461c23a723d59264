"""`awbridge alarms` and `opt-outs`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import on_settings, on_store
from awbridge.domain.cursors import make_cursor
from awbridge.domain.notify.notices import Channel
from awbridge.steps.notify import opt_outs as opt_out_steps
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.notify import alarms, opt_outs

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store

_OPT_OUT = ("address_hash", "channel", "created_at")
_ALARM = ("cause", "text", "raised_at", "cleared_at", "notified_at")


_channel_option = click.option(
    "--channel",
    type=click.Choice([c.value for c in Channel if c.reaches_customer]),
    help="Only this one.  [default: all]",
)


@click.group("opt-outs", cls=Group)
def opt_outs_group() -> None:
    """Addresses that receive no messages. Only hashes are stored."""


@opt_outs_group.command("add")
@click.argument("address")
@_channel_option
@on_settings
async def add_opt_out(settings: Settings, store: Store, address: str, channel: str | None) -> None:
    """Send no more messages to a phone number or mail address.

    Example: awbridge opt-outs add +919000000001 --channel sms
    """
    chosen, country = Channel(channel) if channel else None, settings.notice_country
    added = await opt_out_steps.add_opt_out(
        store=store, clock=utc_now, address=address, country=country, channel=chosen
    )
    click.echo("added" if added else "known already")


@opt_outs_group.command("remove")
@click.argument("address")
@_channel_option
@on_settings
async def remove_opt_out(settings: Settings, store: Store, address: str, channel: str | None) -> None:
    """Send messages to a phone number or mail address again.

    Example: awbridge opt-outs remove asha@example.com
    """
    chosen, country = Channel(channel) if channel else None, settings.notice_country
    await opt_out_steps.remove_opt_out(store=store, address=address, country=country, channel=chosen)
    click.echo("removed")


@opt_outs_group.command("list")
@page_options(100)
@form_options
@on_store
async def list_opt_outs(store: Store, limit: int, cursor: str | None, form: Form) -> None:
    """Show the newest opt-outs: hashes, because no list of people is kept.

    Example: awbridge opt-outs list
    """
    async with store.read() as session:
        found = await opt_outs.newest(session, after=_opt_out_at(cursor), limit=limit + 1)
    part, page = output.paged(found, limit, _opt_out_cursor, "opt_outs")
    rows = [{"hash": o.address_hash[:16], "channel": o.channel or "all", "since": o.created_at} for o in part]
    output.show_list(part, rows, form=form, view=_OPT_OUT, empty="no opt-outs", page=page)


def _opt_out_cursor(last: opt_outs.OptOut) -> str:
    return make_cursor(last.created_at, f"{last.address_hash}:{last.channel}")


def _opt_out_at(cursor: str | None) -> tuple[datetime, str, str] | None:
    position = output.position_of(cursor)
    if position is None:
        return None
    hashed, _, channel = position[1].partition(":")
    return position[0], hashed, channel


@click.group("alarms", cls=Group)
def alarms_group() -> None:
    """Alarms to operators."""


@alarms_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@page_options(None)
@form_options
@on_store
async def list_alarms(store: Store, everything: bool, limit: int | None, cursor: str | None, form: Form) -> None:
    """Show the alarms that are raised.

    Example: awbridge alarms list --all
    """
    async with store.read() as session:
        found = await (alarms.every(session) if everything else alarms.open_now(session))
    part, page = output.whole(found, limit=limit, cursor=cursor)
    rows = [output.pick(a, _ALARM) for a in part]
    output.show_list(part, rows, form=form, view="notify:AlarmView", empty="no alarm is raised", page=page)
