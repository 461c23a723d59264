"""`awbridge erase`: erase one person's data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import fail, with_settings
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.privacy import erasures

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store
    from awbridge.store.privacy.erasures import Erasure


@click.command("erase")
@click.option("--phone", help="Everything of shipments with this phone number.")
@click.option("--reference", help="Everything of this shipment.")
@form_options
def erase(phone: str | None, reference: str | None, form: Form) -> None:
    """Erase one person's data from every table, the archive and the reports.

    A record that it was done is kept. Open shipments are erased by the running service once they have ended.

    Example: awbridge erase --phone 9812345678
    """
    if bool(phone) == bool(reference):
        fail("give either --phone or --reference")

    async def go(settings: Settings, store: Store) -> Erasure:
        from awbridge.app import connections
        from awbridge.app.progress import Progress
        from awbridge.steps.privacy.erase import ask_erasure, erase_due

        key = settings.privacy_key.get_secret_value()
        asked = await ask_erasure(store=store, clock=utc_now, phone=phone, reference=reference, key=key)
        objects, reports_in = connections.archive_objects(settings), connections.report_objects(settings)
        async with Progress("erasing"):
            while await erase_due(store=store, objects=objects, reports_in=reports_in, clock=utc_now):
                pass
        async with store.read() as session:
            return await erasures.get(session, asked.id) or asked

    done = with_settings(go)
    fields = {"person": done.pseudonym, "done_at": done.done_at, **done.counts}
    output.show_one(done, fields, form=form, view="privacy:ErasureView")
    if done.done_at is None:
        click.echo(done.problem or "another process is working on it", err=True)
        sys.exit(1)
