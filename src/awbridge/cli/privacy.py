"""`awbridge erase`: erase one person's data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.shared import as_json_option, fail, with_settings
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.privacy import erasures

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store
    from awbridge.store.privacy.erasures import Erasure


@click.command("erase")
@click.option("--phone", help="Everything of shipments with this phone number.")
@click.option("--reference", help="Everything of this shipment.")
@as_json_option
def erase(phone: str | None, reference: str | None, as_json: bool) -> None:
    """Erase one person's data from every table, the archive and the reports.

    A record that it was done is kept. Open shipments are erased by the running service once they have ended.

    Example: awbridge erase --phone 9812345678
    """
    if bool(phone) == bool(reference):
        fail("give either --phone or --reference")

    async def go(settings: Settings, store: Store) -> Erasure:
        from awbridge.app import connections
        from awbridge.steps.privacy.erase import ask_erasure, erase_due

        key = settings.privacy_key.get_secret_value()
        asked = await ask_erasure(store=store, clock=utc_now, phone=phone, reference=reference, key=key)
        objects, reports_in = connections.archive_objects(settings), connections.report_objects(settings)
        while await erase_due(store=store, objects=objects, reports_in=reports_in, clock=utc_now):
            pass
        async with store.read() as session:
            return await erasures.get(session, asked.id) or asked

    done = with_settings(go)
    if as_json:
        output.print_json({name: value for name, value in output.plain(done).items() if name != "subject"})
    else:
        output.print_table([{"person": done.pseudonym, "done_at": done.done_at, **done.counts}])
    if done.done_at is None:
        click.echo(done.problem or "another process is working on it", err=True)
        sys.exit(1)
