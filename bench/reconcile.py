"""A report of many rows matched with as many shipments: awbridge, and the same with pandas.

    python -m bench reconcile --rows 1000000

Each side runs in its own process, on the same SQLite file and the same CSV. Both must find the planted differences;
otherwise the exit code is 1.
"""

from __future__ import annotations

import asyncio
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import click
from rich.console import Console
from rich.table import Table as Printed

from awbridge.domain.reconciliation.differences import DifferenceTable
from awbridge.steps.reconciliation.match import Task, match
from awbridge.store import Store
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.reconciliations import NewRun, Stage
from bench.figures import Figure, keep

SIDES = ("awbridge", "pandas merge")
DAY = date(2026, 11, 2)
ZONE = ZoneInfo("Asia/Kolkata")
EVERY = 10_000  # one row in this many differs, for each kind of difference
HEADER = (
    *("AWB", "Reference Number", "Order ID", "Courier Partner", "Courier Partner ID", "Account Code", "Order Type"),
    *("COD Value", "Drop Pincode", "Clickpost Status Code", "Clickpost Status", "Status", "Remark", "Location"),
    *("Status Timestamp", "Created At", "Updated At"),
)
_SHIPMENTS = """
INSERT INTO shipments (shard, reference_number, courier_partner_id, region, delivery_type, payload, state, success,
  no_of_retries, cancel_tries, placed_at, waybill, status_code, status_at, status_step, final, created_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
SELECT i % 64, 'ORDER-' || i, 4, 'india', 'FORWARD', '{"shipment_details":{}}', 'placed', 1, 0, 0,
  strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1793557800 + i % 80000, 'unixepoch'), '4' || printf('%012d', i), 5,
  '2026-11-02T14:00:00.000000Z', 50, 0, '2026-11-02T00:00:00.000000Z', '2026-11-02T14:00:00.000000Z'
FROM n
"""


def expected(rows: int) -> dict[str, int]:
    """The number of planted differences of each kind."""
    places = len(range(0, rows, EVERY))
    return {"courier_differs": places, "missing_here": places, "missing_there": places, "status_differs": places}


def write_report(path: Path, rows: int) -> None:
    """The report, in random order. Of every 10,000 rows one is missing, one has another courier, one another status,
    one is unknown; one waybill was rounded by a spreadsheet, and one shipment also has an older row."""
    places = list(range(rows))
    random.Random(7).shuffle(places)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i in places:
            place = i % EVERY
            if place == 0:
                writer.writerow(_row(f"9{i:012d}", f"STRANGE-{i}", 4, 5))
                continue
            if place == 4:
                writer.writerow(_row(f"4{i:012d}", f"ORDER-{i}", 4, 4, at="2026-11-02 18:00:00"))
            waybill = "4.00E+12" if place == 3 else f"4{i:012d}"
            writer.writerow(_row(waybill, f"ORDER-{i}", 6 if place == 1 else 4, 8 if place == 2 else 5))


def _row(
    waybill: str, reference: str, courier: int, status: int, at: str = "2026-11-02 20:56:16"
) -> tuple[object, ...]:
    return (
        *(waybill, reference, f"o-{reference}", "Delhivery", courier, "Delhivery Surface", "PREPAID", "0", "411001"),
        *(status, "", "bag received at hub", "", "Pune Hub", at),
        *("2026-11-02 10:00:00", "2026-11-02 15:26:16"),
    )


async def prepare(database: Path, rows: int) -> None:
    """A migrated database with the shipments."""
    store = await Store.open(f"sqlite:///{database}")
    await store.migrate()
    await store.close()
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(_SHIPMENTS, (rows,))
    connection.close()


async def by_awbridge(database: Path, report: Path) -> dict[str, int]:
    """Reconcile as the service does; the differences by kind."""
    store = await Store.open(f"sqlite:///{database}")
    now = datetime.now(UTC)
    new = NewRun(identity="b", source="hand", kind=DifferenceTable.REGISTERED, name="b", day=DAY, state=Stage.MATCHING)
    async with store.write() as session:
        run = await reconciliations.begin(session, reconciliations.new_id(), new, now=now)
    files = [(report, report.name)]
    task = Task(reconciliation_id=run.id, files=files, table=DifferenceTable.REGISTERED, zone=ZONE, day=DAY)
    outcome = await match(store, task, now=now)
    await store.close()
    return outcome.found


def by_pandas(database: Path, report: Path) -> dict[str, int]:
    """The same by pandas merge: the latest of several rows, by waybill, else by reference number, differences stored in
    a table. The differences by kind."""
    import sqlite3

    import pandas

    theirs: Any = pandas.read_csv(report, dtype={"AWB": str})
    theirs = theirs.sort_values("Status Timestamp", kind="stable").drop_duplicates("Reference Number", keep="last")
    spoilt = theirs["AWB"].str.contains("E+", regex=False)
    connection = sqlite3.connect(database)
    columns = "reference_number, waybill, courier_partner_id, status_code"
    query = f"SELECT {columns} FROM shipments WHERE placed_at >= ? AND placed_at < ?"
    span = ("2026-11-01T18:30:00.000000Z", "2026-11-02T18:30:00.000000Z")
    ours: Any = pandas.read_sql(query, connection, params=span)
    by_waybill: Any = ours.merge(theirs[~spoilt], left_on="waybill", right_on="AWB")
    alone = ours[~ours["reference_number"].isin(by_waybill["reference_number"])]
    unpaired = theirs[spoilt | ~theirs["AWB"].isin(by_waybill["AWB"])]
    others = alone.merge(unpaired, left_on="reference_number", right_on="Reference Number", how="outer", indicator=True)
    matched = pandas.concat([by_waybill, others[others["_merge"] == "both"]])
    differing: dict[str, Any] = {
        "courier_differs": matched[matched["courier_partner_id"] != matched["Courier Partner ID"]],
        "missing_here": others[others["_merge"] == "right_only"],
        "missing_there": others[others["_merge"] == "left_only"],
        "status_differs": matched[matched["status_code"] != matched["Clickpost Status Code"]],
    }
    kept = pandas.concat(rows.drop(columns="_merge", errors="ignore").assign(kind=k) for k, rows in differing.items())
    kept.to_sql("kept_by_pandas", connection, index=False)
    connection.commit()
    return {kind: len(rows) for kind, rows in differing.items()}


def one(who: str, database: Path, report: Path) -> None:
    """One side, in this process: prints its cost and its findings as JSON."""
    before, used = time.perf_counter(), time.process_time()
    found = asyncio.run(by_awbridge(database, report)) if who == "awbridge" else by_pandas(database, report)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = {"seconds": time.perf_counter() - before, "cpu": time.process_time() - used, "MiB": peak, "found": found}
    print(json.dumps(took))


@click.command("reconcile")
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(EVERY, 20_000_000))
def reconcile(rows: int) -> None:
    """Reconcile a report of many rows, and the same with pandas."""
    printed = Printed("", "seconds", "seconds of CPU", "peak MiB", "rows/s", "differences found")
    honest, rates = True, dict[str, float]()
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder:
        database, report = Path(folder) / "bench.db", Path(folder) / "report.csv"
        asyncio.run(prepare(database, rows))
        write_report(report, rows)
        click.echo(f"{rows:,} rows, {report.stat().st_size / 2**20:.0f} MiB of CSV")
        for who in SIDES:
            command = [sys.executable, "-m", "bench.reconcile", who, str(database), str(report)]
            run = subprocess.run(command, check=False, capture_output=True, text=True)
            if run.returncode:
                printed.add_row(who, run.stderr.strip().splitlines()[-1][:60] if run.stderr else "failed")
                honest = False
                continue
            took = json.loads(run.stdout)
            right = took["found"] == expected(rows)
            rates[who] = rows / took["seconds"]
            honest = honest and right
            printed.add_row(
                who,
                f"{took['seconds']:.1f}",
                f"{took['cpu']:.1f}",
                f"{took['MiB']:.0f}",
                f"{rows / took['seconds']:,.0f}",
                f"{sum(took['found'].values())} of {sum(expected(rows).values())}" + ("" if right else "  WRONG"),
            )
    if len(rates) == len(SIDES):
        keep(Figure(line="reconciliation, SQLite", now=rates[SIDES[0]], unit="rows/s", peer=rates[SIDES[1]]))
    Console(width=100).print(printed)
    sys.exit(0 if honest else 1)


if __name__ == "__main__":
    one(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
