"""An import of a large file beside a running service: rate, memory, resuming after a kill, and the API meanwhile."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx2
from tests.support.processes import bridge_environment

from awbridge.rehearsal.demo_orders import demo_order
from bench import databases
from bench.figures import Figure, keep
from bench.processes import NOWHERE, bridge, cpu_of

MEMORY_LIMIT = 150  # MiB
P99_LIMIT = 100  # ms
PAUSE = 0.1  # seconds between the requests beside the import
_PLACE = ("name", "address", "city", "state", "pincode", "phone")
_HEADER = (
    *("reference_number", "order_id", "courier_partner", "account_code", "order_type", "delivery_type", "cod_value"),
    *("invoice_value", "invoice_number", "invoice_date", "length", "breadth", "height", "weight"),
    *(f"pickup_{name}" for name in _PLACE),
    *(f"drop_{name}" for name in _PLACE),
    *("item_sku", "item_description", "item_quantity", "item_price"),
)


def write_orders(path: Path, orders: int) -> None:
    """A CSV of so many orders with 30 columns."""
    warehouse = ("Warehouse Hoskote", "12, MG Road", "Bengaluru", "Karnataka", "560001", "9000000000")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for n in range(orders):
            payment = ("COD", "FORWARD", "499") if n % 3 == 0 else ("PREPAID", "FORWARD", "0")
            numbers = ("500", f"INV-{n}", "2026-11-02", "10", "10", "10", "500")
            customer = (f"Asha Rao {n}", f"{n} Park Street", "Pune", "Maharashtra", "411001", str(9_100_000_000 + n))
            item = (f"SKU-{n % 500}", "cotton shirt", "2", "250.50")
            reference = (f"IMP-{n:08d}", f"O-{n:08d}", str(4 + n % 3), "main")
            writer.writerow((*reference, *payment, *numbers, *warehouse, *customer, *item))


@dataclass
class Beside:
    """Requests to the service while something else runs: milliseconds of reading and of storing an order."""

    port: int
    reads: list[float] = field(default_factory=list[float])
    writes: list[float] = field(default_factory=list[float])
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Beside:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}/v1", timeout=60) as http:
            self._ask(http)  # uncounted: the first request waits until the API is built
            while not self._ended.wait(PAUSE):
                read, written = self._ask(http)
                self.reads.append(read)
                self.writes.append(written)

    @staticmethod
    def _ask(http: httpx2.Client) -> tuple[float, float]:
        """Milliseconds of reading and of storing an order."""
        order = demo_order(1, 1)
        del order["transporter"]
        number = {"reference_number": f"BESIDE-{time.time_ns()}", "courier_partner": 4, "account_code": "main"}
        order["shipment_details"] |= number
        started = time.perf_counter()
        http.get("/shipments", params={"limit": 10}).raise_for_status()
        read = time.perf_counter()
        http.post("/shipments", json=order).raise_for_status()
        return (read - started) * 1000, (time.perf_counter() - read) * 1000


@dataclass(frozen=True, kw_only=True)
class Run:
    """One import: seconds, those of CPU time, MiB at its peak, and what it printed."""

    seconds: float
    cpu: float
    peak: int
    printed: str


def run_import(url: str, path: Path, *, kill_after: float | None = None) -> Run:
    """Import the file in a process of its own, which may be killed after so many seconds."""
    env = os.environ | bridge_environment(url, NOWHERE, 0) | {"AWBRIDGE_LOG_LEVEL": "error"}
    command = [str(Path(sys.executable).parent / "awbridge"), "shipments", "import", str(path)]
    started, peak, cpu = time.monotonic(), 0, 0.0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.DEVNULL, cwd=path.parent)
        while process.poll() is None:
            if kill_after and time.monotonic() - started > kill_after:
                process.kill()
            if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text()):
                peak = max(peak, int(found[1]) // 1024)
            cpu = max(cpu, cpu_of(process.pid))
            time.sleep(0.1)
        out.seek(0)
        return Run(seconds=time.monotonic() - started, cpu=cpu, peak=peak, printed=out.read().strip())


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)] if took else 0.0


def _measure(engine: str, url: str, path: Path, orders: int, *, resume: bool) -> None:
    with bridge(url) as server:
        if resume:
            run_import(url, path, kill_after=10)
        with Beside(server.port) as beside:
            done = run_import(url, path)
        again = run_import(url, path) if resume else None
    keep(Figure(line=f"import, {engine}", now=orders / done.seconds, unit="orders/s"))
    keep(Figure(line=f"import, {engine}, memory", now=done.peak, unit="MiB", most=MEMORY_LIMIT))
    beside_p99 = max(_p99(beside.reads), _p99(beside.writes))
    keep(Figure(line=f"API beside it, {engine}, p99", now=beside_p99, unit="ms", most=P99_LIMIT))
    click.echo(f"{engine}: {'killed after 10 s and resumed: ' if resume else ''}{done.printed}")
    click.echo(
        f"{engine}: {done.seconds:.0f} s, {done.cpu:.0f} of CPU, {orders / done.seconds:,.0f} orders/s, {done.peak} MiB"
    )
    click.echo(f"{engine}: beside it p99 {_p99(beside.reads):.0f} ms reading, {_p99(beside.writes):.0f} ms storing")
    if again:
        click.echo(f"{engine}: again {again.seconds:.0f} s, {again.cpu:.0f} of CPU, {again.peak} MiB: {again.printed}")


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, help="In the file.")
@click.option("--engine", type=click.Choice(["SQLite", "PostgreSQL"]), help="Only this one.")
@click.option("--resume/--no-resume", default=True, help="Kill it first, and repeat it at the end.")
def imports(orders: int, engine: str | None, *, resume: bool) -> None:
    """An import of a large file beside a running service: killed, resumed, and repeated."""
    with tempfile.TemporaryDirectory() as folder, databases.both(Path(folder), "imports") as urls:
        path = Path(folder) / "orders.csv"
        write_orders(path, orders)
        for name, url in urls.items():
            if engine in (None, name):
                _measure(name, url, path, orders, resume=resume)
