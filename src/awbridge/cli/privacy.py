"""`awbridge erase`: erase one person's data."""

from __future__ import annotations

import sys

import click

from awbridge.app import connections
from awbridge.app.settings import Settings
from awbridge.cli.shared import as_json_option, fail, plain, print_json, print_table, with_settings
from awbridge.steps.privacy.erase import ask_erasure, erase_due
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.privacy import erasures
from awbridge.store.privacy.erasures import Erasure


@click.command("erase")
@click.option("--phone", help="Everything of shipments with this phone number.")
@click.option("--reference", help="Everything of this shipment.")
@as_json_option
def erase(phone: str | None, reference: str | None, as_json: bool) -> None:
    """Erase one person's data from every table, the archive and the reports, and keep a record that it was done.

    Shipments on their way are left until they have ended; the running service does that.

    Example: awbridge erase --phone 9812345678
    """
    if bool(phone) == bool(reference):
        fail("give either --phone or --reference")

    async def go(settings: Settings, store: Store) -> Erasure:
        key = settings.privacy_key.get_secret_value()
        asked = await ask_erasure(store=store, clock=utc_now, phone=phone, reference=reference, key=key)
        objects, reports_in = connections.archive_objects(settings), connections.report_objects(settings)
        while await erase_due(store=store, objects=objects, reports_in=reports_in, clock=utc_now):
            pass
        async with store.read() as session:
            return await erasures.get(session, asked.id) or asked

    done = with_settings(go)
    row = {name: value for name, value in plain(done).items() if name != "subject"}
    if as_json:
        print_json(row)
    else:
        print_table([{"person": done.pseudonym, "done_at": done.done_at, **done.counts}], empty="")
    if done.done_at is None:
        click.echo(done.problem or "another process is working on it", err=True)
        sys.exit(1)
