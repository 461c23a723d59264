"""`awbridge labels` and `awbridge manifests`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import fail, on_settings, on_store, operator
from awbridge.cli.times import DAY
from awbridge.domain.errors import NotPossible
from awbridge.domain.handover.labels import Layout
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.handover import manifests, parcels

if TYPE_CHECKING:
    from awbridge.app.progress import Progress
    from awbridge.app.settings import Settings
    from awbridge.steps.handover.fetch_labels import LabelFetcher
    from awbridge.store import Store

_MANIFEST = ("number", "account", "parcels", "cod_total", "created_at", "created_by")
_DAYS = 3

since_option = click.option(
    "--since", type=DAY, help="The account's day from which on shipments were placed.  [default: two days ago]"
)
account_option = click.option("--account", help="A courier account, such as 4:main (see awbridge labels list).")
file_option = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.")


def _start(settings: Settings, since: date | None) -> datetime:
    today = utc_now().astimezone(settings.zone).date()
    day = since or today - timedelta(days=_DAYS - 1)
    return datetime(day.year, day.month, day.day, tzinfo=settings.zone)


@asynccontextmanager
async def _fetcher(settings: Settings, store: Store, progress: Progress) -> AsyncGenerator[LabelFetcher]:
    from awbridge.app import connections, policies
    from awbridge.steps.handover.fetch_labels import LabelFetcher

    async with connections.vendor(settings) as clickpost, connections.label_files(settings) as files:
        policy = policies.fetch_labels_policy(settings)
        yield LabelFetcher(
            store=store,
            files=files,
            clickpost=clickpost,
            clock=utc_now,
            policy=policy,
            on_done=progress.advance,
        )


@click.group("labels", cls=Group)
def labels_group() -> None:
    """Labels as PDFs: print those of many shipments at once."""


@labels_group.command("list")
@since_option
@page_options(None)
@form_options
@on_settings
async def list_waiting(
    settings: Settings, store: Store, since: date | None, limit: int | None, cursor: str | None, form: Form
) -> None:
    """Show what waits for its courier, by courier account: parcels, without a printed label, not on a manifest.

    Example: awbridge labels list
    """
    async with store.read() as session:
        found = await parcels.by_account(session, since=_start(settings, since))
    part, page = output.whole(found, limit=limit, cursor=cursor)
    rows = [output.fields_of(one) for one in part]
    empty = "no parcel waits for its courier"
    output.show_list(part, rows, form=form, view="handover:WaitingView", empty=empty, page=page)


@labels_group.command("print")
@click.argument("reference_numbers", nargs=-1)
@account_option
@since_option
@click.option("--layout", type=click.Choice([layout.value for layout in Layout]), default=Layout.A4_FOUR.value,
              show_default=True, help="How labels are laid out.")  # fmt: skip
@file_option
@form_options
@on_settings
async def print_labels(
    settings: Settings,
    store: Store,
    reference_numbers: tuple[str, ...],
    account: str | None,
    since: date | None,
    layout: str,
    out: Path | None,
    form: Form,
) -> None:
    """Put labels on one PDF and mark them as printed: of these shipments, or of all of an account not printed yet.

    Exit code 1: a label is missing; the others are printed.

    Example: awbridge labels print --account "4:main" --layout 4x6 --out labels.pdf
    """
    from awbridge.app.progress import Progress
    from awbridge.documents.making import DocumentMaker
    from awbridge.steps.handover import print_labels as step

    if bool(reference_numbers) == bool(account):
        fail("name shipments, or an account with --account")
    references = list(reference_numbers)
    if account:
        async with store.read() as session:
            start = _start(settings, since)
            found = await parcels.of_account(session, account, since=start, to_print=True, limit=MOST_AT_ONCE)
        references = [shipment.reference_number for shipment in found]
    if not references:
        nothing = {"id": None, "shipments": 0, "problems": 0, "file": None}
        output.show_one(nothing, "nothing to print", form=form, view=tuple(nothing))
        return
    async with Progress("labels fetched") as progress, _fetcher(settings, store, progress) as fetcher:
        printed = await step.print_labels(
            store=store,
            fetcher=fetcher,
            documents=DocumentMaker(),
            clock=utc_now,
            references=references,
            layout=Layout(layout),
            by=operator(),
        )
    path = out or Path(f"labels-{printed.run.id}.pdf")
    if printed.pdf:
        output.write_file(path, printed.pdf)
    if printed.pdf or form != "text":
        text = f"{path}: labels of {printed.run.shipments - printed.run.problems} shipments"
        more = {"lines": printed.lines, "file": str(path) if printed.pdf else None}
        output.show_one(printed.run, text, form=form, view="handover:PrintRunView", more=more)
    for line in printed.lines:
        if line.problem or line.warning:
            click.echo(f"{line.reference_number}: {line.problem or line.warning}", err=True)
    if printed.run.problems:
        fail(f"{printed.run.problems} of {printed.run.shipments} shipments have no label on the PDF")


@click.group("manifests", cls=Group)
def manifests_group() -> None:
    """Hand-over manifests: what a courier signs when it takes parcels."""


@manifests_group.command("list")
@page_options(20)
@form_options
@on_store
async def list_manifests(store: Store, limit: int, cursor: str | None, form: Form) -> None:
    """Show the newest manifests.

    Example: awbridge manifests list
    """
    async with store.read() as session:
        found = await manifests.newest(session, before=output.number_of(cursor), limit=limit + 1)
    part, page = output.paged(found, limit, lambda m: m.number, "manifests")
    rows = [output.pick(one, _MANIFEST) for one in part]
    output.show_list(part, rows, form=form, view="handover:ManifestView", empty="no manifests yet", page=page)


@manifests_group.command("create")
@click.argument("reference_numbers", nargs=-1)
@click.option("--account", required=True, help="A courier account, such as 4:main (see awbridge labels list).")
@since_option
@file_option
@form_options
@on_settings
async def create_manifest(
    settings: Settings,
    store: Store,
    reference_numbers: tuple[str, ...],
    account: str,
    since: date | None,
    out: Path | None,
    form: Form,
) -> None:
    """Make the next manifest of a courier account: of these shipments, or of all that are not on one yet.

    Example: awbridge manifests create --account "4:main" --out manifest.pdf
    """
    from awbridge.steps.handover.manifests import make_manifest

    references = list(reference_numbers)
    if not references:
        async with store.read() as session:
            start = _start(settings, since)
            found = await parcels.of_account(session, account, since=start, to_hand_over=True, limit=MOST_AT_ONCE)
        references = [shipment.reference_number for shipment in found]
    if not references:
        raise NotPossible(f"no parcel of {account} waits for a manifest")
    made = await make_manifest(store=store, clock=utc_now, account=account, references=references, by=operator())
    for reference, why in made.left_out:
        click.echo(f"{reference}: {why}", err=True)
    path = await _write(settings, store, made.manifest.number, out)
    text = f"manifest {made.manifest.number}: {made.manifest.parcels} parcels, COD {made.manifest.cod_total}\n{path}"
    left_out = [{"reference_number": reference, "problem": why} for reference, why in made.left_out]
    more = {"lines": made.lines, "left_out": left_out, "file": str(path)}
    output.show_one(made.manifest, text, form=form, view="handover:ManifestView", more=more)


@manifests_group.command("print")
@click.argument("number", type=click.IntRange(1))
@file_option
@form_options
@on_settings
async def print_manifest(settings: Settings, store: Store, number: int, out: Path | None, form: Form) -> None:
    """Write a manifest as a PDF, any number of times.

    Example: awbridge manifests print 17 --out manifest.pdf
    """
    path = await _write(settings, store, number, out)
    output.show_one({"file": str(path)}, str(path), form=form, view=("file",))


async def _write(settings: Settings, store: Store, number: int, out: Path | None) -> Path:
    from awbridge.app.progress import Progress
    from awbridge.documents.making import DocumentMaker
    from awbridge.steps.handover.manifests import print_manifest as printed

    async with Progress("making the PDF"):
        content = await printed(store=store, documents=DocumentMaker(), zone=settings.zone, number=number)
    path = out or Path(f"manifest-{number}.pdf")
    output.write_file(path, content)
    return path
