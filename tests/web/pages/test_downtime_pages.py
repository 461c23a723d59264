"""The page of downtimes: a week of them, declaring and ending, and resetting an account."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape

from awbridge.domain.couriers.downtime import declare
from awbridge.store.couriers import couriers, downtimes
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.web.pages.downtimes.calendar import week_of
from tests.support.app import Web
from tests.support.pages import open_page, send_form
from tests.support.rows import T0, add, fetch, sql

INDIA = ZoneInfo("Asia/Kolkata")
MONDAY = date(2026, 11, 2)
ONCE = {"courier": "4", "when": "once", "from": "2026-11-03T10:00", "to": "2026-11-03T12:30", "reason": "<b>strike"}
WEEKLY = [
    ("courier", "4:main"),
    ("when", "weekly"),
    ("day", "sat"),
    ("day", "sun"),
    ("start", "22:00"),
    ("end", "2:00"),
]


async def mapped(web: Web) -> None:
    async with web.store.write() as session:
        account = CourierAccount(transporter="fast", courier_partner_id=4, account_code="main")
        await couriers.put(session, [account], now=T0)


def test_a_downtime_over_midnight_is_on_both_days_and_a_long_one_on_every_day() -> None:
    nightly = declare(courier_partner_id=4, starts=time(22), ends=time(2), days=["mon"], zone="Asia/Kolkata")
    long = declare(
        courier_partner_id=6,
        account_code="air",
        from_at=datetime(2026, 11, 1, 6, tzinfo=UTC),
        to_at=datetime(2026, 11, 3, 6, 30, tzinfo=UTC),
        zone="UTC",
        reason="strike",
    )
    rows = {
        row.name: [[(s.start, s.end) for s in day] for day in row.days]
        for row in week_of([nightly, long], MONDAY, INDIA)
    }
    assert rows["Delhivery"] == [[("22:00", "24:00")], [("00:00", "02:00")], [], [], [], [], []]
    assert rows["XpressBees · air"][:3] == [[("00:00", "24:00")], [("00:00", "12:00")], []]
    assert week_of([long], MONDAY + timedelta(days=7), INDIA) == []


async def test_a_downtime_is_declared_shown_in_its_week_and_ended(web: Web) -> None:
    await mapped(web)
    await send_form(web, "/downtimes/declare", ONCE, status=303)
    await send_form(web, "/downtimes/declare", WEEKLY, status=303)
    shown = await open_page(web, "/downtimes?week=2026-11-05&result=declared")
    for text in ("10:00–12:30", "22:00–24:00", "&lt;b&gt;strike", "Sat, Sun, 22:00–02:00", "Delhivery · main"):
        assert text in shown, text
    async with web.store.read() as session:
        once, weekly = await downtimes.open_ones(session, now=T0)
    assert once.from_at == datetime(2026, 11, 3, 4, 30, tzinfo=UTC), "in the account's zone"
    assert (weekly.account, weekly.weekdays) == ("4:main", frozenset({5, 6}))
    for downtime in (once, weekly):
        await send_form(web, "/downtimes/end", {"downtime": str(downtime.id)}, status=303)
    assert "None declared." in await open_page(web, "/downtimes?result=ended")
    await send_form(web, "/downtimes/end", {"downtime": "1"}, status=404)


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"to": "2026-11-03T09:00"}, "to", "It must end after it begins."),
        ({"to": "2026-11-03T04:30Z"}, "to", "It must end after it begins."),
        ({"to": ""}, "to", "Choose a day and a time."),
        ({"from": "soon"}, "from", "Choose a day and a time."),
        ({"from": "0001-01-01T00:00", "to": "0001-01-02T00:00"}, "from", "Choose a day and a time."),
        ({"when": "weekly", "start": "25:00", "end": "1:00"}, "start", "Choose a time."),
        ({"when": "weekly", "start": "22:00"}, "end", "Choose a time."),
        ({"when": "weekly", "start": "22:00", "end": "1:00", "day": "someday"}, "day", "Choose the days."),
        ({"reason": "<" * 501}, "reason", "At most 500 characters, please."),
        ({"courier": "x"}, "courier", "Choose a courier."),
        ({"when": ""}, "when", "Choose once or every week."),
    ],
)
async def test_a_senseless_downtime_is_refused_at_its_field_and_the_form_keeps_its_values(
    web: Web, changes: dict[str, str], field: str, problem: str
) -> None:
    await mapped(web)
    given = ONCE | changes
    shown = await send_form(web, "/downtimes/declare", given, status=422)
    assert f'id="{field}-problem" role="alert">{problem}</span>' in shown
    assert shown.count('role="alert"') == 1
    assert f'value="{escape(given["reason"])}"' in shown
    assert await fetch(web.store, "SELECT id FROM downtimes") == []


async def test_the_problem_of_a_time_is_said_in_the_language_of_the_page(web: Web) -> None:
    await mapped(web)
    web.http.headers["accept-language"] = "hi"
    shown = await send_form(web, "/downtimes/declare", ONCE | {"to": ""}, status=422)
    assert "दिन और समय चुनें।" in shown


async def test_requests_that_no_form_sends_are_refused(web: Web) -> None:
    await send_form(web, "/downtimes/declare", ONCE | {"courier": "x"}, status=422)
    await send_form(web, "/downtimes/reset", {"account": "99999999999:x"}, status=422)
    await send_form(web, "/downtimes/reset", {"account": "4:none"}, status=404)
    for week in ("x", "9999-12-31", "0001-01-01"):
        assert (await web.http.get(f"/downtimes?week={week}")).status_code == 404, week


async def test_an_open_breaker_is_shown_and_reset(web: Web) -> None:
    await add(web.store, "R-1")
    statement = (
        "UPDATE account_states SET incident = 'breaker', problem = 'timeouts', since_at = $1, probe_at = $1, "
        "failures = 9 WHERE account = '4:main'"
    )
    async with web.store.write() as session:
        await session.execute(sql(statement), T0)
    shown = await open_page(web, "/downtimes")
    assert "breaker open" in shown
    assert "timeouts" in shown
    await send_form(web, "/downtimes/reset", {"account": "4:main"}, status=303)
    rows = await fetch(
        web.store, "SELECT incident, probe_at, ramp, failures FROM account_states WHERE account = '4:main'"
    )
    assert rows == [{"incident": "none", "probe_at": None, "ramp": 1, "failures": 0}]
    assert "has no incident" in await send_form(web, "/downtimes/reset", {"account": "4:main"}, status=409)
