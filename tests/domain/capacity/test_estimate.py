"""What a volume of parcels takes, from constants that are easy to multiply."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from awbridge.domain.capacity.estimate import calls_of, estimate, load_of, rows_of_a_parcel, table_sizes
from awbridge.domain.capacity.measured import KINDS, Engine, Measured, Work, read_measured
from awbridge.domain.capacity.stages import GB, Need, Stage, stage_of
from awbridge.domain.capacity.workload import Workload
from awbridge.domain.tracking.polling_mode import PollingMode

_BYTES = {kind: {"table": 100, "indexes": 10} for kind in KINDS}
_TIMES = {work.value: {"own": 1000, "server": 500} for work in Work}
_ENGINE = {"empty": 1000, "bytes": _BYTES, "microseconds": _TIMES}
_SHARES = {"scans": 10, "waybills": 1.5, "milestones": 4, "stored_items": 1, "updates": 1, "promises": 0, "events": 0.5}
TABLE: dict[str, Any] = {
    "about": {"day": "2026-11-30", "machine": "a machine"},
    "rows_of_a_parcel": _SHARES,
    "sqlite": _ENGINE,
    "postgres": _ENGINE,
}
MEASURED: Measured = read_measured(TABLE)
# A parcel a second on average: 86,400 a day.
BUSY = Workload(engine=Engine.POSTGRES, parcels=30 * 86_400, failed=0, open_days=23 / 24 * 4.75, polling_pace=1000)


def test_a_parcel_leaves_a_row_for_everything_that_happens_to_it() -> None:
    assert rows_of_a_parcel(replace(BUSY, subscribers=2, messages=3), MEASURED) == pytest.approx(
        {
            "shipments": 1,
            "waybills": 1.5,
            "track_links": 1,
            "milestones": 4,
            "attempts": 1,
            "inbox.webhook": 10,
            "inbox.updated_order": 10,
            "inbox.track_order": 6,
            "update_sources": 16,
            "scans": 10,
            "promises": 0,
            "events": 6,
            "event_deliveries": 12,
            "notices": 3,
        }
    )


def test_without_subscribers_no_event_is_kept() -> None:
    rows = rows_of_a_parcel(replace(BUSY, subscribers=0), MEASURED)
    assert rows["events"] == rows["event_deliveries"] == 0


def test_a_table_has_the_rows_of_its_days_and_one_without_days_those_of_all() -> None:
    sizes = {size.table: size for size in table_sizes(replace(BUSY, age=300, kept={"inbox": 30}), MEASURED)}
    assert sizes["inbox"].rows == pytest.approx(26 * 86_400 * 30)
    assert (sizes["inbox"].days, sizes["inbox"].for_ever) == (30, False)
    assert sizes["scans"].rows == 10 * 86_400 * 300
    assert sizes["scans"].for_ever
    assert sizes["scans"].index_bytes == 10 * sizes["scans"].rows
    young = {size.table: size for size in table_sizes(replace(BUSY, age=7, kept={"inbox": 30}), MEASURED)}
    assert young["inbox"].days == 7


def test_a_polled_timeline_takes_more_with_more_scans() -> None:
    figures = replace(
        MEASURED.engines[Engine.POSTGRES],
        rows=MEASURED.engines[Engine.POSTGRES].rows
        | {"inbox.track_order": replace(MEASURED.engines[Engine.POSTGRES].rows["inbox.track_order"], table=1100)},
    )
    measured = replace(MEASURED, engines={Engine.POSTGRES: figures})

    def inbox_bytes(scans: float) -> int:
        return next(s.bytes for s in table_sizes(replace(BUSY, scans=scans, age=1), measured) if s.table == "inbox")

    assert inbox_bytes(10) == pytest.approx(86_400 * (10 * 100 + 10 * 100 + 6 * 1100))
    assert inbox_bytes(20) == pytest.approx(86_400 * (20 * 100 + 20 * 100 + 6 * 2100))


def test_failed_calls_are_repeated_and_recorded() -> None:
    calls = {one.api: one for one in calls_of(replace(BUSY, failed=0.5))}
    assert calls["create-order"].a_day == 2 * 86_400
    rows = rows_of_a_parcel(replace(BUSY, failed=0.5), MEASURED)
    assert rows["attempts"] == pytest.approx(2 + 0.5 * 6 / 5)


def test_the_sale_hour_raises_orders_and_scans_but_not_polling() -> None:
    calm, sale = ({c.api: c for c in calls_of(replace(BUSY, peak=peak))} for peak in (1.0, 10.0))
    assert sale["create-order"].per_second == pytest.approx(10)
    assert sale["track-order"].per_second == pytest.approx(6 / 5)
    assert sale["track-order"].a_day == calm["track-order"].a_day == pytest.approx(86_400 * 6 / 5, abs=1)
    load = {one.work: one for one in load_of(replace(BUSY, peak=10), MEASURED)}
    assert load[Work.APPLY].per_second == pytest.approx(100)
    assert load[Work.APPLY].own_cores == pytest.approx(0.1)
    assert load[Work.APPLY].server_cores == pytest.approx(0.05)
    assert load[Work.POLL].per_second == pytest.approx(6)


def test_parcels_are_polled_every_period_and_less_in_economical_mode() -> None:
    assert BUSY.polls == pytest.approx(6)
    assert replace(BUSY, poll_every=timedelta(hours=12)).polls == pytest.approx(2 * 4.75 + 1.25)
    assert replace(BUSY, polling=PollingMode.ECONOMICAL).polls == pytest.approx(6 * 94 / 212)


def test_a_pace_that_is_too_slow_for_polling_is_said_with_what_to_set() -> None:
    needed = estimate(replace(BUSY, polling_pace=2), MEASURED)
    assert needed.polling_pace == pytest.approx(1.2 + 0.1)
    assert not needed.notes
    [note] = estimate(replace(BUSY, polling_pace=1), MEASURED).notes
    assert "1.3 calls per second" in note
    assert "AWBRIDGE_POLLING_CALLS_PER_SECOND" in note
    assert "economical" in note


def test_each_account_covers_every_minute_for_itself() -> None:
    few = replace(BUSY, parcels=30)
    assert [c.a_day for c in calls_of(few) if c.api == "updated-order"] == [288]
    assert [c.a_day for c in calls_of(replace(few, accounts=500)) if c.api == "updated-order"] == [144_000]
    assert estimate(replace(few, accounts=500), MEASURED).bytes - estimate(few, MEASURED).bytes == 499 * 1000


def test_processes_and_cores_leave_room_within_the_hour() -> None:
    needed = estimate(replace(BUSY, peak=10), MEASURED)
    assert needed.processes == -(-needed.own_cores // 0.6)
    assert needed.cores == needed.processes + -(-needed.server_cores // 0.6)
    assert estimate(replace(BUSY, peak=1, engine=Engine.SQLITE, parcels=30), MEASURED).cores == 1


def test_growth_is_that_of_what_is_kept_for_ever() -> None:
    kept = dict.fromkeys([kind.partition(".")[0] for kind in KINDS if kind != "shipments"], 30.0)
    needed = estimate(replace(BUSY, kept=kept, age=90), MEASURED)
    assert needed.growth_bytes == 110 * 30 * 86_400


@pytest.mark.parametrize(
    ("need", "stage", "says"),
    [
        ({"engine": Engine.SQLITE, "bytes": 50 * GB}, Stage.SQLITE, "hold"),
        ({"engine": Engine.SQLITE, "bytes": 200 * GB}, Stage.POSTGRES, "200 GB are more than 100"),
        ({"engine": Engine.SQLITE, "own_cores": 1.2}, Stage.POSTGRES, "2.0 cores are more than 1"),
        ({"bytes": 900 * GB}, Stage.POSTGRES, "holds"),
        ({"bytes": 2000 * GB}, Stage.REPLICAS, "2,000 GB"),
        ({"server_cores": 12}, Stage.REPLICAS, "20.0 cores are more than 8"),
        ({"bytes": 20_000 * GB}, Stage.SERVERS, "at least so many accounts"),
        ({"bytes": 20_000 * GB, "accounts": 40}, Stage.SERVERS, "it takes 3"),
        ({"bytes": 80_000 * GB, "accounts": 40}, Stage.CITUS, "it takes 10"),
    ],
)
def test_the_stage_is_the_first_that_holds_it(need: dict[str, Any], stage: Stage, says: str) -> None:
    base = {"engine": Engine.POSTGRES, "bytes": GB, "own_cores": 0.1, "server_cores": 0.1, "busy": 0.6, "accounts": 1}
    found, why = stage_of(Need(**base | need))
    assert found is stage
    assert says in why


def test_constants_that_lack_a_kind_are_refused() -> None:
    bytes_of = {kind: size for kind, size in _BYTES.items() if kind != "scans"}
    with pytest.raises(ValueError, match="no bytes of scans"):
        read_measured(TABLE | {"sqlite": _ENGINE | {"bytes": bytes_of}})
