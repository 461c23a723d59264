"""What commands print as JSON and CSV is what the API returns about the same things."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from awbridge.cli import main
from awbridge.store import Store
from tests.support.app import web_on
from tests.support.one_of_each import one_of_each
from tests.support.processes import bridge_environment
from tests.support.stores import migrated_file

# A command, and the route of the API that shows the same.
SAME = {
    "actions list": "/v1/actions",
    "actions show {action_id}": "/v1/actions/{action_id}",
    "alarms list --all": "/v1/alarms?everything=true",
    "answers list": "/v1/answers",
    "couriers accounts": "/v1/accounts",
    "couriers downtime list": "/v1/downtimes",
    "couriers list": "/v1/couriers",
    "couriers rules list": "/v1/allocation-rules",
    "endpoints list": "/v1/endpoints",
    "endpoints list --deliveries {endpoint_id}": "/v1/endpoints/{endpoint_id}/deliveries",
    "keys list": "/v1/keys",
    "notices list --shipment {reference_number}": "/v1/shipments/{reference_number}/notices",
    "reconcile list": "/v1/reconciliations",
    "shipments attempts {reference_number}": "/v1/shipments/{reference_number}/attempts",
    "shipments list": "/v1/shipments",
    "shipments payload {reference_number} --history": "/v1/shipments/{reference_number}/payloads",
    "shipments scans {reference_number}": "/v1/shipments/{reference_number}/scans",
    "shipments show {reference_number}": "/v1/shipments/{reference_number}",
}
OF_THE_MOMENT = ("stuck_since", "sla_breached", "delayed_at")  # the commands have the time of today, the app has not


def same_times(value: Any) -> Any:
    """The value with each time as a number; commands print them with the account's offset, the API with UTC's."""
    if isinstance(value, dict):
        return {name: same_times(one) for name, one in value.items() if name not in OF_THE_MOMENT}
    if isinstance(value, list):
        return [same_times(one) for one in value]
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T":
        at = datetime.fromisoformat(value)
        return at.timestamp() if at.tzinfo else value
    return value


def items(value: Any) -> list[Any]:
    """The things that JSON holds: of a list, of a page, or the only one."""
    if isinstance(value, list):
        return value
    page = [of for name, of in value.items() if name != "next"] if "next" in value else []
    return page[0] if page and isinstance(page[0], list) else [value]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)
    return database


@pytest.mark.heavy
def test_commands_print_what_the_api_returns(environment: str) -> None:
    admin = CliRunner().invoke(main, ["keys", "add", "admin", "--role", "admin", "--json"])
    key = {"authorization": f"Bearer {json.loads(admin.stdout)['secret']}"}

    async def from_the_api() -> tuple[dict[str, str], dict[str, Any]]:
        store = await Store.open(environment)
        try:
            async with web_on(store) as web:
                web.http.headers.update(key)
                known = await one_of_each(web, 1)
                answers = {name: await web.http.get(path.format(**known)) for name, path in SAME.items()}
                return known, {name: answer.raise_for_status().json() for name, answer in answers.items()}
        finally:
            await store.close()

    known, expected = asyncio.run(from_the_api())
    for name, from_api in expected.items():
        words = [word.format(**known) for word in name.split()]
        done = CliRunner().invoke(main, [*words, "--json"])
        assert done.exit_code == 0, (name, done.output)
        assert not re.search(r'_at": "[^"]*(Z|:\d\d|\d)"', done.stdout.replace('+05:30"', '+"')), name
        printed = same_times(json.loads(done.stdout))
        wanted = same_times(from_api)
        if name.startswith("shipments show"):  # the command adds the timeline and the calls
            printed = {field: printed[field] for field in wanted}
        assert printed == wanted, name
        in_csv = CliRunner().invoke(main, [*words, "--csv"]).stdout_bytes.decode()
        header, *rows = csv.reader(io.StringIO(in_csv, newline=""))
        if name.startswith(("couriers rules", "notices")):  # flat in CSV
            continue
        assert len(rows) == len(items(from_api)), name
        for thing in items(from_api)[:1]:
            assert [field for field in header if field in thing] == list(thing), name


@pytest.mark.parametrize("width", [None, 80])
def test_a_list_goes_on_where_its_page_ended(
    environment: str, monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    orders = [f"ORDER-{n:04}-WITH-A-LONG-REFERENCE" for n in range(5)]

    async def fill() -> None:
        from tests.support.rows import add

        store = await Store.open(environment)
        try:
            for order in orders:
                await add(store, order)
        finally:
            await store.close()

    asyncio.run(fill())
    if width:
        monkeypatch.setattr("awbridge.cli.output.terminal_width", lambda: width)
    seen, cursor = [], []
    for _ in range(3):
        page = CliRunner().invoke(main, ["shipments", "list", "--limit", "2", *cursor])
        seen += [order for order in orders if order in page.stdout]
        assert "more" not in page.stdout
        if page.stderr:
            assert page.stderr.startswith("more: --cursor ")
            cursor = page.stderr.split()[1:]
    assert sorted(seen) == orders
    assert page.stderr == ""
    assert CliRunner().invoke(main, ["shipments", "list", "--cursor", "x"]).exit_code == 2


def test_a_list_that_is_read_whole_says_how_many_follow(environment: str) -> None:
    for n in range(3):
        CliRunner().invoke(main, ["couriers", "add", f"t{n}", "--courier-partner-id", str(n + 1)])
    first = CliRunner().invoke(main, ["couriers", "list", "--limit", "1", "--json"])
    assert ([c["transporter"] for c in json.loads(first.stdout)], first.stderr) == (["t0"], "2 more: --cursor 1\n")
    rest = CliRunner().invoke(main, ["couriers", "list", "--cursor", "1", "--csv"])
    assert [row["transporter"] for row in csv.DictReader(io.StringIO(rest.stdout))] == ["t1", "t2"]
    assert rest.stderr == ""
