"""Matching files: kinds of tables, pieces, repeated rows, unknown names; the folder and what is taken from it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.errors import NotPossible
from awbridge.domain.orders.shipment import Piece, WaybillKind
from awbridge.domain.reconciliation.differences import DifferenceKind, DifferenceTable
from awbridge.steps.reconciliation import match as match_step
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, begin_day, reconcile_due
from awbridge.steps.reconciliation.report_files import day_of_file, kind_of_file, take_file, take_from_folder
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.reconciliations import Reconciliation, Stage
from awbridge.store.tracking import inbox
from tests.support.rows import T0, add, count, delivery, fetch, place, sql
from tests.support.world import INDIA, SetClock, as_body, get, webhook

DAY = date(2026, 11, 2)  # T0 is 12:00 of it in India


async def parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 7):
        yield content[start : start + 7]


async def taken(store: Store, content: str, **changes: Any) -> Reconciliation:
    arguments: dict[str, Any] = {
        "name": "r.csv",
        "source": "upload",
        "kind": DifferenceTable.REGISTERED,
        "day": None,
        **changes,
    }
    return await take_file(store=store, clock=SetClock(), parts=parts(content.encode()), **arguments)


async def reconciled(store: Store, content: str, *, zone: ZoneInfo = INDIA, **changes: Any) -> Reconciliation:
    run = await taken(store, content, **changes)
    await reconcile_due(store=store, clickpost=None, clock=SetClock(), policy=ReconcilePolicy(zone=zone), only=run.id)
    async with store.read() as session:
        done = await reconciliations.get(session, run.id)
    assert done
    return done


async def found(store: Store, run: Reconciliation) -> list[tuple[str, str]]:
    async with store.read() as session:
        return sorted((d.kind.value, d.item) for d in await differences.listed(session, run.id))


async def placed(store: Store, *numbers: int) -> None:
    for number in numbers:
        await add(store, f"ORDER-{number}")
        await place(store, f"ORDER-{number}", f"400000000000{number}")


async def test_rows_go_by_waybill_reference_or_order(store: Store) -> None:
    await placed(store, 1, 2, 3)
    run = await reconciled(
        store, "AWB,Reference,Order ID\n4000000000001,,\n,ORDER-2,\n,,order of ORDER-3\n4000000000009,ORDER-9,9\n"
    )
    assert (run.state, run.line_count, run.matched, run.partly) == (Stage.DONE, 4, 0, 3)  # no courier, no status
    assert await found(store, run) == [("missing_here", "4000000000009")]
    assert await count(store, "reconciliation_files") == 0


async def test_without_a_day_nothing_can_be_missing_there_and_with_one_it_is(store: Store) -> None:
    await placed(store, 1, 2)
    await add(store, "YESTERDAY")
    await place(store, "YESTERDAY", "4000000000008", now=T0 - timedelta(days=1))
    rows = "AWB\n4000000000001\n"
    assert await found(store, await reconciled(store, rows)) == []
    run = await reconciled(store, rows, day=DAY)
    assert await found(store, run) == [("missing_there", "ORDER-2")]
    assert (run.matched, run.partly, run.found) == (0, 1, {"missing_there": 1})


async def test_the_edges_of_a_day_are_midnight_in_the_account_s_zone(store: Store) -> None:
    midnight = T0.replace(hour=18, minute=30, second=0, microsecond=0)  # the end of the day in India
    edges = {"LAST-OF-BEFORE": -86_400.000001, "FIRST": -86_400, "LAST": -0.000001, "FIRST-OF-NEXT": 0}
    for number, (reference, seconds) in enumerate(edges.items(), 1):
        await add(store, reference)
        await place(store, reference, f"400000000000{number}", now=midnight + timedelta(seconds=seconds))
    run = await reconciled(store, "AWB\n4000000000009\n", day=DAY)
    assert [item for kind, item in await found(store, run) if kind == "missing_there"] == ["FIRST", "LAST"]


@pytest.mark.parametrize(
    ("day", "starts", "hours"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
    ids=["spring", "autumn"],
)
async def test_a_day_on_which_the_clocks_change_has_its_own_length(
    store: Store, day: date, starts: datetime, hours: int
) -> None:
    ends, instant = starts + timedelta(hours=hours), timedelta(microseconds=1)
    edges = {"LAST-OF-BEFORE": starts - instant, "FIRST": starts, "LAST": ends - instant, "FIRST-OF-NEXT": ends}
    for number, (reference, at) in enumerate(edges.items(), 1):
        await add(store, reference, now=at)
        await place(store, reference, f"400000000000{number}", now=at)
    run = await reconciled(store, "AWB\n4000000000009\n", day=day, zone=ZoneInfo("Europe/Berlin"))
    assert [item for kind, item in await found(store, run) if kind == "missing_there"] == ["FIRST", "LAST"]


async def test_of_repeated_rows_the_latest_counts(store: Store) -> None:
    await placed(store, 1)
    run = await reconciled(
        store,
        "AWB,Status Code,Status Time\n"
        "4000000000001,8,2026-11-02 13:00:00\n4000000000001,5,2026-11-02 11:00:00\n4000000000001,4,2026-11-02 10:00\n",
    )
    async with store.read() as session:
        (difference,) = await differences.listed(session, run.id)
    assert (difference.kind, difference.their_row.status_code, difference.their_row.line) == (
        DifferenceKind.STATUS,
        8,
        2,
    )
    assert (run.line_count, run.repeated, run.matched) == (3, 2, 0)


async def test_a_piece_counts_as_its_shipment_but_does_not_make_it_differ(store: Store) -> None:
    await placed(store, 1)
    async with store.write() as session:
        piece = NewWaybill(Piece(waybill="4000000000001-0001"), 4, "ORDER-1", WaybillKind.CHILD, T0)
        await waybills.add(session, [piece], now=T0)
    run = await reconciled(store, "AWB,Status Code,CP ID\n4000000000001-0001,8,6\n", day=DAY)
    assert (await found(store, run), run.matched) == ([], 1)


async def test_one_number_at_two_couriers_goes_to_the_row_s_own(store: Store) -> None:
    for reference, courier in (("A", 4), ("B", 6)):
        await add(store, reference, courier_partner_id=courier)
        await place(store, reference, "4000000000001")
    run = await reconciled(store, "AWB,CP ID\n4000000000001,6\n", day=DAY)
    assert await found(store, run) == [("missing_there", "A")]


async def test_a_status_that_differs_is_asked_for_at_once_but_not_twice_in_two_hours(store: Store) -> None:
    await placed(store, 1, 2)
    asked = T0 - timedelta(minutes=30)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET last_polled_at = $1 WHERE reference_number = 'ORDER-2'"), asked)
    await reconciled(store, "AWB,Status\n4000000000001,Delivered\n4000000000002,Delivered\n")
    rows = await fetch(store, "SELECT reference_number, next_poll_at FROM shipments ORDER BY reference_number")
    assert [row["next_poll_at"] for row in rows] == [T0, T0 + match_step.POLL_AGAIN]


async def test_failed_orders_are_differences_where_nobody_knows_of_the_failure(store: Store) -> None:
    await placed(store, 1)
    await add(store, "ORDER-2")
    run = await reconciled(
        store,
        "Reference Number,Request,Response\nORDER-1,{},no\nORDER-2,{},no\nORDER-3,{},no\n",
        kind=DifferenceTable.FAILURES,
    )
    assert await found(store, run) == [("missing_here", "ORDER-3"), ("status_differs", "ORDER-2")]
    assert (await get(store, "ORDER-1")).last_polled_at is None


async def test_matching_twice_keeps_the_same_differences(store: Store) -> None:
    await placed(store, 1)
    run = await reconciled(store, "AWB,Status\n4000000000001,Delivered\n4000000000009,\n", day=DAY)
    before = await fetch(store, "SELECT * FROM differences ORDER BY id")
    async with store.write() as session:
        await session.execute(
            sql("UPDATE reconciliations SET state = 'matching', next_try_at = created_at WHERE id = $1"), run.id
        )
        await reconciliations.add_part(session, run.id, 0, b"AWB,Status\n4000000000001,Delivered\n4000000000009,\n")
    await reconcile_due(store=store, clickpost=None, clock=SetClock(), policy=ReconcilePolicy(zone=INDIA))
    assert await fetch(store, "SELECT * FROM differences ORDER BY id") == before
    assert len(before) == 2


async def test_more_differences_than_are_kept_are_still_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_step, "MOST_KEPT", 3)
    run = await reconciled(store, "AWB\n" + "".join(f"{n:013d}\n" for n in range(2000)))
    assert run.found == {"missing_here": 2000}
    assert await count(store, "differences") == 3


async def test_a_file_that_is_no_table_fails_with_its_reason(store: Store) -> None:
    run = await reconciled(store, "Name,City\nAsha,Pune\n", name="people.csv")
    assert (run.state, run.next_try_at) == (Stage.FAILED, None)
    assert run.problem
    assert run.problem.startswith("people.csv: no column")


async def test_the_same_file_is_one_run_and_an_empty_one_is_none(store: Store) -> None:
    first = await taken(store, "AWB\n4000000000001\n")
    assert (await taken(store, "AWB\n4000000000001\n", name="other.csv")).id == first.id
    assert (await taken(store, "AWB\n4000000000001\n", day=DAY)).id != first.id
    with pytest.raises(NotPossible, match="is empty"):
        await taken(store, "")
    assert await count(store, "reconciliations") == 2
    assert await count(store, "reconciliation_files") == 2


async def test_parts_of_a_file_that_never_came_whole_are_forgotten_after_a_day(store: Store) -> None:
    run = await taken(store, "AWB\n4000000000001\n")
    clock = SetClock(run.created_at)
    async with store.write() as session:
        await reconciliations.add_part(session, reconciliations.new_id(), 0, b"AWB\n40000")
    for days, left in ((0, 2), (20_000, 1)):  # ids tell the true time
        clock.forward(days=days)
        await begin_day(store=store, clock=clock, zone=INDIA, day=DAY)
        assert await count(store, "reconciliation_files") == left


async def test_the_folder_gives_whole_files_and_keeps_them_aside(store: Store, tmp_path: Path) -> None:
    clock = SetClock()
    folder = tmp_path / "reports"
    folder.mkdir()
    old = (clock() - timedelta(minutes=1)).timestamp()
    for name in ("Order Failures 20261101.csv", "registered-2026-11-02.CSV", ".hidden.csv", "notes.doc", "empty.csv"):
        (folder / name).write_text("" if name == "empty.csv" else f"AWB\n{name}\n")
        os.utime(folder / name, (old, old))
    (folder / "growing.csv").write_text("AWB\n")
    os.utime(folder / "growing.csv", (clock().timestamp(),) * 2)
    assert await take_from_folder(store=store, clock=clock, folder=folder) == 3
    runs = await fetch(store, "SELECT name, kind, day, source FROM reconciliations ORDER BY name")
    assert [tuple(run.values()) for run in runs] == [
        ("Order Failures 20261101.csv", "failures", "2026-11-01", "folder"),
        ("registered-2026-11-02.CSV", "registered", "2026-11-02", "folder"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [".hidden.csv", "growing.csv", "notes.doc", "taken"]
    assert len(list((folder / "taken").iterdir())) == 3
    assert await take_from_folder(store=store, clock=clock, folder=folder) == 0
    assert await take_from_folder(store=store, clock=clock, folder=folder / "not there") == 0


@pytest.mark.parametrize(
    ("name", "kind", "day"),
    [
        ("Failed Webhooks 2026-11-02.xlsx", DifferenceTable.WEBHOOKS, DAY),
        ("order-creation-api-failure.csv", DifferenceTable.FAILURES, None),
        ("registered_20261102.csv", DifferenceTable.REGISTERED, DAY),
        ("report 20261399.csv", DifferenceTable.REGISTERED, None),
        ("120261102.csv", DifferenceTable.REGISTERED, None),
    ],
)
def test_a_file_s_name_tells_what_it_lists_and_of_which_day(name: str, kind: DifferenceTable, day: date | None) -> None:
    assert (kind_of_file(name), day_of_file(name)) == (kind, day)


@pytest.mark.parametrize(("went_out", "state"), [(True, "placed"), (False, "ready")])
async def test_a_report_that_names_the_reference_proves_that_clickpost_holds_it(
    store: Store, went_out: bool, state: str
) -> None:
    await add(store, "R")
    if went_out:
        async with store.write() as session:
            await session.execute(
                sql("UPDATE shipments SET maybe_placed = TRUE, state = 'gave_up', sent_at = created_at")
            )
    await reconciled(store, "AWB,Reference Number,Status\n4400000000001,R,InTransit\n")
    after = await get(store, "R")
    assert (after.state, after.waybill, after.maybe_placed) == (state, "4400000000001" if went_out else None, False)


async def test_an_unpublished_code_is_shown_with_its_description(store: Store) -> None:
    await placed(store, 1, 2)
    for number, code, words in ((1, 45, "Handed to the depot"), (2, 8, "Delivered")):
        body = webhook(f"400000000000{number}", code, T0)
        status = {"clickpost_status_code": code, "clickpost_status_description": words}
        body = body | status | {"additional": {"latest_status": body["additional"]["latest_status"] | status}}
        async with store.write() as session:
            await inbox.add(session, [delivery(f"{number}", body=as_body(body))])
    await apply_due(store=store, clock=SetClock(), policy=ApplyPolicy(zone=INDIA))
    rows = "AWB,Status Code,Status,Status Time\n4000000000001,8,Delivered,2026-11-03 13:00\n"
    run = await reconciled(store, rows + "4000000000002,52,Shelved,2026-11-03 13:00\n")
    async with store.read() as session:
        found_ones = {d.waybill: d for d in await differences.listed(session, run.id)}
    one, two = found_ones["4000000000001"], found_ones["4000000000002"]
    assert one.ours is not None
    assert two.theirs is not None
    assert (one.ours["status_code"], one.ours["status_description"]) == (45, "Handed to the depot")
    assert (two.theirs["status_code"], two.theirs["status_description"]) == (52, "Shelved")
    assert "status_description" not in (one.theirs or {})
