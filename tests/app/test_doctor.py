"""The doctor names what is wrong, and what to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from awbridge.app.doctor.diagnosis import ATTENTION, OK, PROBLEM, WARNING, Diagnosis
from awbridge.app.doctor.examine import examine
from awbridge.app.doctor.webhook_header import CURES, judge_header
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.app.settings.sources import WrittenAccounts
from awbridge.app.settings.types import RENAMED
from awbridge.cli.doctor.examine import exit_code
from awbridge.clickpost.client.probe import Probe
from awbridge.domain.people.role import Role
from awbridge.domain.tracking.polling_mode import PollingMode
from awbridge.domain.tracking.scan import Source
from awbridge.steps.people import keys as api_keys
from awbridge.steps.people import people
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.accounts import account_figures
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.audit import processes
from awbridge.store.audit.processes import ReportedProcess
from awbridge.store.engine.migrate import own_schema
from awbridge.store.notify import alarms
from awbridge.store.polling import arrivals, webhook_keys
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking import inbox
from awbridge.web.webhook.endpoint import REFUSED
from tests.support import newer
from tests.support.object_service import DENIED, NO_BUCKET, ObjectService, object_service
from tests.support.rows import MINUTE, T0, add, decided, delivery, place, sql
from tests.support.stores import migrated_file

pytestmark = pytest.mark.heavy

URL = "https://ship.example.com/webhooks/clickpost"


ARRIVED = Probe(status=401, text=REFUSED["wrong_key"].decode())
DROPPED = Probe(status=401, text=REFUSED["no_key"].decode())
ELSEWHERE = Probe(status=401, text=REFUSED["wrong_elsewhere"].decode())
FOREIGN = Probe(status=400, text="Bad Request")
AWAY = Probe(error="ConnectError")


@pytest.mark.parametrize(
    ("host_first", "key_first", "without", "level", "words", "do"),
    [
        (ARRIVED, ARRIVED, None, "ok", "every proxy passes webhook_key", ""),
        (ARRIVED, AWAY, None, "ok", "every proxy passes webhook_key", ""),
        (ARRIVED, DROPPED, None, "problem", "drops the header webhook_key if it comes before Host", "in `http {}`"),
        (DROPPED, ARRIVED, None, "problem", "drops the header webhook_key unless it comes before", "in `http {}`"),
        (DROPPED, DROPPED, None, "problem", f"{URL} drops the header webhook_key", "AWS ALB"),
        (ELSEWHERE, ELSEWHERE, None, "problem", f"{URL} drops the header webhook_key", "AWS ALB"),
        (FOREIGN, FOREIGN, DROPPED, "problem", "answers HTTP 400 to requests with the header", "aliasHeadersStrategy"),
        (FOREIGN, FOREIGN, FOREIGN, "problem", "returned HTTP 400, not awbridge's response", "unchanged"),
        (Probe(status=502, text="<html>"), AWAY, AWAY, "problem", "HTTP 502", "unchanged"),
        (AWAY, AWAY, None, "warning", "cannot be reached", "outside your network"),
    ],
)
def test_the_answers_to_made_up_keys_show_what_the_proxies_do(
    host_first: Probe, key_first: Probe, without: Probe | None, level: str, words: str, do: str
) -> None:
    found = judge_header(host_first, key_first, without, url=URL)
    assert (found.level, words in found.found, do in found.do) == (level, True, True), found


def test_the_remedies_contain_the_configuration_lines() -> None:
    assert "nginx, in `http {}`" in CURES
    assert "underscores_in_headers on;" in CURES
    assert "expected_underscore_headers webhook_key" in CURES
    assert "routing.http.drop_invalid_header_fields.enabled,Value=false" in CURES


HOSTS = ("clickpost_url", "clickpost_tracking_url", "clickpost_serviceability_url", "clickpost_edd_url")


def settings_at(tmp_path: Path, vendor: str = "http://127.0.0.1:9", **more: Any) -> Settings:
    values = {"database_url": f"sqlite:///{tmp_path}/d.db", "clickpost_username": "u", "clickpost_key": "the-key"}
    return load_settings(**{**values, **dict.fromkeys(HOSTS, vendor), "port": 9, **more})


async def a_store(settings: Settings) -> Store:
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    return await Store.open(await migrated_file(path.parent, path.name))


def by_check(findings: list[Diagnosis]) -> dict[str, Diagnosis]:
    return {f.check: f for f in findings}


async def test_a_renamed_variable_is_named_with_its_successor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED, "AWBRIDGE_OLD_PORT", "AWBRIDGE_PORT")
    found = await examine(settings_at(tmp_path, clickpost_key=""), environment={"AWBRIDGE_OLD_PORT": "1"})
    assert [(f.found, f.do) for f in found if "OLD_PORT" in f.found] == [
        (
            "AWBRIDGE_OLD_PORT was renamed to AWBRIDGE_PORT",
            "correct or remove it: awbridge serve and work do not start with it",
        )
    ]


async def test_without_an_account_nothing_further_is_checked(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, clickpost_key="", host="0.0.0.0")
    found = await examine(settings, environment={"AWBRIDGE_RETRY_DELAY": "1", "AWBRIDGE_PORT": "1"})
    words = " ".join(f.found for f in found)
    assert "AWBRIDGE_RETRY_DELAY is not a setting; did you mean AWBRIDGE_RETRY_DELAYS?" in words
    assert "AWBRIDGE_CLICKPOST_KEY is not set" in words
    assert "only loopback" in words
    assert {f.check for f in found} == {"spelling", "settings", "disk", "folders"}


async def test_an_old_schema_is_reported(tmp_path: Path) -> None:
    found = by_check(await examine(settings_at(tmp_path), environment={}))
    assert (found["database"].level, found["database"].do) == ("problem", "run awbridge migrate")


@pytest.mark.heavy
async def test_a_newer_schema_is_reported_and_whether_this_version_supports_it(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    seen: list[tuple[str, str, str]] = []
    steps = (newer.added(9001, "SELECT 1", compatible_from=own_schema()), newer.added(9002, "SELECT 1"))
    for migration in (None, *steps):
        if migration:
            await newer.migrate_as_newer(store, migration)
        found = by_check(await examine(settings, environment={}))["database"]
        seen.append((found.level, found.found, found.do))
    await store.close()
    assert (seen[0][0], f"schema {own_schema():04} is current" in seen[0][1]) == ("ok", True)
    assert (seen[1][0], seen[1][2]) == ("warning", "finish the upgrade: replace this version")
    assert "a newer version applied 9001_of_a_test, which this version supports" in seen[1][1]
    assert (seen[2][0], seen[2][2]) == ("problem", "install that version")
    assert "it needs schema 9002" in seen[2][1]


async def test_every_problem_of_an_installation_is_reported(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    now = utc_now()
    async with store.write() as session:
        await arrivals.count(session, [Arrival(now - 300 * MINUTE, 4, Source.WEBHOOK, deliveries=1)])
        await alarms.raise_(session, "webhooks.silent", "silent", now=now)
        await webhook_keys.refuse(session, "no_key", 7, last_at=now)
        await inbox.add(session, [delivery("late", received_at=T0)])
    await store.close()
    found = by_check(await examine(settings, environment={}))
    assert {c for c, f in found.items() if f.level == "problem"} >= {"clickpost", "webhook key", "webhooks", "steps"}
    assert found["clickpost"].do.startswith("check that this machine can reach")
    assert "work has been due" in found["steps"].found
    assert "the-key" not in repr(found)
    assert found["catching up"].level == "warning"


class _Away(BaseHTTPRequestHandler):
    """A vendor with a wrong clock that refuses every key."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Mon, 02 Nov 2020 06:30:00 GMT"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        body = b'{"meta": {"status": 301, "message": "bad key"}}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def away() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Away)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_wrong_key_and_a_wrong_clock_are_reported(tmp_path: Path, away: str) -> None:
    settings = settings_at(tmp_path, away)
    await (await a_store(settings)).close()
    found = by_check(await asyncio.wait_for(examine(settings, environment={}), 60))
    assert (found["clickpost"].level, "AWBRIDGE_CLICKPOST_KEY" in found["clickpost"].do) == ("problem", True)
    assert (found["clock"].level, "ahead" in found["clock"].found) == ("problem", True)


@pytest.mark.heavy
async def test_the_cost_of_polling_is_reported_for_both_modes_and_a_low_rate_is_a_warning(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    now = utc_now()
    for number, courier, placed_at in [*((n, 4, now) for n in range(6)), (6, 5, now - 2880 * MINUTE)]:
        await add(store, f"R{number}", courier_partner_id=courier)
        await place(store, f"R{number}", f"AWB{number}", courier_partner_id=courier, now=placed_at)
    await store.close()
    found = by_check(await examine(settings, environment={}))["polling"]
    assert found.level == "ok"
    assert found.found == (
        "guide: about 4 calls of track-order per day for 7 open shipments, 432,000 allowed; guide: 4, economical: 2"
    )
    slow = settings.replace(polling_calls_per_second=0.00004, polling=PollingMode.GUIDE)
    found = by_check(await examine(slow, environment={}))["polling"]
    assert found.level == "warning"
    assert "AWBRIDGE_POLLING_CALLS_PER_SECOND" in found.do
    thrifty = slow.replace(polling=PollingMode.ECONOMICAL)
    assert by_check(await examine(thrifty, environment={}))["polling"].level == "ok"


@pytest.mark.heavy
@pytest.mark.parametrize("refused", [0, 67])
async def test_orders_that_need_an_operator_have_their_own_exit_code(tmp_path: Path, refused: int) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    await decided(store, placed=53, refused=refused, clock=lambda: T0)
    await store.close()
    found = [f for f in await examine(settings, environment={}) if f.check == "attention"]
    if refused:
        assert [(f.level, f.found) for f in found if f.level == "attention"] == [
            ("attention", "67 shipments are rejected: correct their payloads or cancel them")
        ]
        assert exit_code(found) == 3
    else:
        assert exit_code(found) == 0
    broken = Diagnosis("database", "problem", "away")
    assert exit_code([*found, broken]) == 1


async def test_a_lost_box_alone_sets_the_exit_code(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    await add(store, "R")
    await place(store, "R", "AWB1")
    async with store.write() as session:
        lost = sql("UPDATE shipments SET piece_exception_at = $1")
        await session.execute(lost, utc_now())
    await store.close()
    found = [f for f in await examine(settings, environment={}) if f.check == "attention" and f.level == "attention"]
    assert [(f.found.split(":")[0], f.do) for f in found] == [
        (
            "1 shipment has a box that is lost, damaged or returning while the others are not",
            "awbridge shipments list --piece-exception",
        )
    ]
    assert exit_code(found) == 3


async def test_an_alarm_is_a_finding(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    store = await a_store(settings)
    async with store.write() as session:
        await alarms.raise_(session, "disk", "the disk is full", now=utc_now())
    await store.close()
    found = by_check(await examine(settings, environment={}))["alarm disk"]
    assert (found.level, found.found) == ("attention", "the disk is full")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("url", "level", "words"),
    [
        ("whatsapp://order:TOKEN@123456789012345/{to}?:body=1", "ok", "customers: whatsapp"),
        ("whatsapp://order:TOKEN@123456789012345/{to}", "problem", "no :body="),
        ("whatsapp://TOKEN@123456789012345/{to}", "warning", "within 24 hours"),
    ],
)
async def test_a_channel_to_customers_that_cannot_work_is_reported(
    tmp_path: Path, url: str, level: str, words: str
) -> None:
    settings = settings_at(tmp_path, notice_whatsapp_url=url)
    await (await a_store(settings)).close()
    found = by_check(await examine(settings, environment={}))["messages"]
    assert (found.level, words in found.found, "TOKEN" in found.found) == (level, True, False)


@pytest.mark.heavy
async def test_the_archive_is_tried_as_configured(tmp_path: Path) -> None:
    async def diagnosis(service: ObjectService, **more: Any) -> Diagnosis:
        options = ",".join(f"{name}={value}" for name, value in service.options.items())
        settings = settings_at(tmp_path, archive_url="s3://evidence/calls", archive_options=options, **more)
        return by_check(await examine(settings))["archive"]

    await (await a_store(settings_at(tmp_path))).close()
    here = by_check(await examine(settings_at(tmp_path, data_dir=str(tmp_path / "data"))))["archive"]
    assert (here.level, str(tmp_path / "data") in here.found, "s3://" in here.do) == (WARNING, True, True)
    none = by_check(await examine(settings_at(tmp_path, archive_url="none")))["archive"]
    assert (none.level, "without being archived" in none.found, "s3://" in none.do) == (WARNING, True, True)
    async with object_service() as service:
        assert (await diagnosis(service)).level == OK
        assert service.objects == {}
        service.answers = {"POST": (403, DENIED)}
        kept = await diagnosis(service)
        assert (kept.level, "empty" in kept.do) == (WARNING, True)
        kept = await diagnosis(service, retain_archive_days=30)
        assert (kept.level, "AWBRIDGE_RETAIN_ARCHIVE_DAYS" in kept.do) == (PROBLEM, True)
        service.answers, service.missing = {}, (403, DENIED)
        unlisted = await diagnosis(service)
        assert (unlisted.level, "AccessDenied" in unlisted.found, "s3:ListBucket" in unlisted.do) == (
            WARNING,
            True,
            True,
        )
        service.answers = {"PUT": (404, NO_BUCKET)}
        missing = await diagnosis(service)
    assert (missing.level, missing.found) == (
        PROBLEM,
        "put: the bucket evidence does not exist; create it, or correct AWBRIDGE_ARCHIVE_URL",
    )
    wrong = settings_at(tmp_path, archive_url="s3://evidence/calls?region=x")
    assert "options after" in by_check(await examine(wrong))["archive"].found


@pytest.mark.parametrize(
    ("host", "keys", "added", "level", "words"),
    [
        ("127.0.0.1", (), False, "ok", "0 people may sign in; 0 API keys"),
        ("0.0.0.0", (), False, "warning", "neither people nor keys"),
        ("0.0.0.0", ("k",), False, "warning", "a shared key"),
        ("0.0.0.0", ("k",), True, "ok", "1 people may sign in; 2 API keys"),
    ],
)
async def test_pages_that_are_reachable_without_people_are_a_warning(
    tmp_path: Path, host: str, keys: tuple[str, ...], added: bool, level: str, words: str
) -> None:
    settings = settings_at(tmp_path, host=host, api_keys=keys)
    store = await a_store(settings)
    if added:
        await people.add_person(store=store, clock=utc_now, login="asha", role=Role.ADMIN)
        await api_keys.add_key(store=store, clock=utc_now, name="x", role=Role.VIEWER)
    await store.close()
    found = by_check(await examine(settings, environment={}))["people"]
    assert found.level == level
    assert words in found.found


async def test_what_is_wrong_with_accounts_beside_the_home_is_named(tmp_path: Path) -> None:
    tables = {"late": {}, "alarmed": {}, "quiet": {}, "broken": {"push_batch": 0}}
    accounts = WrittenAccounts(tables, {"GLUF": {"clickpost_key": "s3cret"}})
    settings = settings_at(tmp_path).replace(accounts=accounts)
    store, now = await a_store(settings), utc_now()
    quiet = AccountFigures(
        account="quiet", orders=0, failed=0, deliveries=0, alarms=0, due_at=None, last_webhook_at=None, counted_at=now
    )
    late = replace(quiet, account="late", due_at=now - 20 * MINUTE)
    process = ReportedProcess(id="p", kind="serve", host="n1", version="1", started_at=now, seen_at=now, problem="gone")
    async with store.write() as session:
        await account_figures.save(session, [quiet, late, replace(quiet, account="alarmed", alarms=2)])
        await processes.report(session, process)
    await store.close()
    found = [(d.level, d.found) for d in await examine(settings, environment={}) if d.check == "accounts beside"]
    assert found == [
        (PROBLEM, "n1: gone"),
        (PROBLEM, "broken: [accounts.broken] push_batch (awbridge.toml) must be from 1 to 1000, for example 100"),
        (ATTENTION, "alarmed: 2 open alarms"),
        (WARNING, "late: its oldest order or delivery has been due for 20 min"),
        (WARNING, "AWBRIDGE_ACCOUNTS__GLUF__CLICKPOST_KEY is of no account; awbridge accounts list shows them all"),
    ]
