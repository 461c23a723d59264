"""Erase: one person's data leave every table, the archive and the reports; the record of it says nothing of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from awbridge.domain.errors import NotValid
from awbridge.domain.handover.labels import LabelKey, WantedLabel
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.archive import ArchivePolicy, archive_due
from awbridge.steps.audit.publish import Destination
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.steps.orders import intake
from awbridge.steps.privacy import erase as erase_step
from awbridge.steps.privacy.erase import ask_erasure, erase_due
from awbridge.store import Store
from awbridge.store.engine import pages
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement
from awbridge.store.handover import labels
from awbridge.store.orders import actions
from awbridge.store.privacy import erasures
from awbridge.store.privacy.erasures import Erasure
from awbridge.store.tracking import inbox, scans
from tests.steps.audit.test_report import unzip
from tests.steps.privacy.test_retain import ended
from tests.support.evidence_rows import NAME, PHONE, call, files, keep, lines, more_about, order_of
from tests.support.rows import T0, add, delivery, fetch, new_scan, scan, sql
from tests.support.stores import TABLES
from tests.support.world import INDIA, SetClock, get, webhook

OTHER = "9000000001"
KEEP = read_privacy("")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/archive")


async def erase(store: Store, objects: Objects, clock: SetClock, **whose: str) -> Erasure:
    asked = await ask_erasure(store=store, clock=clock, **whose)
    await erase_due(store=store, objects=objects, reports_in=objects, clock=clock)
    async with store.read() as session:
        found = await erasures.get(session, asked.id)
    assert found
    return found


async def everything(store: Store) -> str:
    """All that the database holds, as one text."""
    rows = [row for table in TABLES for row in await fetch(store, f"SELECT * FROM {table}")]
    plain = [v.decode() if isinstance(v, (bytes, memoryview)) else str(v) for row in rows for v in row.values()]
    return "\n".join(plain)


async def stored(store: Store, objects: Objects) -> str:
    """All that is in the archive and in the reports, as one text."""
    found = [str(await lines(objects, file.object_key)) for file in await files(store)]
    for row in await fetch(store, "SELECT object_key FROM reports"):
        found.append(str(unzip(await objects.get(row["object_key"]))))
    return "\n".join(found)


def quotes_of(reference: str) -> list[str]:
    """An event that quotes ClickPost, an endpoint that quotes the event and is disabled, a message that came back."""
    shard, body = shard_of(reference), json.dumps({"type": "shipment.rejected", "data": {"problem": f"phone {PHONE}?"}})
    return [
        "INSERT INTO events (shard, id, reference_number, kind, body, created_at) "
        f"VALUES ({shard}, 1, '{reference}', 'shipment.rejected', '{body}', $1)",
        "INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, problem, updated_at) "
        f"VALUES ({shard}, 1, 1, 'failed', 1, 'HTTP 400: what is {PHONE}', $1)",
        "INSERT INTO endpoints (id, url, kinds, secret, enabled, problem, created_at, updated_at) "
        f"VALUES (1, 'https://erp.example', '', 's', FALSE, 'HTTP 400: what is {PHONE}', $1, $1)",
        "INSERT INTO alarms (cause, text, times, raised_at, last_at, tries) "
        f"VALUES ('endpoint.1', 'endpoint 1 is disabled: HTTP 400: what is {PHONE}', 1, $1, $1, 0)",
        "INSERT INTO notices (shard, id, reference_number, milestone, channel, state, why, tries, language, "
        f"created_at) VALUES ({shard}, 1, '{reference}', 'lost', 'mail', 'failed', 'asha@example.com', 1, 'en', $1)",
    ]


class NotingStore:
    """A store that notes which statements run within its transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.written: set[str] = set()

    def read(self) -> Any:
        return self._store.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        async with self._store.write() as session:
            yield _NotingSession(session, self.written)


class _NotingSession:
    def __init__(self, session: Session, written: set[str]) -> None:
        self._session = session
        self._written = written

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        self._written.add(statement.name)
        return await self._session.fetch(statement, *args)

    async def execute(self, statement: Statement, *args: object) -> int:
        self._written.add(statement.name)
        return await self._session.execute(statement, *args)


@pytest.fixture
async def world(store: Store, objects: Objects, tmp_path: Path) -> Store:
    """A delivered shipment of Asha and one of another customer, with calls, scans, deliveries, archive and report."""
    await ended(store, "R1")
    await add(store, "R2", payload=order_of("R2") | {"drop_info": {"drop_phone": OTHER, "drop_name": "Ben Das"}})
    await keep(store, call("R1"), reference="R1")
    await more_about(store, "R1")
    other = json.dumps({"drop_info": {"drop_phone": OTHER, "drop_name": "Ben Das"}})
    await keep(store, call("R2", request=other, response="{}"), reference="R2")
    delivered = webhook("AWB-R1", 8, T0, additional={"received_by": NAME, "phone": PHONE})
    note = json.dumps(webhook("AWB-R2", 8, T0, remark="for Ben Das"))
    async with store.write() as session:
        bodies = [json.dumps(delivered).encode(), note.encode()]
        await inbox.add(session, [delivery(f"d{n}", body=body) for n, body in enumerate(bodies)])
        given = scan(waybill="AWB-R1", remark=f"given to {NAME}, call {PHONE}")
        missed = scan(3, waybill="AWB-R1", npr_code=2, npr_description=f"{NAME} did not answer {PHONE}")
        event = ReturnEvent(kind="return.placed", items=[{"sku": "S", "return_reason": f"{NAME} wants blue"}])
        back = scan(101, waybill="AWB-R1", ndr_description=f"called {PHONE}", return_event=event)
        await scans.add(session, [new_scan("R1", given), new_scan("R1", missed), new_scan("R1", back)])
        words = sql("UPDATE shipments SET ndr_description = $1 WHERE reference_number = 'R1'")
        await session.execute(words, f"called {PHONE}")
        key = LabelKey("R1", 0)
        await labels.want(session, [WantedLabel(key=key, waybill="AWB-R1", url="https://l.example/1")], now=T0)
        (label,) = await labels.claim(session, owner="o", now=T0, until=T0 + timedelta(minutes=1), limit=1)
        await labels.record(session, label, f"%PDF-1.4 {NAME} {PHONE}".encode(), now=T0)
        for statement in quotes_of("R1"):
            await session.execute(sql(statement), T0)
    clock = SetClock(T0 + timedelta(days=1))
    policy = ArchivePolicy(folder=tmp_path / "local", privacy=KEEP)
    while await archive_due(store=store, objects=objects, clock=clock, policy=policy):
        pass
    chosen = ReportPolicy(zone=INDIA, destinations=(Destination(name="own", privacy=KEEP),))
    await report_failures(store=store, objects=objects, clock=clock, policy=chosen, day=date(2026, 11, 2), mail=False)
    return store


@pytest.mark.parametrize("whose", [{"phone": "+91 98123 45678"}, {"reference": "R1"}], ids=["phone", "reference"])
async def test_a_person_leaves_every_table_the_archive_and_the_reports(
    world: Store, objects: Objects, whose: dict[str, str]
) -> None:
    for text in (await everything(world), await stored(world, objects)):
        assert PHONE in text
        assert NAME in text
    done = await erase(world, objects, SetClock(T0 + timedelta(days=2)), **whose)
    assert done.done_at
    assert dict(done.counts) == {
        "shipments": 1,
        "payload_versions": 2,
        "actions": 2 if "phone" in whose else 1,
        "customer_answers": 1,
        "attempts": 1,
        "scans": 3,
        "events": 2,
        "notices": 1,
        "labels": 1,
        "endpoints": 1,
        "alarms": 1,
        "inbox": 1,
        "archive_files": 1,
        "reports": 1,
    }
    if "reference" in whose:  # a pickup about no shipment is found by its phone
        async with world.write() as session:
            await session.execute(sql("DELETE FROM actions WHERE reference_number IS NULL"))
    now = await everything(world)
    there = await stored(world, objects)
    for text in (now.replace('"pickup_name":"Asha Rao"', ""), there):
        assert PHONE not in text
        assert "asha@example.com" not in text
    assert NAME not in str((await get(world, "R1")).payload)
    for text in (now, there):
        assert OTHER in text  # who did not ask is left alone
        assert "Ben Das" in text
    assert (await get(world, "R1")).payload["shipment_details"]["reference_number"] == "R1"


async def test_the_record_of_an_erasure_does_not_hold_what_was_erased(world: Store, objects: Objects) -> None:
    done = await erase(world, objects, SetClock(T0 + timedelta(days=2)), phone=PHONE, key="secret")
    assert done.subject is None
    assert done.pseudonym.startswith("phone-")
    assert (done.kind, done.tries, done.problem) == ("phone", 1, None)


async def test_a_shipment_on_its_way_is_waited_for(store: Store, objects: Objects) -> None:
    await add(store, "R", payload=order_of("R"))
    clock = SetClock(T0)
    asked = await erase(store, objects, clock, phone=PHONE)
    assert asked.done_at is None
    assert asked.problem == "1 shipments have not ended yet; checked again every day"
    assert PHONE in str((await get(store, "R")).payload)
    await intake.cancel(store=store, clock=clock, reference_number="R")
    assert await erase_due(store=store, objects=objects, reports_in=objects, clock=clock) == 0
    clock.forward(days=1)
    assert await erase_due(store=store, objects=objects, reports_in=objects, clock=clock) == 1
    assert PHONE not in await everything(store)


async def test_a_phone_is_found_in_what_was_asked_about_a_shipment_too(store: Store, objects: Objects) -> None:
    await ended(store, "R")
    await more_about(store, "R")
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET payload = '{}', packed_payload = NULL"))
    await erase(store, objects, SetClock(T0 + timedelta(days=2)), phone=PHONE)
    assert PHONE not in await everything(store)


async def test_what_is_still_to_be_done_about_a_shipment_is_waited_for(store: Store, objects: Objects) -> None:
    await ended(store, "R")
    wanted = NewAction(kind=ActionKind.PROOF, reference_number="R", body={})
    async with store.write() as session:
        action, _ = await actions.add(session, wanted, now=T0)
    clock = SetClock(T0)
    assert (await erase(store, objects, clock, phone=PHONE)).done_at is None
    async with store.write() as session:
        await actions.done(session, action.id, {}, now=T0)
    clock.forward(days=1)
    await erase_due(store=store, objects=objects, reports_in=objects, clock=clock)
    assert PHONE not in await everything(store)


async def test_an_archive_that_is_away_makes_an_erasure_wait_and_finish_later(
    world: Store, objects: Objects, tmp_path: Path
) -> None:
    clock = SetClock(T0 + timedelta(days=2))
    (tmp_path / "archive").rename(tmp_path / "away")
    (tmp_path / "archive").write_text("no folder")
    asked = await erase(world, objects, clock, phone=PHONE)
    assert asked.done_at is None
    assert asked.problem
    assert PHONE in str((await get(world, "R1")).payload)  # payloads go last: they say which shipments are meant
    (tmp_path / "archive").unlink()
    (tmp_path / "away").rename(tmp_path / "archive")
    clock.forward(minutes=6)
    await erase_due(store=world, objects=objects, reports_in=objects, clock=clock)
    assert PHONE not in await everything(world)
    assert PHONE not in await stored(world, objects)


async def events_about(store: Store, reference: str, count: int) -> None:
    """Events of a shipment, each between two of others in its shard."""
    shard, body = shard_of(reference), json.dumps({"data": {"problem": f"phone {PHONE}?"}})
    add_event = sql(
        "INSERT INTO events (shard, id, reference_number, kind, body, created_at) VALUES ($1, $2, $3, 'k', $4, $5)"
    )
    async with store.write() as session:
        for number in range(2 * count + 1):
            event = (reference, body) if number % 2 else ("another's", '{"data": {"problem": "none"}}')
            await session.execute(add_event, shard, number, *event, T0)


async def test_all_events_of_a_shipment_are_found_page_by_page(
    store: Store, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 4)
    monkeypatch.setattr(erase_step, "BATCH", 2)
    await ended(store, "R")
    await events_about(store, "R", 7)
    done = await erase(store, objects, SetClock(T0 + timedelta(days=2)), reference="R")
    assert done.counts["events"] == 7
    assert PHONE not in await everything(store)
    others = await fetch(store, "SELECT body, packed_body FROM events WHERE reference_number = $1", "another's")
    assert {row["body"] for row in others} == {'{"data": {"problem": "none"}}'}


async def test_events_are_searched_outside_of_any_transaction(store: Store, objects: Objects) -> None:
    await ended(store, "R")
    await events_about(store, "R", 3)
    writing = NotingStore(store)
    await ask_erasure(store=store, clock=SetClock(), reference="R")
    as_store, clock = cast("Store", writing), SetClock(T0 + timedelta(days=2))
    assert await erase_due(store=as_store, objects=objects, reports_in=objects, clock=clock) == 1
    assert PHONE not in await everything(store)
    assert "set_event" in writing.written
    of_events = {name for name in writing.written if "event" in name}
    assert of_events == {"events_with", "event_problems_with", "set_event"}, "by their keys alone"


@pytest.mark.parametrize("whose", [{"phone": "12345"}, {}, {"reference": ""}])
async def test_nobody_in_particular_is_refused(store: Store, whose: dict[str, str]) -> None:
    with pytest.raises(NotValid):
        await ask_erasure(store=store, clock=SetClock(), **whose)


async def test_the_erasure_of_an_unknown_person_is_done_at_once(store: Store, objects: Objects) -> None:
    done = await erase(store, objects, SetClock(), phone=PHONE)
    assert done.done_at
    assert not any(done.counts.values())
