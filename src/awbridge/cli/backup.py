"""`awbridge backup`, `restore` and `after-restore`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import as_command, fail, on_settings, read_settings, with_settings
from awbridge.cli.times import MOMENT, in_zone
from awbridge.domain.errors import BackupError
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.app.backups import AccountBackup
    from awbridge.app.settings import Settings
    from awbridge.domain.backup.manifest import BackupManifest
    from awbridge.steps.backup.after_restore import AfterRestore
    from awbridge.steps.backup.restore import Restored, StoredBackup
    from awbridge.store import Store

_SHOWN = ("name", "database", "taken_at", "version", "schema", "bytes", "sha256", "database_bytes", "database_sha256")
_RECORDED = ("taken_at", "finished_at", "result")
_CORRECTED = ("point_at", "until_at", "covered_until", "next_manifest", "counts")

_since_option = click.option(
    "--since", type=MOMENT, help="The point: what happened later is missing.  [default: as the database knows it]"
)
_until_option = click.option("--until", type=MOMENT, help="When the service last ran before.  [default: now]")
_manifest_option = click.option(
    "--last-manifest",
    type=click.IntRange(0),
    help="The last number of a manifest that was used.  [default: unknown; 1000 numbers are left out]",
)


@click.group("backup", cls=Group, invoke_without_command=True)
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A new file, such as copy.db.gz.")
@form_options
@click.pass_context
def backup_group(context: click.Context, file: Path | None, form: Form) -> None:
    """Back up the SQLite database while the service runs.

    It is verified and compressed, and stored in AWBRIDGE_BACKUP_URL or a file. With several accounts, the file of each
    is backed up to where its backups are; with --to, only the home's, or that of --account.

    Exit code 1: the file of an account could not be backed up; the others are.

    Example: awbridge backup --to /mnt/usb/awbridge.db.gz
    """
    if context.invoked_subcommand is not None:
        return
    made, accounts = as_command(_back_up(read_settings(), file))
    _show_made(made, accounts, form)
    if failed := [f"{one.account}: {one.problem}" for one in accounts if one.problem]:
        fail("\n".join(failed))


async def _back_up(settings: Settings, file: Path | None) -> tuple[BackupManifest, list[AccountBackup]]:
    from awbridge.app import backups
    from awbridge.steps.backup.take import back_up, back_up_to_file

    policy = backups.backup_policy(settings)
    if file:
        made = await back_up_to_file(file=file, policy=policy)
    else:
        made = await back_up(objects=backups.backup_objects(settings), policy=policy)
    await backups.record_by_hand(settings, made, str(file or made.name))
    accounts = [] if file else await backups.accounts_with_files(settings)
    return made, [one async for one in backups.back_up_accounts(accounts)]


def _show_made(made: BackupManifest, accounts: list[AccountBackup], form: Form) -> None:
    if not accounts:
        output.show_one(made, _sentence(made), form=form, view=_SHOWN)
        return
    every = [("", made), *((one.account, one.made) for one in accounts if one.made)]
    if form == "text":
        click.echo("\n".join(f"{account or 'home'}: {_sentence(each)}" for account, each in every))
    else:
        rows = [{"account": account} | {name: getattr(each, name) for name in _SHOWN} for account, each in every]
        output.show_list(rows, form=form, view=("account", *_SHOWN))


def _sentence(made: BackupManifest) -> str:
    size = f"{made.bytes / 2**20:.1f} MiB of {made.database_bytes / 2**20:.1f} MiB"
    return f"{made.name}: {size}, {sum(made.counts.values()):,} rows, verified"


@backup_group.command("list")
@page_options(None)
@form_options
def list_backups(limit: int | None, cursor: str | None, form: Form) -> None:
    """List the stored backups, newest first.

    Example: awbridge backup list
    """
    _list(read_settings(), form, limit=limit, cursor=cursor)


def _list(settings: Settings, form: Form, *, limit: int | None = None, cursor: str | None = None) -> None:
    from awbridge.app import backups
    from awbridge.steps.backup.take import stored_backups

    every = as_command(stored_backups(backups.backup_objects(settings)))
    found, page = output.whole(every, limit=limit, cursor=cursor)
    rows = [
        {
            "name": one.name,
            "taken at": one.taken_at,
            "MiB": f"{one.bytes / 2**20:.1f}",
            "shipments": one.counts.get("shipments", 0),
            "version": one.version,
        }
        for one in found
    ]
    empty = f"no backups in {backups.backup_place(settings)}"
    output.show_list(found, rows, form=form, view=_SHOWN, empty=empty, page=page)


@backup_group.command("record")
@click.argument("note", default="recorded by hand")
@click.option("--at", type=MOMENT, help="From when the backup is.  [default: now]")
@form_options
@on_settings
async def record_backup(settings: Settings, store: Store, note: str, at: datetime | None, form: Form) -> None:
    """Record that another tool has made a backup, such as pg_basebackup: the alarm and the metric go by it.

    Example: awbridge backup record "base backup in s3://backups/pg"
    """
    from awbridge.store.backup.backups import last_backup, record

    now = utc_now()
    taken_at = in_zone(at, settings.zone) if at else now
    if taken_at > now:
        raise BackupError(f"--at {taken_at.isoformat()} is in the future")
    async with store.write() as session:
        await record(session, note, taken_at=taken_at, now=now)
        last = await last_backup(session)
    output.show_one(last, f"recorded: {note}", form=form, view=_RECORDED)


@click.command("restore")
@click.argument("source", required=False)
@click.option("--list", "only_list", is_flag=True, help="Show what can be restored.")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="Only extract it into a new file.")
@_since_option
@_until_option
@_manifest_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@form_options
def restore(
    source: str | None,
    only_list: bool,
    file: Path | None,
    since: datetime | None,
    until: datetime | None,
    last_manifest: int | None,
    yes: bool,
    form: Form,
) -> None:
    """Restore the SQLite database from a backup.

    SOURCE is a name of the list, `latest`, a file, or a URL. Stop the service first. The backup is verified, and
    corrected for what happened since (as by after-restore). The old database is set aside, never overwritten.

    Example: awbridge restore latest
    """
    settings = read_settings()
    if only_list:
        _list(settings, form)
        return
    if not source:
        fail("name what to restore: latest, a name of `awbridge restore --list`, a file, or a URL")
    times = {name: in_zone(at, settings.zone) for name, at in (("point", since), ("until", until)) if at}
    restored = as_command(_restore(settings, source, file, yes, last_manifest=last_manifest, **times))
    if form != "text":
        _show_corrected(restored.corrected, form, aside=restored.aside)
        return
    rows = sum(restored.contents.counts.values())
    click.echo(f"verified: {rows:,} rows, {restored.contents.bytes / 2**20:.1f} MiB")
    if file:
        click.echo(f"extracted to {file}, as it was backed up; nothing else is changed")
    else:
        kept = f"the old database is {restored.aside}" if restored.aside else "there was no database before"
        click.echo(f"restored; {kept}")
        _show_corrected(restored.corrected, form)


async def _restore(settings: Settings, source: str, file: Path | None, yes: bool, **lost: Any) -> Restored:
    from awbridge.app import backups
    from awbridge.steps.backup import restore as step
    from awbridge.store.backup.replace_file import check_unused

    database = backups.database_file(settings)
    if not file:
        check_unused(database)
    local = Path(source)
    found = local if local.is_file() else await _stored(settings, source)  # noqa: ASYNC240 nothing else runs here
    if file:
        return await step.extract(source=found, target=file)
    if database.exists() and not yes:
        name = found if isinstance(found, Path) else found.key
        click.confirm(f"Put {name} in place of {database}? The old one is kept.", abort=True, err=True)
    policy = backups.after_restore_policy(settings)
    return await step.restore(source=found, database=database, clock=utc_now, policy=policy, **lost)


async def _stored(settings: Settings, source: str) -> StoredBackup:
    from awbridge.app import backups
    from awbridge.steps.backup.restore import find_by_url, find_stored

    if "://" in source:
        folder, _, key = source.rpartition("/")
        return await find_by_url(backups.objects_of(settings, folder, "the URL"), key)
    return await find_stored(backups.backup_objects(settings), source)


@click.command("after-restore")
@_since_option
@_until_option
@_manifest_option
@click.option("--anyway", is_flag=True, help="Also while connections of a service to the database seem open.")
@form_options
def after_restore(
    since: datetime | None, until: datetime | None, last_manifest: int | None, anyway: bool, form: Form
) -> None:
    """Correct a restored database, and say what is left to do.

    For a database that other tools restored to an older point. Run it before the service starts again.
    `awbridge restore` includes it.

    Example: awbridge after-restore --since "2026-11-29 07:06"
    """

    async def go(settings: Settings, store: Store) -> AfterRestore:
        from awbridge.app import backups
        from awbridge.steps.backup.after_restore import after_restore as step

        return await step(
            store=store,
            clock=utc_now,
            policy=backups.after_restore_policy(settings),
            point=in_zone(since, settings.zone) if since else None,
            until=in_zone(until, settings.zone) if until else None,
            last_manifest=last_manifest,
            anyway=anyway,
        )

    _check_unused(read_settings(), anyway)
    _show_corrected(with_settings(go), form)


def _check_unused(settings: Settings, anyway: bool) -> None:
    """Raise BackupError while a process has a SQLite database open."""
    from awbridge.app import backups
    from awbridge.store.backup.replace_file import check_unused

    if settings.database_url.startswith("sqlite:") and not anyway:
        check_unused(backups.database_file(settings))


def _show_corrected(corrected: AfterRestore | None, form: Form, **more: Any) -> None:
    if corrected is None:
        return
    if form == "text":
        click.echo("\n".join(_lines(corrected)))
        return
    values = asdict(corrected.lost) | {name: getattr(corrected, name) for name in _CORRECTED[2:]} | more
    output.show_one(values, form=form, view=(*_CORRECTED, *more))


def _lines(corrected: AfterRestore) -> Iterator[str]:
    lost, counts, access = corrected.lost, corrected.counts, corrected.access
    point, until = output.in_words(lost.point_at), output.in_words(lost.until_at)
    yield f"\nThe database knows what happened up to {point}. What happened from then to {until} may be missing."
    yield "\nDone:"
    done = {
        "shipments_maybe_placed": "orders may be placed: they are sent again, and ClickPost returns the first waybill",
        "timelines_to_poll": "timelines are due for polling",
        "messages_not_sent_again": "open messages may have been sent and are not, nor are others about this time",
        "pickups_unclear": "pickups may have been booked and are not repeated: awbridge actions list --state unclear",
        "reports_not_mailed_again": "reports of this time are not mailed again",
        "sessions_ended": "sessions ended: everybody signs in again",
        "one_time_links_ended": "one-time links of people no longer work",
    }
    yield from (f"  {counts[name]:>7,}  {text}" for name, text in done.items())
    if corrected.next_manifest:
        yield f"  {'':>7}  manifests go on with number {corrected.next_manifest}"
    covered = output.in_words(corrected.covered_until) if corrected.covered_until else point
    yield "\nTo do:"
    yield f"  1. Start the service. It fetches updated-order from {covered} on; awbridge catch-up --status shows it."
    yield f"  2. Let the order system repeat what it sent since {point}: orders, cancellations, changes, actions. Known"
    yield "     orders have no effect. Do not repeat pickups without looking at ClickPost's dashboard."
    kept = f"{access.api_keys} API keys, {access.people} people, {access.webhook_keys} webhook keys"
    yield f"  3. Compare with your own records what was changed since then: {kept},"
    yield f"     {access.endpoints} subscribers, couriers, rules, downtimes. What was revoked is valid again."
    yield "     awbridge webhook test URL shows whether ClickPost's key is known."
    yield "  4. Record again the opt-outs and erasures of this time, and revoked links to the customer's page."
    yield "  5. Look for orders that are at ClickPost only: awbridge reconcile --date, for each day since then."
    yield "docs/how-to/deploy/backup.md says for each table what is restored, corrected or lost."
