"""A report of failed webhooks: payloads go into the inbox once, bare waybills are asked for at once."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from awbridge.domain.errors import TableUnreadable
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.replay_report import BATCH, Replayed, replay_report
from awbridge.store import Store
from awbridge.store.polling import polls
from awbridge.store.tracking import inbox
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.rows import T0, add, count, delivery, fetch, place, set_tracking_status
from tests.support.world import SetClock, as_body, get, webhook


async def replay(store: Store, *rows: list[str], clock: SetClock | None = None) -> Replayed:
    text = io.StringIO()
    csv.writer(text).writerows([["AWB", "Courier Partner", "Payload", "Attempt"], *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "failed.csv"
        path.write_text(text.getvalue(), newline="")
        return await replay_report(store=store, clock=clock or SetClock(), path=path, ask_again=timedelta(hours=2))


async def test_payloads_go_into_the_inbox_as_they_were_sent_and_once(store: Store) -> None:
    body = webhook("AWB1", 5, T0, order_status_id=7)
    other = webhook("AWB1", 6, T0)
    rows = [["AWB1", "4", json.dumps(body), "3"], ["AWB1", "4", str(other), "3"]]
    report = await replay(store, *rows)
    assert (report.rows, report.deliveries, report.known, report.asked, report.bad) == (2, 2, 0, 0, [])
    assert (report.understood["payload"], report.passed_over) == ("Payload", ["Attempt"])
    again = await replay(store, *rows)
    assert (again.rows, again.deliveries, again.known) == (2, 0, 2)
    async with store.write() as session:
        claimed = await inbox.claim(session, now=T0, limit=9)
    assert [c.source for c in claimed] == [Source.REPORT] * 2
    assert "osid:7" in {c.identity for c in claimed}
    assert sorted(json.loads(c.body)["clickpost_status_code"] for c in claimed) == [5, 6]


async def test_rows_without_a_payload_have_their_shipment_asked_for_at_once(store: Store) -> None:
    for name in ("A", "B", "C"):
        await add(store, name)
        await place(store, name, f"AWB-{name}")
    await add(store, "D")
    end = TrackingStatus(sighting=Sighting(seen_at=T0, final=True, step=90, code=8), bucket=6, edd=None, ndr_code=None)
    async with store.write() as session:
        await set_tracking_status(session, "C", end, last_tracked_at=T0, next_poll_at=None)
    clock = SetClock()
    clock.forward(hours=1)
    report = await replay(
        store,
        ["AWB-A", "4", "", "1"],
        ["AWB-B", "", "not a payload", "1"],
        ["AWB-C", "4", "", "1"],
        ["AWB-X", "4", "", "1"],
        ["1.2E+12", "4", "", "1"],
        clock=clock,
    )
    assert (report.deliveries, report.asked, report.at_their_end) == (0, 2, 1)
    assert [b.line for b in report.bad] == [5, 6]
    due = await fetch(store, "SELECT reference_number FROM shipments WHERE next_poll_at <= $1", clock.now)
    assert sorted(d["reference_number"] for d in due) == ["A", "B"]
    assert (await get(store, "C")).final


async def test_what_a_webhook_or_a_row_above_brought_is_known(store: Store) -> None:
    came, missed = (webhook("AWB1", code, T0, order_status_id=code) for code in (5, 6))
    async with store.write() as session:
        await inbox.add(session, [delivery("osid:5", body=as_body(came))])
    report = await replay(store, *(["AWB1", "4", json.dumps(body), "3"] for body in (came, missed, missed)))
    assert (report.rows, report.deliveries, report.known) == (3, 1, 2)
    assert await count(store, "inbox") == 2


async def test_a_report_of_many_rows_counts_each_delivery_and_each_shipment_once(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "AWB-A")
    bodies = [json.dumps(webhook("AWB1", 5, T0, order_status_id=n)) for n in range(1, 2 * BATCH)]
    rows = [row for body in bodies for row in (["AWB1", "4", body, ""], ["AWB-A", "4", "", ""])]
    clock = SetClock()
    report = await replay(store, *rows, clock=clock)
    assert (report.rows, report.deliveries, report.known) == (len(rows), len(bodies), 0)
    assert (report.asked, report.asked_already, report.bad) == (1, 0, [])


async def test_a_shipment_that_is_due_anyway_or_was_polled_lately_is_counted_apart(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "AWB-A")
    clock = SetClock()
    clock.forward(hours=1)
    row = ["AWB-A", "4", "", "1"]

    async def counted() -> tuple[int, int]:
        report = await replay(store, row, clock=clock)
        return report.asked, report.asked_already

    async def due_at() -> datetime:
        return (await fetch(store, "SELECT next_poll_at FROM shipments"))[0]["next_poll_at"]

    assert [await counted(), await counted()] == [(1, 0), (0, 1)]
    assert await due_at() == clock.now
    async with store.write() as session:
        await polls.record_poll(session, "A", polled_at=clock.now, next_poll_at=clock.now + timedelta(days=1))
    polled_at = clock.now
    clock.forward(minutes=1)
    assert [await counted(), await counted()] == [(0, 1), (0, 1)]
    assert await due_at() == polled_at + timedelta(hours=2)
    clock.forward(hours=1, minutes=59)
    async with store.write() as session:
        await polls.record_poll(session, "A", polled_at=polled_at, next_poll_at=clock.now + timedelta(days=1))
    assert [await counted(), await counted()] == [(1, 0), (0, 1)]


async def test_a_report_without_rows_is_a_mistake(store: Store) -> None:
    with pytest.raises(TableUnreadable, match="holds no rows"):
        await replay(store)


async def test_what_is_written_before_a_payload_is_no_part_of_it(store: Store) -> None:
    body = webhook("AWB1", 5, T0, order_status_id=7)
    report = await replay(
        store, ["AWB1", "4", "'" + json.dumps(body), "3"], ["AWB1", "4", "\ufeff" + json.dumps(body), "3"]
    )
    assert (report.deliveries, report.known, report.bad) == (1, 1, [])


async def test_a_waybill_of_two_couriers_goes_by_the_courier_s_name_or_not_at_all(store: Store) -> None:
    for reference, courier in (("A", 4), ("B", 6)):
        await add(store, reference, courier_partner_id=courier)
        await place(store, reference, "4000000000001")
    rows = [["4000000000001", "Xpress Bees", "{cut", "1"], ["4000000000001", "Somebody", "", "1"]]
    report = await replay(store, *rows)
    assert (report.asked + report.asked_already, report.unread_payloads) == (1, 1)
    assert [(bad.line, bad.problem) for bad in report.bad] == [
        (3, "no payload, and waybill 4000000000001 is known of couriers 4, 6: name one as courier")
    ]
    due = await fetch(store, "SELECT reference_number FROM shipments WHERE polling_resumed_at IS NOT NULL")
    assert [row["reference_number"] for row in due] == ["B"]
