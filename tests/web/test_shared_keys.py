"""Any key that a caller chooses may be shared by any number of rows: what reads by it costs a page, not all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from awbridge.cli import main
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.steps.notify.sample_figures import SampleFigures
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.orders import filtered
from awbridge.store.registration import failures
from awbridge.store.tracking import inbox
from tests.support import shared_keys
from tests.support.app import Web, web_on
from tests.support.processes import bridge_environment
from tests.support.shared_keys import OPEN, ORDER, WAYBILL
from tests.support.stores import migrate
from tests.support.world import SetClock, an_order

pytestmark = [pytest.mark.slow, pytest.mark.heavy]

FEW, MANY = 600, 1800  # rows; a page has at most 500
GROWTH = 1000  # steps or entries; the added rows cost more if they are read

STATES = ("placed", "ready", "rejected", "held")
LISTS = ("stuck", "sla_breached", "ndr", "piece_exception", "not_cancelled")
QUERIES = {
    "/v1/labels": ("?since=2026-11-01",),
    "/v1/shipments": (
        *(f"?{name}=true" for name in (*LISTS, "silent")),
        *(f"?state={state}" for state in STATES),
        *("", "?limit=500", f"?order_id={ORDER}", f"?waybill={WAYBILL}", "?phone_tail=0001"),
        *("?courier=4", "?account=nobody", "?state=rejected&failure_code=301", "?ndr=true&cod=true"),
    ),
    "/v1/actions": ("", "?state=due", "?state=done"),
    "/v1/alarms": ("", "?everything=true"),
    "/v1/reconciliations/1/differences": ("", *(f"?kind={kind.value}" for kind in DifferenceKind)),
}
# What counts rows: the files of the archive, and the open differences of one reconciliation, each in an index.
COUNTS = ("/v1/archive", "/v1/reconciliations/1")
# What reads a whole list.
EXPORTS = ("/v1/shipments.csv", "/v1/shipments.xlsx")
COMMANDS = (
    ("actions", "list"),
    ("actions", "list", "--state", "done"),
    ("alarms", "list", "--all"),
    ("archive", "status"),
    ("catch-up", "--status"),
    ("couriers", "accounts"),
    ("couriers", "list"),
    ("couriers", "downtime", "list"),
    ("couriers", "rules", "list"),
    ("endpoints", "list"),
    ("evidence", OPEN, "--out", "evidence.zip"),
    ("notices", "list"),
    ("notices", "list", "--state", "failed"),
    ("notices", "list", "--shipment", OPEN),
    ("opt-outs", "list"),
    ("reconcile", "list"),
    ("reconcile", "show", "1"),
    ("schedules",),
    ("shipments", "attempts", OPEN),
    ("shipments", "list"),
    *(("shipments", "list", "--state", state) for state in STATES),
    *(("shipments", "list", f"--{name.replace('_', '-')}") for name in LISTS),
    ("shipments", "list", "--order-id", ORDER),
    ("shipments", "list", "--waybill", WAYBILL),
    ("shipments", "payload", OPEN, "--history"),
    ("shipments", "scans", WAYBILL),
    ("shipments", "show", WAYBILL),
    ("shipments", "silent"),
    ("webhook", "keys"),
)


# Print runs, manifests and labels: files of single things.
OF_ONE_PDF = ("{print_id}", "{number}", "}/label")


async def call(web: Web, method: str, path: str, **more: Any) -> httpx2.Response:
    answer = await web.http.request(method, path, **more)
    assert answer.status_code in (200, 202, 303), (path, answer.text)  # 303: of many that are found, the list follows
    return answer


async def count_backlog(url: str) -> None:
    """Count it in the background, as the service does."""
    store = await Store.open(url)
    await SampleFigures(store=store, clock=SetClock()).check()
    await store.close()


async def send_requests(url: str, *, counts: bool) -> None:
    """Every GET of the API, the pages, and an order with the shared order id. `counts`: also what counts rows."""
    store = await Store.open(url)
    async with web_on(store) as web:
        endpoint = (await call(web, "GET", "/v1/endpoints")).json()[0]["id"]
        action = (await call(web, "GET", f"/v1/shipments/{OPEN}/actions")).json()["actions"][0]["id"]
        known = {"reference_number": OPEN, "endpoint_id": endpoint, "action_id": action}
        known |= {"reconciliation_id": "1", "difference_id": "1"}
        described = (await call(web, "GET", "/openapi.json")).json()["paths"]
        gets = [path for path, operations in described.items() if "get" in operations and "{report_id}" not in path]
        left_out = (*OF_ONE_PDF, "/clickpost-accounts")  # a home's accounts are few, and this one has none
        gets = [path for path in gets if path not in EXPORTS and not any(part in path for part in left_out)]
        pages = ["/", "/endpoints", "/alarms", "/shipments", "/couriers", "/dead-letters", "/ndr", "/failures"]
        pages += [f"/shipments/{OPEN}", f"/payload/{OPEN}", "/search?q=nobody", f"/search?q={ORDER}"]
        pages += [f"/endpoints/{endpoint}{query}" for query in ("", "?state=failed", "?state=due")]
        for path in (*(path.format(**known) for path in gets), *pages):
            for query in QUERIES.get(path, ("",)) if counts or path not in COUNTS else ():
                await call(web, "GET", path + query)
        order = an_order("R-NEW")
        order["shipment_details"]["order_id"] = ORDER
        await call(web, "POST", "/v1/shipments", json=order)
    await store.close()


def run_commands(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bridge_environment(url, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)
    for arguments in COMMANDS:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, (arguments, result.output)


@pytest.fixture(autouse=True)
def every_backlog_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGE", 0)
    monkeypatch.setattr(failures, "LOOKED_AT", FEW)
    monkeypatch.setattr(inbox, "GROUPED", FEW)
    monkeypatch.setattr(filtered, "EXAMINED", 50)


def grown(work: dict[int, Counter[str]]) -> dict[str, int]:
    """What reads more where more rows share its key."""
    return {place: more for place, more in (work[MANY] - work[FEW]).items() if more > GROWTH}


def test_on_sqlite_no_request_and_no_command_reads_more_than_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work: dict[int, Counter[str]] = {}
    for copies in (FEW, MANY):
        url = asyncio.run(migrate(f"sqlite:///{tmp_path}/{copies}.db"))
        asyncio.run(shared_keys.filled(url, copies))
        asyncio.run(count_backlog(url))
        with shared_keys.sqlite_work() as work[copies]:
            asyncio.run(send_requests(url, counts=True))
            run_commands(url, monkeypatch)
    assert len(work[MANY]) > 80
    assert {statement: more for statement, more in grown(work).items() if "COUNT(" not in statement} == {}


def test_on_postgres_no_request_reads_more_than_a_page(postgres: Any) -> None:
    work: dict[int, Counter[str]] = {}
    for copies in (FEW, MANY):
        url = asyncio.run(migrate(asyncio.run(postgres.new_database())))
        asyncio.run(shared_keys.filled(url, copies))
        asyncio.run(count_backlog(url))
        with shared_keys.postgres_work(url) as work[copies]:
            asyncio.run(send_requests(url, counts=False))
    assert grown(work) == {}
