"""`awbridge couriers accounts` and `rate`: the state of each courier account, and its rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import NumberRange, on_store, with_store
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.couriers import accounts

if TYPE_CHECKING:
    from awbridge.store import Store


_VIEW = "courier_accounts:AccountView"


@click.command("accounts")
@page_options(None)
@form_options
@on_store
async def list_accounts(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """List the accounts that have or had shipments, and which are held.

    For those: why, until when, and how many shipments wait.

    Example: awbridge couriers accounts
    """
    async with store.read() as session:
        every = await accounts.every(session)
        held = await accounts.held(session, now=utc_now())
        numbers = accounts.held_numbers(await accounts.count_unplaced(session, [a.state.account for a in every]))
    part, page = output.whole(every, limit=limit, cursor=cursor)
    empty = "no account has had a shipment yet"
    if form == "text":
        rows = [_row(account, held.get(account.state.account), numbers) for account in part]
        output.show_list(part, rows, form=form, view=_VIEW, empty=empty, page=page)
        return
    from awbridge.web.v1.views.courier_accounts import account_view

    shown = [account_view(account, held.get(account.state.account), numbers) for account in part]
    output.show_list(shown, form=form, view=_VIEW, page=page)


def _row(account: accounts.Account, held: accounts.Held | None, waiting: dict[str, int]) -> dict[str, Any]:
    return {
        "courier": account.courier_partner_id,
        "account": account.account_code,
        "held": held.kind if held else None,
        "problem": held.problem if held else None,
        "until": held.until if held else None,
        "waiting": waiting.get(account.state.account, 0),
        "per_second": account.state.rate_per_second,
    }


@click.command("rate")
@click.option("--courier", required=True, type=click.IntRange(1, 2**31 - 1), help="ClickPost's courier partner id.")
@click.option("--account", help="The account code; without it, the courier's account without a code.")
@click.option("--per-second", type=NumberRange(0.001, 10_000), help="Orders a second, over all processes.")
@click.option("--unlimited", is_flag=True, help="Remove the limit.")
@form_options
def set_rate(courier: int, account: str | None, per_second: float | None, unlimited: bool, form: Form) -> None:
    """Limit how many orders of one account go out a second. It applies at once, in every process.

    Example: awbridge couriers rate --courier 4 --account "Delhivery Surface" --per-second 5
    """
    if (per_second is None) is not unlimited:
        raise click.UsageError("say either --per-second or --unlimited")

    async def go(store: Store) -> None:
        async with store.write() as session:
            await accounts.set_rate(session, courier, account, per_second)

    with_store(go)
    named = f"{courier} {account}" if account else f"{courier}"
    text = f"{named}: no limit" if unlimited else f"{named}: at most {per_second:g} a second"
    rate = {"courier_partner_id": courier, "account_code": account, "rate_per_second": per_second}
    output.show_one(rate, text, form=form, view=tuple(rate))


@click.command("reset")
@click.option("--courier", required=True, type=click.IntRange(1, 2**31 - 1), help="ClickPost's courier partner id.")
@click.option("--account", help="The account code; without it, the courier's account without a code.")
def reset_account(courier: int, account: str | None) -> None:
    """End the incident of an account by hand.

    Do so once its cause is corrected. Shipments go out 1, 2, 4, ... at a time.

    Example: awbridge couriers reset --courier 4 --account "Delhivery Surface"
    """
    from awbridge.steps.couriers.downtimes import reset_account as reset

    with_store(lambda store: reset(store=store, clock=utc_now, courier_partner_id=courier, account_code=account))
    click.echo("reset")
