"""Bytes a parcel, table by table and index by index, after parcels have gone the whole way.

The sandbox and the service run as they would in earnest and meet over HTTP only: orders by the API, create-order, one
webhook a scan, updated-order over every minute, track-order for every open shipment after every second scan and once
after its last (a parcel that is under way for five days, in guide mode), events to one subscriber of all kinds, SMS to
customers. Then every relation of the database is measured. A run in which a scan is missing, or in which work is left,
is void.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import click
import httpx2
import structlog
from rich.console import Console
from rich.table import Table
from tests.support.customers import LAST, STREETS, customer
from tests.support.postgres import postgres_server

from awbridge.app.database import open_store
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.domain.json import JsonObject
from awbridge.rehearsal.demo_company import Company, company, unsent
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.rehearsal.processes import sandbox_process
from awbridge.rehearsal.service_here import service_here, set_up
from awbridge.sandbox import SandboxConfig
from awbridge.sandbox.config import JourneyWeights
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.engine.queries import parse
from bench.figures import Figure, keep

ENGINES = ("PostgreSQL", "SQLite")
BACK = 60 * 86_400.0  # seconds: no scan of a journey lies in the future
_STUCK = [f"stuck_{leg}_hours" for leg in ("pickup", "transit", "delivery", "return")]  # scans are old: nobody is stuck
WEIGHTS = JourneyWeights(delivered=50, ndr_delivered=35, rto=15, cancelled=0, lost=0, damaged=0, expired=0)
SHOWN = 0.005  # relations with a smaller share are summed up
PATIENCE = 600.0  # seconds without progress

_SQL = parse("""
-- name: left
SELECT (SELECT COUNT(*) FROM shipments WHERE state <> 'placed') AS unplaced,
  (SELECT COUNT(*) FROM inbox_batches) + (SELECT COUNT(*) FROM inbox WHERE due_at IS NOT NULL) AS unapplied,
  (SELECT COUNT(*) FROM milestones WHERE due_at IS NOT NULL)
    + (SELECT COUNT(*) FROM event_deliveries WHERE state <> 'delivered') AS untold

-- name: poll
UPDATE shipments SET next_poll_at = $1, last_polled_at = NULL WHERE next_poll_at IS NOT NULL

-- name: unpolled
SELECT COUNT(*) AS shipments FROM shipments WHERE next_poll_at <= $1

-- name: covered
SELECT MAX(to_at) AS until_at FROM catch_up_windows WHERE done_at IS NOT NULL

-- name: counts
SELECT (SELECT COUNT(*) FROM shipments) AS parcels, (SELECT COUNT(*) FROM scans) AS scans,
  (SELECT COUNT(*) FROM inbox) AS deliveries, (SELECT COUNT(*) FROM attempts) AS calls,
  (SELECT COUNT(*) FROM events) AS events, (SELECT COUNT(*) FROM notices) AS notices

-- name: sources
SELECT source, COUNT(*) AS deliveries, CAST(AVG(LENGTH(body)) AS INTEGER) AS bytes FROM inbox
GROUP BY source ORDER BY source
""")

# What a partition takes is its table's.
_RELATIONS = """
SELECT COALESCE(of_table.relname, c.relname) AS table_name, COALESCE(of_index.relname, i.relname) AS index_name,
  SUM(pg_relation_size(i.oid))::bigint AS bytes, NULL AS toast
FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_inherits p ON p.inhrelid = c.oid LEFT JOIN pg_class of_table ON of_table.oid = p.inhparent
LEFT JOIN pg_inherits q ON q.inhrelid = i.oid LEFT JOIN pg_class of_index ON of_index.oid = q.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1, 2
UNION ALL
SELECT COALESCE(of_table.relname, c.relname), NULL, SUM(pg_relation_size(c.oid))::bigint,
  SUM(COALESCE(pg_total_relation_size(NULLIF(c.reltoastrelid, 0)), 0))::bigint
FROM pg_class c LEFT JOIN pg_inherits p ON p.inhrelid = c.oid LEFT JOIN pg_class of_table ON of_table.oid = p.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1
"""
_BTREES = """
SELECT m.tbl_name AS table_name, CASE WHEN m.type = 'index' THEN m.name END AS index_name, SUM(s.pgsize) AS bytes,
  SUM(CASE WHEN s.pagetype = 'overflow' THEN s.pgsize ELSE 0 END) AS overflow
FROM dbstat s JOIN sqlite_schema m ON m.name = s.name GROUP BY m.name
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table without its long values, its long values (index None), or an index; in bytes."""

    table: str
    part: str
    bytes: int


def order(number: int, seed: int) -> JsonObject:
    """An order with the fields that ClickPost's own examples fill in. No two people and addresses are alike.

    Each seed is another company: another warehouse, other GST numbers, brands and pictures.
    """
    dice, shop = random.Random(f"{seed}/{number}"), random.Random(f"shop {seed}")
    made = demo_order(number, seed)
    made["drop_info"] |= customer(dice, _address)
    gstin, name, phone = f"27{shop.getrandbits(60):X}", f"{shop.choice(LAST)} & Co", f"80{shop.randrange(10**8):08d}"
    stored = {"name": f"{name} Warehouse", "phone": phone, "address": _address(shop)}
    made["pickup_info"] |= {f"pickup_{key}": value for key, value in stored.items()}
    made["pickup_info"] |= {"email": f"warehouse@{name[:3].lower()}.example.com", "tin": gstin}
    details = made["shipment_details"]
    price = details["invoice_value"]
    details["items"] = [_item(dice, price / 2, name) for _ in range(2)]
    made["gst_info"] = {
        "seller_gstin": gstin,
        "consignee_gstin": "",
        "taxable_value": f"{price / 1.05:.2f}",
        "gst_total_tax": round(price - price / 1.05, 2),
        "igst_tax_rate": "5",
        "igst_amount": f"{price - price / 1.05:.2f}",
        "is_seller_registered_under_gst": True,
        "place_of_supply": made["drop_info"]["drop_state"],
        "hsn_code": f"{dice.randrange(6101, 6405)}",
        "invoice_reference": details["invoice_number"],
    }
    place = {key: made["pickup_info"][f"pickup_{key}"] for key in ("city", "state", "pincode", "country")}
    made["additional"] |= {"return_info": {**stored, **place}, "order_date": "2026-11-01"}
    return made


def _address(dice: random.Random) -> str:
    return f"{dice.randrange(1, 400)}{dice.choice('ABCD')}, {dice.choice(_HOUSES)}, {dice.choice(STREETS)}"


_HOUSES = ("Sai Residency", "Lake View Apartments", "Green Park", "Shanti Niwas", "Palm Heights", "Silver Oak", "Gokul")
_MADE_OF = ("Cotton", "Linen", "Silk", "Woollen", "Canvas", "Leather", "Checked", "Striped", "Plain white", "Dark blue")
_GOODS = ("shirt", "trousers", "scarf", "shoes", "jacket", "kurta", "saree", "belt", "socks, 3 pairs", "bag")


def _item(dice: random.Random, price: float, brand: str) -> JsonObject:
    return {
        "sku": f"{brand[:3].upper()}-{dice.randrange(5000):05d}-{dice.choice(('S', 'M', 'L', 'XL'))}",
        "description": f"{dice.choice(_MADE_OF)} {dice.choice(_GOODS)}",
        "quantity": 1,
        "price": round(price, 2),
        "additional": {
            "brand": brand,
            "return_days": 7,
            "images": f"https://cdn.{brand[:3].lower()}.example.com/p/{dice.getrandbits(64):016x}.jpg",
        },
    }


def _settings(url: str, sandbox_url: str, folder: Path, systems: Company) -> Settings:
    return load_settings(
        database_url=url,
        clickpost_username="sandbox",
        clickpost_key="sandbox-key",
        clickpost_url=sandbox_url,
        clickpost_tracking_url=sandbox_url,
        catch_up_window_seconds=4.0,
        catch_up_lag_seconds=0.5,
        polling_calls_per_second=1000.0,
        steps_idle_seconds=0.2,
        **dict.fromkeys(_STUCK, 100 * 24.0),
        data_dir=str(folder / "awbridge-data"),
        notice_sms_url=systems.sms_url,
        notice_consent="sms",
        notice_quiet_hours="",
        notice_brand="Demo Shop",
        track_url="http://127.0.0.1",
        track_keys=("the benchmark's key of links",),
        endpoint_networks=("127.0.0.0/8",),
        host="127.0.0.1",
        port=0,
        log_level="error",
    )


@dataclass(slots=True, kw_only=True)
class _Run:
    """A running service, its sandbox, and its database."""

    url: str
    sandbox_url: str
    settings: Settings
    store: Store
    http: httpx2.AsyncClient
    seed: int
    vacuum: str  # the address of a PostgreSQL database that is vacuumed after each scan; "" for none

    async def fill(self, parcels: int, systems: Company) -> None:
        """Take parcels in, and follow them to the end of their journeys."""
        await self._set_up(systems)
        for start in range(0, parcels, 100):
            batch = [order(n, self.seed) for n in range(start, min(start + 100, parcels))]
            (await self.http.post(f"{self.url}/v1/shipments", json=batch)).raise_for_status()
        await self._until_none("unplaced")
        rounds = 0
        while await self._next_scan():
            rounds += 1
            await self._settle()
            if self.vacuum:
                await _vacuum(self.vacuum)
            if rounds % 2 == 0:
                await self._poll()
            click.echo(f"  scan {rounds} of every parcel under way", err=True)
        await self._poll()
        for name in ("unplaced", "unapplied", "untold"):
            await self._until_none(name)
        while await unsent(self.http, self.url):
            await asyncio.sleep(0.5)

    async def _set_up(self, systems: Company) -> None:
        await set_up(self.http, self.url, self.settings)
        answer = await self.http.post(f"{self.url}/v1/endpoints", json={"url": f"{systems.url}/events", "kinds": []})
        answer.raise_for_status()
        systems.secret = answer.json()["secret"]

    async def _next_scan(self) -> int:
        answer = await self.http.post(f"{self.sandbox_url}/_sandbox/next", timeout=120)
        return int(answer.json()["scans"])

    async def _settle(self) -> None:
        """Until all webhooks of the scans are sent, all is applied, and updated-order has covered them."""
        state: dict[str, int] = {"queued_webhooks": 1}
        while state["queued_webhooks"] or state["in_flight_webhooks"]:
            await asyncio.sleep(0.2)
            state = (await self.http.get(f"{self.sandbox_url}/_sandbox/state")).json()
        sent = utc_now() + timedelta(seconds=1)
        while True:
            async with self.store.read() as session:
                covered = (await session.fetch(_SQL["covered"]))[0]["until_at"]
            if covered and covered > sent:
                break
            await asyncio.sleep(0.2)
        await self._until_none("unapplied")

    async def _poll(self) -> None:
        """A day has passed: whatever is polled once a day is due."""
        now = utc_now()
        async with self.store.write() as session:
            await session.execute(_SQL["poll"], now)
        unpolled = 1
        while unpolled:
            await asyncio.sleep(0.2)
            async with self.store.read() as session:
                unpolled = int((await session.fetch(_SQL["unpolled"], now))[0]["shipments"])
        await self._until_none("unapplied")

    async def _until_none(self, name: str) -> None:
        ends, least = asyncio.get_running_loop().time() + PATIENCE, 2**62
        while left := await self._left(name):
            now = asyncio.get_running_loop().time()
            if left < least:
                ends, least = now + PATIENCE, left
            if now > ends:
                raise click.ClickException(f"void: {left} {name} after {PATIENCE:g} s")
            await asyncio.sleep(0.2)

    async def _left(self, name: str) -> int:
        async with self.store.read() as session:
            return int((await session.fetch(_SQL["left"]))[0][name])

    async def check(self) -> dict[str, int]:
        """The counts of rows. Raises ClickException if a scan of the sandbox is missing."""
        ledger = (await self.http.get(f"{self.sandbox_url}/_sandbox/ledger", timeout=120)).json()
        async with self.store.read() as session:
            counts = dict((await session.fetch(_SQL["counts"]))[0])
            sources = [dict(row) for row in await session.fetch(_SQL["sources"])]
        made = sum(len(one["scans"]) for one in ledger["orders"])
        if counts["scans"] != made:
            raise click.ClickException(f"void: ClickPost has {made} scans, the database {counts['scans']}")
        for row in sources:
            click.echo(f"  inbox, {row['source']}: {row['deliveries']:,} of {row['bytes']} bytes stored", err=True)
        return {name: int(count) for name, count in counts.items()}


async def _fill(url: str, parcels: int, seed: int, folder: Path, vacuum: str = "") -> dict[str, int]:
    config = SandboxConfig(seed=seed, speed=1.0, backdate_seconds=BACK, weights=WEIGHTS, order_status_ids=1.0)
    (folder / "sandbox.json").write_text(config.model_dump_json())
    arguments = ["--config", str(folder / "sandbox.json")]
    with (folder / "sandbox.log").open("ab") as log, sandbox_process(arguments, folder, log) as sandbox:
        async with company() as systems:
            settings = _settings(url, sandbox.url, folder, systems)
            async with (
                service_here(settings) as address,
                httpx2.AsyncClient(timeout=60.0) as http,
                open_store(settings, migrate=False) as store,
            ):
                await sandbox.ready()
                place = {"url": address, "sandbox_url": sandbox.url, "vacuum": vacuum}
                run = _Run(**place, settings=settings, store=store, http=http, seed=seed)
                await run.fill(parcels, systems)
                return await run.check()


async def _vacuum(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM", timeout=600)
    finally:
        await connection.close()


async def _postgres_relations(url: str) -> list[Relation]:
    await _vacuum(url)
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(_RELATIONS)
    finally:
        await connection.close()
    found: list[Relation] = []
    for row in rows:
        found.append(Relation(row["table_name"], row["index_name"] or "rows", row["bytes"]))
        if row["toast"]:
            found.append(Relation(row["table_name"], "long values", row["toast"]))
    return found


def _sqlite_relations(file: Path) -> list[Relation]:
    connection = apsw.Connection(str(file))
    found: list[Relation] = []
    for table, index, size, overflow in connection.execute(_BTREES):
        part = "PRIMARY KEY" if index and index.startswith("sqlite_autoindex") else index
        found.append(Relation(table, part or "rows", size if index else size - overflow))
        if overflow and not index:
            found.append(Relation(table, "long values", overflow))
    connection.close()
    return found


def _print(engine: str, counts: dict[str, int], relations: Sequence[Relation]) -> float:
    parcels = counts["parcels"]
    total = sum(relation.bytes for relation in relations)
    table = Table(title=f"{engine}: bytes a parcel")
    table.add_column("table")
    table.add_column("part")
    table.add_column("bytes", justify="right")
    table.add_column("share", justify="right")
    tables: dict[str, int] = {}
    for relation in relations:
        tables[relation.table] = tables.get(relation.table, 0) + relation.bytes
    rest = 0
    for name in sorted(tables, key=lambda name: -tables[name]):
        if tables[name] < SHOWN * total:
            rest += tables[name]
            continue
        table.add_row(name, "", f"{tables[name] / parcels:,.0f}", f"{tables[name] / total:.1%}", style="bold")
        for relation in sorted((r for r in relations if r.table == name), key=lambda r: -r.bytes):
            table.add_row("", relation.part, f"{relation.bytes / parcels:,.0f}", f"{relation.bytes / total:.1%}")
    table.add_row("all others", "", f"{rest / parcels:,.0f}", f"{rest / total:.1%}", style="bold")
    table.add_row("all", "", f"{total / parcels:,.0f}", "", style="bold")
    console = Console(width=100)
    console.print(table)
    each = ", ".join(f"{counts[name] / parcels:.1f} {name}" for name in counts if name != "parcels")
    console.print(f"{parcels:,} parcels, each with {each}.")
    return total / parcels


@click.command()
@click.option("--parcels", default=1000, show_default=True, type=click.IntRange(100), help="Parcels to follow.")
@click.option("--engine", type=click.Choice(ENGINES), help="One engine only.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another company and other journeys.")
@click.option("--vacuum", is_flag=True, help="VACUUM after each scan, as autovacuum would in the days between.")
@click.option("--json", "as_json", type=click.Path(path_type=Path), help="Write the relations to a file, too.")
@click.option("--keep", "kept", type=click.Path(path_type=Path), help="A folder for SQLite's database file.")
def size(parcels: int, seed: int, engine: str | None, as_json: Path | None, kept: Path | None, *, vacuum: bool) -> None:
    """Bytes a parcel in each table and index, after parcels have gone the whole way."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    written: dict[str, Any] = {}
    for name in [e for e in ENGINES if engine in (None, e)]:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awbridge-bench-")))
            if name == "PostgreSQL":
                url = stack.enter_context(postgres_server()).url()
            else:
                if kept:
                    kept.mkdir(exist_ok=True)
                url = f"sqlite:///{kept or folder}/size.db"
            vacuumed = url if vacuum and name == "PostgreSQL" else ""
            counts = asyncio.run(_fill(url, parcels, seed, folder, vacuumed))
            if name == "PostgreSQL":
                relations = asyncio.run(_postgres_relations(url))
            else:
                relations = _sqlite_relations((kept or folder) / "size.db")
        bytes_each = _print(name, counts, relations)
        keep(Figure(line=f"size, {name}", now=bytes_each, unit="bytes a parcel"))
        written[name] = {"counts": counts, "relations": [[r.table, r.part, r.bytes] for r in relations]}
    if as_json:
        as_json.write_text(json.dumps(written))
