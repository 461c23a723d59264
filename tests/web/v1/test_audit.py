"""Reports, evidence, erasures, the archive and schedules over HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from awbridge.domain.privacy_setting import read_privacy
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.publish import Destination
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.store import Store
from awbridge.store.audit import archive, runs
from awbridge.store.tracking import scans
from awbridge.web.contexts import AuditContext
from tests.support.app import Web, web_on
from tests.support.evidence_rows import NAME, PHONE, call, good_call, keep, order_of
from tests.support.rows import T0, add, new_scan, place, scan
from tests.support.world import INDIA, SetClock

pytestmark = pytest.mark.heavy

DAY = date(2026, 11, 2)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/archive")


@pytest.fixture
async def web(store: Store, objects: Objects) -> AsyncIterator[Web]:
    masks = {"own": read_privacy("phone=mask,name=mask"), "clickpost": read_privacy("name=mask")}
    audit = AuditContext(reports_in=objects, privacy=masks, zone=INDIA, crons=(("retain", "15 3 * * *"),))
    async with web_on(store, audit=audit) as running:
        yield running


async def make_report(store: Store, objects: Objects) -> bytes:
    policy = ReportPolicy(zone=INDIA, destinations=(Destination(name="own", privacy=read_privacy("phone=mask")),))
    (made,) = await report_failures(store=store, objects=objects, clock=SetClock(), policy=policy, day=DAY, mail=False)
    return made.content or b""


async def test_reports_are_listed_and_downloaded(web: Web, objects: Objects) -> None:
    await keep(web.store, call())
    content = await make_report(web.store, objects)
    (listed,) = (await web.http.get("/v1/reports")).json()
    assert (listed["id"], listed["shipments"], listed["calls"]) == ("failures-2026-11-02-own", 1, 1)
    answer = await web.http.get(f"/v1/reports/{listed['id']}/download")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-disposition"] == 'attachment; filename="failures-2026-11-02-own.zip"'


async def test_a_missing_report_says_why(web: Web, objects: Objects) -> None:
    assert (await web.http.get("/v1/reports/nope/download")).status_code == 404
    await make_report(web.store, objects)
    empty = await web.http.get("/v1/reports/failures-2026-11-02-own/download")
    assert "nothing failed on that day" in empty.json()["detail"]
    await keep(web.store, call())
    await make_report(web.store, objects)
    await objects.delete("reports/failures/2026-11-02/own.zip")
    missing = await web.http.get("/v1/reports/failures-2026-11-02-own/download")
    assert (missing.status_code, "create it again" in missing.json()["detail"]) == (404, True)


@pytest.mark.parametrize(("for_", "phone_shown"), [("own", False), ("clickpost", True)])
async def test_evidence_is_complete_and_masked_for_its_reader(web: Web, for_: str, phone_shown: bool) -> None:
    await add(web.store, "A/1", payload=order_of("A/1"))
    await keep(web.store, call("A/1"), reference="A/1")
    await keep(web.store, good_call("A/1"), reference="A/1", outcome="placed")
    await place(web.store, "A/1", "AWB1")
    async with web.store.write() as session:
        await scans.add(session, [new_scan("A/1", scan(remark=f"given to {NAME}"))])
    answer = await web.http.get("/v1/shipments/A/1/evidence", params={"for": for_})
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence-A_1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted(files) == [
        "calls.jsonl",
        "calls/001-create-order.json",
        "calls/002-create-order.json",
        "payload.json",
        "shipment.json",
        "timeline.json",
    ]
    shipment = json.loads(files["shipment.json"])
    assert (shipment["waybill"], shipment["calls"], shipment["failed_calls"]) == ("AWB1", 2, 1)
    assert json.loads(files["timeline.json"])[0]["remark"] == "given to A*** R***"
    assert json.loads(files["calls/001-create-order.json"])["url"].endswith("key=***")
    content = "".join(files.values())
    assert (PHONE in content) is phone_shown
    assert NAME not in content


async def test_evidence_of_an_unknown_shipment_is_404(web: Web) -> None:
    assert (await web.http.get("/v1/shipments/nope/evidence")).status_code == 404


async def test_an_erasure_is_recorded_and_never_shows_the_phone(web: Web) -> None:
    answer = await web.http.post("/v1/erasures", json={"phone": f"+91 {PHONE}"})
    assert answer.status_code == 202
    assert PHONE not in answer.text
    assert answer.json()["person"] == "*******678"
    (listed,) = (await web.http.get("/v1/erasures")).json()
    assert (listed["id"], listed["done_at"]) == (answer.json()["id"], None)


@pytest.mark.parametrize(("body", "status"), [({}, 422), ({"phone": "12"}, 422), ({"phone": 1}, 422), ([], 422)])
async def test_an_erasure_without_a_person_is_refused(web: Web, body: object, status: int) -> None:
    assert (await web.http.post("/v1/erasures", json=body)).status_code == status


async def test_schedules_show_the_results_of_their_runs(web: Web) -> None:
    async with web.store.write() as session:
        await runs.begin(session, "retain", T0, now=T0)
    (shown,) = (await web.http.get("/v1/schedules")).json()
    assert (shown["job"], shown["cron"]) == ("retain", "15 3 * * *")
    assert datetime.fromisoformat(shown["next_due_at"]) == datetime(2026, 11, 2, 21, 45, tzinfo=UTC)
    assert [run["result"] for run in shown["runs"]] == ["before the first start"]


async def test_the_archive_shows_its_backlog_and_its_next_attempt(web: Web) -> None:
    await keep(web.store, call(), outcome="rejected", at=T0)
    async with web.store.write() as session:
        await archive.cut(session, 1, "calls/1.jsonl.gz", await archive.unfiled(session, limit=9), now=T0)
        file = await archive.claim(session, now=T0, until=T0 + timedelta(minutes=5))
        assert file
        await archive.failed(session, file.id, problem="no bucket", again_at=T0 + timedelta(seconds=5))
    shown = (await web.http.get("/v1/archive")).json()
    assert (shown["files"], shown["open"], shown["archived"], shown["problem"]) == (1, 1, 0, "no bucket")
    assert (shown["tries"], datetime.fromisoformat(shown["next_try_at"])) == (1, T0 + timedelta(seconds=5))


async def test_audit_routes_need_a_key(store: Store) -> None:
    async with web_on(store, api_keys=["k"]) as running:
        for path in ("reports", "schedules", "archive", "erasures", "shipments/R/evidence"):
            assert (await running.http.get(f"/v1/{path}")).status_code == 401
