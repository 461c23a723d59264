"""The overview: charts as tables, failures, webhooks, held accounts, scheduled runs, and live updates."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.call import Call
from awbridge.domain.tracking.scan import Source
from awbridge.store import Store
from awbridge.store.audit import activity, attempts
from awbridge.store.polling import arrivals
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking.inbox import NewDelivery
from awbridge.web.pages import activity as pages_activity
from awbridge.web.pages.activity import ActivityReader, FailureBar
from awbridge.web.pages.visit import VISIT, Visit
from tests.support.app import Web
from tests.support.pages import open_page
from tests.support.rows import T0, add, attempt, decided, place, sql
from tests.support.world import SetClock

SCANS = {Source.WEBHOOK: 3, Source.UPDATED_ORDER: 1}
STATIC = Path("src/awbridge/web/pages/static")


@pytest.fixture(autouse=True)
def every_visit_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of a module share an app, and with it what it remembers."""
    monkeypatch.setattr(pages_activity, "LASTS", timedelta())


def hours(shown: str) -> dict[str, tuple[int, int]]:
    """Hour -> (placed, rejected) of the table under the chart, where anything happened."""
    rows = re.findall(r'data-value="\d+">([\d:]+)</td><td[^>]*>(\d+)</td><td[^>]*>(\d+)</td>', shown)
    return {hour: (int(placed), int(rejected)) for hour, placed, rejected in rows if (placed, rejected) != ("0", "0")}


async def test_each_hour_counts_what_was_placed_and_rejected_in_it(web: Web) -> None:
    await decided(web.store, placed=3, refused=2, clock=web.clock)
    web.clock.forward(hours=2)
    await add(web.store, "LATER", now=web.clock.now)
    await place(web.store, "LATER", "AWB-LATER", now=web.clock.now)
    shown = await open_page(web, "/")
    counts = hours(shown)
    assert sorted(counts.values()) == [(1, 0), (3, 2)]
    assert shown.count("data-value=") == 24
    assert "5 things" not in shown


async def test_hours_are_whole_ones_and_include_the_current(store: Store) -> None:
    until = datetime(2026, 11, 2, 7, tzinfo=UTC)
    await add(store, "R-1", "R-2", "R-3", now=T0)
    await place(store, "R-1", "AWB1", now=until - timedelta(hours=1))
    await place(store, "R-2", "AWB2", now=until - timedelta(microseconds=1))
    await place(store, "R-3", "AWB3", now=until)
    async with store.read() as session:
        found = await activity.by_hour(session, until=until, hours=3)
    assert [(hour.from_at.hour, hour.placed) for hour in found] == [(4, 0), (5, 0), (6, 2)]


async def test_failures_are_bars_that_lead_to_their_lists(web: Web) -> None:
    await decided(web.store, placed=0, refused=3, clock=web.clock)
    refused = Call(
        api="create-order", method="POST", url="https://v.example", request="{}", http_status=200, business_status=319
    )
    async with web.store.write() as session:
        for n in range(3):
            await attempts.add(session, [attempt(refused, f"REFUSED-{n}", "rejected", T0)])
    shown = await open_page(web, "/")
    [url] = re.findall(r'<ol class="bars">\s*<li><a href="([^"]+)">319', shown)
    listed = await open_page(web, html.unescape(url))
    assert listed.count('name="reference"') == 3
    assert '<meter min="0" max="3" value="3"' in shown


async def test_webhooks_downtimes_and_runs_are_shown(web: Web) -> None:
    await add(web.store, "R-1")
    await place(web.store, "R-1", "AWB1")
    brought = [Arrival(web.clock.now, 4, source, deliveries=30, scans=n) for source, n in SCANS.items()]
    async with web.store.write() as session:
        await arrivals.count(session, brought)
        await session.execute(sql("UPDATE account_states SET incident = 'breaker', problem = 'Door of 9876543210'"))
    shown = await open_page(web, "/")
    assert "75 %" in shown
    assert "0.5" in shown  # deliveries a minute
    assert "breaker" in shown
    assert "9876543210" not in shown


async def test_many_visitors_cost_one_reading(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_activity, "LASTS", timedelta(seconds=10))
    clock = SetClock()
    reader = ActivityReader(store, clock, ZoneInfo("Asia/Kolkata"), [("report", "0 7 * * *")])
    first = await reader.read()
    assert [job.job for job in first.schedules] == ["report"]
    clock.forward(seconds=5)
    assert await reader.read() is first
    clock.forward(seconds=6)
    assert await reader.read() is not first
    clock.forward(seconds=-60)
    assert (await reader.read()).at == clock()


async def test_live_updates_need_no_evaluation_and_no_inline_style(web: Web) -> None:
    shown = await open_page(web, "/")
    assert '"allowEval":false,"includeIndicatorStyles":false' in shown
    assert re.findall(r'hx-get="([^"]+)" hx-select="#live"', shown) == ["/"]
    assert "style=" not in shown
    assert not re.search(r"<script(?![^>]*\bsrc=)", shown)


def test_every_file_of_others_is_named_with_its_licence() -> None:
    notice = (STATIC / "NOTICE.txt").read_text()
    vendored = [file.name for file in STATIC.iterdir() if re.search(r"-\d+\.\d+", file.name)]
    assert len(vendored) == 3
    assert all(name in notice for name in vendored)
    assert "Permission is hereby granted" in notice


async def test_the_overview_says_how_fast_webhooks_are_stored(web: Web) -> None:
    assert stored_within(await open_page(web, "/")) == "–"
    await web.ingest.accept(NewDelivery("one", Source.WEBHOOK, b"{}", T0))
    assert re.fullmatch(r"\d+ ms", stored_within(await open_page(web, "/")))


def stored_within(shown: str) -> str:
    found = re.search(r"<dt>Stored within[^<]*</dt><dd>([^<]*)</dd>", shown)
    assert found
    return found[1]


def test_what_is_remembered_is_said_in_the_language_of_each_visitor() -> None:
    bar = FailureBar(courier="Ekart", business_status=319, http_status=200, shipments=1, url="/failures")
    assert bar.answer == "319 the courier refused the order"
    token = VISIT.set(Visit(language="hi"))
    try:
        assert bar.answer == "319 कूरियर ने ऑर्डर अस्वीकार किया"
    finally:
        VISIT.reset(token)
