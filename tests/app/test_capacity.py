"""The estimate of capacity against databases that are filled, and with the settings of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from awbridge.app.capacity import figures
from awbridge.app.settings import Settings
from awbridge.domain.capacity.estimate import estimate
from awbridge.domain.capacity.measured import Engine
from awbridge.domain.capacity.workload import MONTH, Workload
from awbridge.domain.tracking.asking import HEADROOM
from awbridge.domain.tracking.polling_mode import PollingMode
from tests.support.copies import copy_postgres, copy_sqlite
from tests.support.parcels import road
from tests.support.postgres import PostgresServer
from tests.support.sizes import Size, postgres_sizes, sqlite_sizes
from tests.support.stores import migrate, migrated_file

FOLLOWED, PARCELS = 20, 2_000
ALLOWED = 0.15
LARGEST = {Engine.POSTGRES: 2_500, Engine.SQLITE: 2_150}  # bytes for each scan of a parcel, in all tables


async def _follow(url: str) -> tuple[float, float]:
    """Parcels on their whole way; scans and polls of each."""
    async with road(url, seed=3) as way:
        await way.follow(FOLLOWED, wave=FOLLOWED)
        return way.simulated.scans() / FOLLOWED, way.costs["track-order"].count / FOLLOWED


def _assert_predicted(engine: Engine, real: Mapping[str, Size], scans: float, polls: float) -> None:
    """`python -m bench capacity --write` measures the constants anew where rows take something else now."""
    workload = Workload(
        engine=engine,
        parcels=PARCELS,
        age=MONTH,
        scans=scans,
        open_days=(polls - 1.25) * HEADROOM,
        failed=0,
        messages=real["notices"].rows / PARCELS,
    )
    predicted = estimate(workload, figures.measured())
    assert predicted.rows == pytest.approx(sum(size.rows for size in real.values()), rel=ALLOWED)
    size = sum(one.bytes + one.index_bytes for one in predicted.tables)
    there = sum(size.table + size.indexes for size in real.values())
    assert size == pytest.approx(there, rel=ALLOWED)
    assert there <= LARGEST[engine] * scans * PARCELS


@pytest.mark.slow
async def test_a_sqlite_database_has_the_predicted_rows_and_bytes(tmp_path: Path) -> None:
    scans, polls = await _follow(await migrated_file(tmp_path))
    copy_sqlite(tmp_path / "awbridge.db", range(1, PARCELS // FOLLOWED))
    _assert_predicted(Engine.SQLITE, sqlite_sizes(tmp_path / "awbridge.db"), scans, polls)


@pytest.mark.slow
async def test_a_postgres_database_has_the_predicted_rows_and_bytes(postgres: PostgresServer) -> None:
    url = await migrate(await postgres.new_database())
    scans, polls = await _follow(url)
    await copy_postgres(url, range(1, PARCELS // FOLLOWED))
    _assert_predicted(Engine.POSTGRES, await postgres_sizes(url), scans, polls)


def test_the_estimate_starts_from_the_settings() -> None:
    settings = Settings(
        database_url="postgresql://user@host/name",
        retain_inbox_days=7,
        retain_attempts_days=0,
        polling="economical",
        poll_after_seconds=43_200,
        polling_calls_per_second=50,
        notice_sms_url="json://gateway.example/{to}",
        notice_mail=True,
    )
    workload = figures.workload_of(settings, {"parcels": 1000})
    assert workload.engine is Engine.POSTGRES
    assert workload.kept["inbox"] == workload.kept["update_sources"] == 7
    assert workload.kept["events"] == workload.kept["event_deliveries"] == 90 + 31, "until all of their month is old"
    assert not workload.kept.keys() & {"attempts", "scans", "shipments"}
    assert (workload.polling, workload.poll_every) == (PollingMode.ECONOMICAL, timedelta(hours=12))
    assert workload.polling_pace == 50
    found = figures.measured()
    assert figures.messages_of_a_parcel(settings, found) == 2 * found.milestones
    assert figures.messages_of_a_parcel(Settings(), found) == 0


def test_rows_that_go_on_their_day_wait_for_no_month() -> None:
    url, given = "postgresql://user@host/name", {"parcels": 1000}
    kept = [
        figures.workload_of(settings, given).kept
        for settings in (
            Settings(database_url=url, retain_whole_months=False),
            Settings(database_url=url, retain_events_days=59, retain_attempts_days=59),
            Settings(),
        )
    ]
    assert [(days["attempts"], days["events"]) for days in kept] == [(90, 90), (59, 59), (90, 90)]


def test_days_hold_for_every_table_whose_rows_go_by_age() -> None:
    kept = figures.days_kept(Settings(), 45)
    assert set(kept.values()) == {45}
    assert {"inbox", "scans", "events", "attempts"} <= kept.keys()
    assert "shipments" not in kept
