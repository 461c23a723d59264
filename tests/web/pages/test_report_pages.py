"""The page of daily reports: they are listed, created for a day, and downloaded."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awbridge.domain.call import Call
from awbridge.sinks.objects import Objects
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.web.contexts import AuditContext
from awbridge.web.pages.audit import reports
from tests.support.app import Web, web_on
from tests.support.pages import HERE, next_page, open_page, send_form
from tests.support.rows import add, attempt

DAY = "2026-11-02"


@pytest.fixture
async def web(store: Store, tmp_path: Path) -> AsyncIterator[Web]:
    async with web_on(store, audit=AuditContext(reports_in=Objects.in_folder(tmp_path))) as web:
        yield web


async def failed_call(web: Web) -> None:
    await add(web.store, "R-1")
    call = Call(api="create-order", method="POST", url="u", http_status=500, business_status=None, error="x")
    async with web.store.write() as session:
        await attempts.add(session, [attempt(call, "R-1", "rejected", web.clock.now)])


async def test_the_report_of_a_day_is_created_listed_and_downloaded(web: Web) -> None:
    assert "No reports yet." in await open_page(web, "/reports")
    await failed_call(web)
    await send_form(web, "/reports/create", {"day": DAY}, status=303)
    shown = await open_page(web, f"/reports?created={DAY}")
    assert f"The report of {DAY} was created." in shown
    assert "your team" in shown
    answer = await web.http.get(f"/reports/failures-{DAY}-own/download", headers=HERE)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        assert "summary.html" in zipped.namelist()


async def test_a_day_without_failures_has_no_file(web: Web) -> None:
    await send_form(web, "/reports/create", {"day": DAY}, status=303)
    shown = await open_page(web, "/reports")
    assert "nothing failed" in shown
    assert "/download" not in shown
    assert (await web.http.get(f"/reports/failures-{DAY}-own/download", headers=HERE)).status_code == 404


async def test_days_that_are_none_are_refused(web: Web) -> None:
    assert "has not begun yet" in await send_form(web, "/reports/create", {"day": "2999-01-01"}, status=422)
    assert "Write a day like" in await send_form(web, "/reports/create", {"day": "soon"}, status=422)


async def test_reports_follow_each_other_over_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PAGE_SIZE", 1)
    for day in ("2026-10-01", "2026-10-02"):
        await send_form(web, "/reports/create", {"day": day}, status=303)
    path, days = "/reports", list[str]()
    while path:
        shown = await open_page(web, path)
        days += [day for day in ("2026-10-01", "2026-10-02") if f">{day}<" in shown]
        path = next_page(shown)
    assert days == ["2026-10-02", "2026-10-02", "2026-10-01", "2026-10-01"]
