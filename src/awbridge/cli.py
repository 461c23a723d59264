"""The commands. Each has an example in its help, `--json` where it prints data, and exit code 0 only on success."""

from __future__ import annotations

import csv
import dataclasses
import json
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import uvloop
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import awbridge
from awbridge import service
from awbridge.clickpost.accounts import VendorAccount
from awbridge.clickpost.client import AsyncClickPost
from awbridge.clickpost.codes import status_info
from awbridge.domain.errors import AwbridgeError, NotFound
from awbridge.domain.shipment import Shipment, State
from awbridge.logs import set_up_logs
from awbridge.settings import Settings, load_settings
from awbridge.steps import catch_up as catch_up_step
from awbridge.steps import import_file, intake
from awbridge.steps.clock import utc_now
from awbridge.store import Store, attempts, couriers, inbox, scans, shipments, webhook_keys, windows
from awbridge.store.couriers import CourierAccount

T = TypeVar("T")

_out = Console()
_err = Console(stderr=True)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def _fail(text: str) -> NoReturn:
    _err.print(f"[red]error:[/red] {text}", highlight=False, markup=True)
    sys.exit(1)


def _settings(**overrides: Any) -> Settings:
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    return settings


def _run(main: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(main)


def _with_store(work: Callable[[Store], Coroutine[Any, Any, T]], settings: Settings | None = None) -> T:
    async def main() -> T:
        chosen = settings or _settings()
        async with service.open_store(chosen, migrate=chosen.migrate_on_start) as store:
            return await work(store)

    return _run(main())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return str(value)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _print_table(rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else str(_plain(v) if isinstance(v, datetime) else v) for v in row.values()))
    _out.print(table)


class _Group(click.Group):
    """Our own errors are one clear line on standard error and exit code 1; never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except AwbridgeError as error:
            _fail(str(error))


@click.group(cls=_Group)
@click.version_option(awbridge.__version__, prog_name="awbridge")
def main() -> None:
    """The finished ClickPost integration.

    Settings come from AWBRIDGE_* variables and awbridge.toml. Start with: awbridge demo
    """


@main.command()
@click.option("--shipments", default=200, show_default=True, type=click.IntRange(1, 20_000), help="How many to send.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same journeys and faults.")
@click.option("--keep", is_flag=True, help="Leave the service running and its database behind.")
@_as_json
def demo(shipments: int, seed: int, keep: bool, as_json: bool) -> None:
    """Run the whole bridge against a simulated ClickPost with faults, and check the result.

    Example: awbridge demo --shipments 500 --seed 7
    """
    from awbridge.demo import run_demo

    set_up_logs(level="error", as_json=False)
    if not _run(run_demo(count=shipments, seed=seed, keep=keep, as_json=as_json)):
        sys.exit(1)


@main.command()
@click.option("--host", help="Address to listen on. [default: AWBRIDGE_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [default: AWBRIDGE_PORT, 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Run the service: API, webhook endpoint and all steps in one process.

    Example: awbridge serve --port 8000
    """
    _run(service.serve(_settings(host=host, port=port), on_ready=lambda url: click.echo(f"awbridge listens on {url}")))


@main.command()
def work() -> None:
    """Run the steps only: more hands on the same database.

    Example: AWBRIDGE_DATABASE_URL=postgresql://... awbridge work
    """
    _run(service.work(_settings()))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8100, show_default=True)
@click.option("--seed", type=int, help="The same seed gives the same journeys and faults.  [default: 1]")
@click.option("--speed", type=float, help="How many times faster than real time parcels travel.  [default: 1]")
@click.option("--backdate-days", type=float, help="How far back parcels' time starts.  [default: 0]")
@click.option("--fault", "faults", multiple=True, metavar="NAME=VALUE", help="A fault, e.g. http_500=0.1. Repeatable.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file of settings.")
def sandbox(
    host: str,
    port: int,
    seed: int | None,
    speed: float | None,
    backdate_days: float | None,
    faults: tuple[str, ...],
    config: Path | None,
) -> None:
    """Serve a simulated ClickPost. Its control API is under /_sandbox/.

    Example: awbridge sandbox --seed 7 --speed 3600 --backdate-days 30 --fault http_500=0.1
    """
    from awbridge.demo import sandbox_config
    from awbridge.sandbox import serve as serve_sandbox

    try:
        chosen = sandbox_config(
            seed=seed,
            speed=speed,
            backdate_seconds=None if backdate_days is None else backdate_days * 86400,
            faults=faults,
            file=config,
        )
    except (ValueError, OSError) as error:
        _fail(_first_problem(error))
    if not _is_free(host, port):
        _fail(f"{host}:{port} is in use; choose another --port")
    click.echo(f"a simulated ClickPost listens on http://{host}:{port}")
    serve_sandbox(chosen, host, port)


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date.

    Example: awbridge migrate
    """

    async def go() -> list[str]:
        store = await Store.open(_settings().database_url)
        try:
            return await store.migrate()
        finally:
            await store.close()

    ran = _run(go())
    click.echo("\n".join(f"applied {name}" for name in ran) or "the schema is up to date")


@main.group("shipments")
def shipments_group() -> None:
    """Bring shipments in, look at them, retry or cancel them."""


@shipments_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_as_json
def import_shipments(file: Path, as_json: bool) -> None:
    """Import orders from a .csv, .json or .jsonl file. Good rows go in; every bad one is reported; then exit code 1.

    Example: awbridge shipments import orders.csv
    """

    async def go(store: Store) -> import_file.Imported:
        rows = list(import_file.read_orders(file))
        bar = Progress(TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=_err)
        with bar:
            task = bar.add_task("", total=sum(isinstance(r, import_file.ReadOrder) for r in rows))
            return await import_file.import_orders(
                store=store, clock=utc_now, orders=rows, on_row=lambda n: bar.advance(task, n)
            )

    result = _with_store(go)
    if as_json:
        _print_json({"created": result.created, "known": result.known, "bad": result.bad})
    else:
        click.echo(f"{result.created} created, {result.known} known already, {_bad_lines(result)} bad")
        if result.bad:
            _print_table([_plain(b) for b in result.bad], empty="")
    if result.bad:
        sys.exit(1)


def _bad_lines(result: import_file.Imported) -> int:
    return len({b.line for b in result.bad})


def _summary(shipment: Shipment) -> dict[str, Any]:
    status = status_info(shipment.status_code).name if shipment.status_code is not None else ""
    return {
        "reference_number": shipment.reference_number,
        "state": shipment.state.value,
        "AWB": shipment.waybill,
        "status": status,
        "retries": shipment.no_of_retries,
        "problem": shipment.problem,
        "created_at": shipment.created_at,
    }


@shipments_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in State]), help="Only shipments in this state.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_as_json
def list_shipments(state: str | None, limit: int, as_json: bool) -> None:
    """List shipments, newest first.

    Example: awbridge shipments list --state rejected
    """

    async def go(store: Store) -> list[Shipment]:
        async with store.read() as session:
            return await shipments.newest(session, state=State(state) if state else None, limit=limit)

    rows = [_summary(s) for s in _with_store(go)]
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows, empty="no shipments")


async def _shipment(store: Store, reference_number: str) -> Shipment:
    async with store.read() as session:
        shipment = await shipments.get(session, reference_number)
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


@shipments_group.command("show")
@click.argument("reference_number")
@_as_json
def show_shipment(reference_number: str, as_json: bool) -> None:
    """Show a shipment with its timeline and every call made about it.

    Example: awbridge shipments show ORDER-1001
    """

    async def go(store: Store) -> tuple[Shipment, list[Any], Sequence[Any]]:
        shipment = await _shipment(store, reference_number)
        async with store.read() as session:
            timeline = await scans.timeline(session, reference_number)
            calls = await attempts.of_shipment(session, reference_number)
        return shipment, timeline, calls

    shipment, timeline, calls = _with_store(go)
    if as_json:
        _print_json({"shipment": shipment, "scans": timeline, "attempts": calls})
        return
    _print_table([{"field": k, "value": v} for k, v in _summary(shipment).items()], empty="")
    click.echo("\nscans")
    _print_table(
        [
            {
                "scanned_at": s.scanned_at,
                "status": status_info(s.status_code).name,
                "remark": s.remark,
                "location": s.location,
            }
            for s in timeline
        ],
        empty="none yet",
    )
    click.echo("\ncalls")
    _print_table(
        [
            {
                "made_at": a.made_at,
                "api": a.api,
                "HTTP": a.http_status,
                "business": a.business_status,
                "outcome": a.outcome,
            }
            for a in calls
        ],
        empty="none yet",
    )


@shipments_group.command("scans")
@click.argument("reference_number")
@_as_json
def show_scans(reference_number: str, as_json: bool) -> None:
    """Show a shipment's timeline, oldest scan first.

    Example: awbridge shipments scans ORDER-1001
    """

    async def go(store: Store) -> list[Any]:
        await _shipment(store, reference_number)
        async with store.read() as session:
            return await scans.timeline(session, reference_number)

    rows = [_plain(s) for s in _with_store(go)]
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows, empty="no scans yet")


@shipments_group.command("attempts")
@click.argument("reference_number")
@_as_json
def show_attempts(reference_number: str, as_json: bool) -> None:
    """Show every call made to ClickPost about a shipment.

    Example: awbridge shipments attempts ORDER-1001 --json
    """

    async def go(store: Store) -> Sequence[Any]:
        await _shipment(store, reference_number)
        async with store.read() as session:
            return await attempts.of_shipment(session, reference_number)

    rows = [_plain(a) for a in _with_store(go)]
    if as_json:
        _print_json(rows)
    else:
        short = ("made_at", "api", "http_status", "business_status", "outcome", "error", "ms")
        _print_table([{name: row[name] for name in short} for row in rows], empty="no calls yet")


@shipments_group.command("retry")
@click.argument("reference_numbers", nargs=-1, required=True)
def retry_shipments(reference_numbers: tuple[str, ...]) -> None:
    """Push shipments again at once, with all their tries.

    Example: awbridge shipments retry ORDER-1001 ORDER-1002
    """

    async def go(store: Store) -> None:
        for reference in reference_numbers:
            done = await intake.retry(store=store, clock=utc_now, reference_number=reference)
            click.echo(f"{reference}: {done.state}")

    _with_store(go)


@shipments_group.command("cancel")
@click.argument("reference_numbers", nargs=-1, required=True)
def cancel_shipments(reference_numbers: tuple[str, ...]) -> None:
    """Cancel shipments, also at ClickPost where it holds them.

    Example: awbridge shipments cancel ORDER-1001
    """

    async def go(store: Store) -> None:
        for reference in reference_numbers:
            done = await intake.cancel(store=store, clock=utc_now, reference_number=reference)
            click.echo(f"{reference}: {done.state if done.state is State.CANCELLED else 'cancelling at ClickPost'}")

    _with_store(go)


@main.group("couriers")
def couriers_group() -> None:
    """The mapping of your transporters to ClickPost's courier accounts."""


@couriers_group.command("list")
@_as_json
def list_couriers(as_json: bool) -> None:
    """List transporters and the courier accounts they are mapped to.

    Example: awbridge couriers list
    """

    async def go(store: Store) -> list[CourierAccount]:
        async with store.read() as session:
            return await couriers.every(session)

    rows = [_plain(a) for a in _with_store(go)]
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows, empty="no transporters yet; add some with awbridge couriers import or sync")


@couriers_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_couriers(file: Path) -> None:
    """Import transporters from a CSV: transporter, courier_partner_id, account_code, name, active.

    Example: awbridge couriers import couriers.csv
    """
    accounts = _read_couriers(file)

    async def go(store: Store) -> None:
        async with store.write() as session:
            await couriers.put(session, accounts, now=utc_now())

    _with_store(go)
    click.echo(f"{len(accounts)} transporters imported")


def _read_couriers(file: Path) -> list[CourierAccount]:
    accounts: list[CourierAccount] = []
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        for row in rows:
            place = f"{file.name}, line {rows.line_num}"
            transporter, courier = (row.get("transporter") or "").strip(), (row.get("courier_partner_id") or "").strip()
            if not transporter or not courier.isdecimal():
                raise AwbridgeError(
                    f"{place}: transporter and courier_partner_id (a number) are needed; nothing imported"
                )
            active = (row.get("active") or "true").strip().lower()
            if active not in ("true", "false", "1", "0", "yes", "no"):
                raise AwbridgeError(f"{place}: active must be true or false; nothing imported")
            accounts.append(
                CourierAccount(
                    transporter=transporter,
                    courier_partner_id=int(courier),
                    account_code=(row.get("account_code") or "").strip() or None,
                    name=(row.get("name") or "").strip(),
                    active=active in ("true", "1", "yes"),
                )
            )
    return accounts


def _with_vendor(work: Callable[[AsyncClickPost, Store], Coroutine[Any, Any, T]]) -> T:
    async def main() -> T:
        settings = _settings()
        async with (
            service.open_store(settings, migrate=settings.migrate_on_start) as store,
            service.vendor(settings) as clickpost,
        ):
            return await work(clickpost, store)

    return _run(main())


@couriers_group.command("sync")
@click.option("--apply", "really", is_flag=True, help="Write the difference; without it, only show it.")
@_as_json
def sync_couriers(really: bool, as_json: bool) -> None:
    """Compare with the accounts that ClickPost has for you; shows the difference first.

    A new account's transporter is named after its account code.

    Example: awbridge couriers sync --apply
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> list[tuple[str, CourierAccount]]:
        theirs = [*await clickpost.fetch_accounts(active=True), *await clickpost.fetch_accounts(active=False)]
        async with store.read() as session:
            mine = await couriers.every(session)
        changes = _courier_changes(mine, theirs)
        if really and changes:
            async with store.write() as session:
                await couriers.put(session, [account for _, account in changes], now=utc_now())
        return changes

    changed = _with_vendor(go)
    if as_json:
        _print_json([{"change": change, **_plain(account)} for change, account in changed])
        return
    for change, account in changed:
        click.echo(f"{change}: {account.transporter} -> {account.courier_partner_id} {account.account_code or ''}")
    if not changed:
        click.echo("nothing to change")
    elif not really:
        click.echo("nothing written; add --apply to write this")


def _courier_changes(
    mine: Sequence[CourierAccount], theirs: Sequence[VendorAccount]
) -> list[tuple[str, CourierAccount]]:
    by_account = {(a.courier_partner_id, a.account_code): a for a in mine}
    names = {a.transporter for a in mine}
    changes: list[tuple[str, CourierAccount]] = []
    for account in {(a.courier_partner_id, a.account_code): a for a in theirs}.values():
        known = by_account.pop((account.courier_partner_id, account.account_code), None)
        if known is None:
            name = account.account_code or account.courier_name
            name = name if name not in names else f"{name} ({account.courier_partner_id})"
            names.add(name)
            new = CourierAccount(
                transporter=name,
                courier_partner_id=account.courier_partner_id,
                account_code=account.account_code,
                name=account.courier_name,
                active=account.active,
            )
            changes.append(("new", new))
        elif known.active != account.active:
            word = "switched on" if account.active else "switched off at ClickPost"
            changes.append((word, dataclasses.replace(known, active=account.active)))
    gone = (a for a in by_account.values() if a.active)
    return [*changes, *(("vanished at ClickPost", dataclasses.replace(a, active=False)) for a in gone)]


@main.group("webhook")
def webhook_group() -> None:
    """Register the webhook endpoint at ClickPost and test it."""


@webhook_group.command("register")
@click.argument("url")
@click.option("--show-key", is_flag=True, help="Print the key that ClickPost gave. awbridge keeps only its SHA-256.")
def register_webhook(url: str, show_key: bool) -> None:
    """Register your endpoint; changes the address where one is registered already.

    Example: awbridge webhook register https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> None:
        registration = await clickpost.register_webhook(url)
        changed = registration.code == 305
        if changed:
            registration = await clickpost.change_webhook(url)
        if registration.code != 200:
            raise AwbridgeError(f"ClickPost refused ({registration.code}): {registration.message}")
        if registration.webhook_key:
            async with store.write() as session:
                await webhook_keys.add(session, registration.webhook_key, webhook_url=url, now=utc_now())
        click.echo(f"{'changed to' if changed else 'registered'} {url}")
        click.echo("the key is stored" if registration.webhook_key else "ClickPost gave no new key; the old one holds")
        if show_key and registration.webhook_key:
            click.echo(registration.webhook_key)

    if not url.startswith(("https://", "http://")):
        _fail(f"{url!r} is not a URL; write https://your-host/webhooks/clickpost")
    _with_vendor(go)


@webhook_group.command("test")
@click.argument("url")
def send_test_webhook(url: str) -> None:
    """Have ClickPost send a test delivery to your endpoint.

    Example: awbridge webhook test https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, _store: Store) -> None:
        now = datetime.now(UTC)
        await clickpost.test_webhook(
            url,
            {
                "waybill": "AWBRIDGE-TEST",
                "cp_id": 35,
                "clickpost_status_code": 28,
                "clickpost_status_description": "AwbRegistered",
                "status": "test",
                "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S"),
                "additional": {},
            },
        )
        click.echo("ClickPost sent a test delivery")

    _with_vendor(go)


@main.command("catch-up")
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Local to the account.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="[default: now]")
@click.option("--everything", is_flag=True, help="Ask track-order for every shipment with a waybill, final ones too.")
@_as_json
def catch_up(start: datetime | None, end: datetime | None, everything: bool, as_json: bool) -> None:
    """Fetch what webhooks missed. Without options: the uncovered minutes and the silent shipments, as serve does.

    Example: awbridge catch-up --from 2026-11-01 --to 2026-11-02
    """
    if end and not start:
        _fail("--to needs --from")
    if everything and start:
        _fail("--everything asks for all shipments; leave out --from and --to")
    settings = _settings()
    policy = service.catch_up_policy(settings)

    async def go(clickpost: AsyncClickPost, store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clickpost": clickpost, "clock": utc_now, "policy": policy}
        if everything:
            told = await catch_up_step.ask_for_everything(**world)
            if told.failed:
                raise AwbridgeError(f"{told.failed} of {told.asked} shipments could not be asked for; try again")
            return {"asked": told.asked, "known": told.known}
        if start:
            since = start.replace(tzinfo=settings.zone)
            until = end.replace(tzinfo=settings.zone) if end else utc_now()
            if until <= since:
                raise AwbridgeError("--to must be later than --from")
            return {"items": await catch_up_step.cover_span(**world, start=since, end=until)}
        covered = asked = 0
        while await catch_up_step.cover_next_window(**world):
            covered += 1
        while more := await catch_up_step.ask_for_silent(**world):
            asked += more
        async with store.read() as session:
            failed = [w for w in await windows.recent(session, limit=50) if w.done_at is None and w.problem]
        if failed:
            raise AwbridgeError(f"{len(failed)} windows could not be fetched: {failed[0].problem}")
        return {"windows": covered, "asked": asked}

    result = _with_vendor(go)
    if as_json:
        _print_json(result)
    else:
        click.echo(", ".join(f"{name}: {value}" for name, value in result.items()))


@main.command()
@click.option("--list", "only_list", is_flag=True, help="Only show what was set aside.")
@_as_json
def replay(only_list: bool, as_json: bool) -> None:
    """Give every delivery that was set aside another chance (after a fix).

    Example: awbridge replay --list
    """

    async def go(store: Store) -> list[Any]:
        async with store.write() as session:
            aside = await inbox.problems(session, limit=1000)
            if not only_list:
                click.echo(f"{await inbox.replay(session, now=utc_now())} deliveries are due again", err=True)
        return aside

    aside = _with_store(go)
    if as_json:
        _print_json(aside)
    elif only_list:
        _print_table(
            [{"received_at": a.received_at, "source": a.source, "problem": a.problem} for a in aside], empty="nothing"
        )
