"""`awbridge erase`: erase one person's data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import confirm, fail, with_settings, with_store, yes_option
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.privacy import erasures

_PREVIEW = ("ended", "waiting", "rows", "files")

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.steps.privacy.preview import ErasurePreview
    from awbridge.store import Store
    from awbridge.store.privacy.erasures import Erasure


@click.command("erase")
@click.option("--phone", help="Everything of shipments with this phone number.")
@click.option("--reference", help="Everything of this shipment.")
@click.option("--dry-run", is_flag=True, help="Show what would be touched, and erase nothing.")
@yes_option
@form_options
def erase(phone: str | None, reference: str | None, dry_run: bool, yes: bool, form: Form) -> None:
    """Erase one person's data from every table, the archive and the reports.

    It shows what it would touch, and asks. A record that it was done is kept. Open shipments are erased by the running
    service once they have ended.

    Exit code 1: the erasure is not finished; the running service goes on with it.

    Example: awbridge erase --phone 9812345678
    """
    if bool(phone) == bool(reference):
        fail("give either --phone or --reference")
    if dry_run or not yes:
        from awbridge.steps.privacy.preview import preview_erasure

        preview = with_store(lambda store: preview_erasure(store=store, phone=phone, reference=reference))
        _show_preview(preview, form if dry_run else "text", on_stderr=not dry_run)
        if dry_run:
            return
    confirm("erase this person's data for good", yes=yes)

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


def _show_preview(preview: ErasurePreview, form: Form, *, on_stderr: bool) -> None:
    """Print what an erasure would touch; beside a question on standard error."""
    if form != "text":
        output.show_one(preview, form=form, view=_PREVIEW)
        return
    lines = [
        f"erased at once: {_named(preview.ended, 'shipment')}",
        *([f"erased once ended: {_named(preview.waiting, 'shipment')}"] if preview.waiting else []),
        "rows with their data: " + (", ".join(f"{n} {name}" for name, n in preview.rows.items() if n) or "none"),
        "searched for it: " + ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in preview.files.items()),
    ]
    click.echo("\n".join(lines), err=on_stderr)


def _named(references: Sequence[str], noun: str) -> str:
    """How many there are, and which: the first ten by name."""
    if not references:
        return f"no {noun}"
    some, more = ", ".join(references[:10]), len(references) - 10
    return f"{len(references)} {noun}{'s'[: len(references) > 1]} ({some}{f' and {more} more' if more > 0 else ''})"
