"""The page of daily failure reports: their downloads, and a report of a day that is created now."""

from __future__ import annotations

from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import ObjectsError
from awbridge.domain.moments import read_day
from awbridge.domain.schedule import day_before
from awbridge.steps.audit.publish import Destination
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import reports
from awbridge.store.audit.reports import Report
from awbridge.web.contexts import AuditContext
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import report_file
from awbridge.web.zip_response import zip_response

PAGE_SIZE = 50
DESTINATIONS = {"own": gettext_noop("your team"), "clickpost": "ClickPost"}


def routes(
    store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo, audit: AuditContext
) -> list[PageRoute]:
    """The routes, on this store."""

    async def shown(
        before: tuple[str, str] | None = None, *, problem: str = "", typed: str | None = None, created: str = ""
    ) -> Response:
        async with store.read() as session:
            after = {"before": before} if before else {}
            found = await reports.newest(session, limit=PAGE_SIZE + 1, **after)
        page = found[:PAGE_SIZE]
        return templates.page(
            "audit/reports",
            status=422 if problem else 200,
            reports=[(report, f"/reports/{quote(report.id, safe='')}/download") for report in page],
            following=_url_after(page[-1]) if len(found) > PAGE_SIZE else "",
            destinations=DESTINATIONS,
            problems={"day": sentence(problem)} if problem else {},
            typed=day_before(clock(), zone).isoformat() if typed is None else typed,
            created=created,
            can_create=audit.reports_in is not None,
            today=clock().astimezone(zone).date(),
        )

    async def list_reports(request: Request) -> Response:
        query = request.query_params
        before = (_text(query["day"]), _text(query["after"])) if query.get("day") and "after" in query else None
        return await shown(before, created=_text(query.get("created", "")))

    async def download(request: Request) -> Response:
        name = request.path_params["report"]
        return zip_response(await report_file(store, audit, name), name)

    async def create(request: Request) -> Response:
        if audit.reports_in is None:
            raise HTTPException(422, "Reports are not stored here.")
        typed = dict(await read_form(request)).get("day", "")
        try:
            day = read_day(typed)
        except ValueError as error:
            return await shown(problem=str(error), typed=typed)
        if day > clock().astimezone(zone).date():
            return await shown(problem=gettext("That day has not begun yet."), typed=typed)
        destinations = tuple(Destination(name=name, privacy=privacy) for name, privacy in audit.privacy.items())
        policy = ReportPolicy(zone=zone, destinations=destinations)
        try:
            await report_failures(
                store=store, objects=audit.reports_in, clock=clock, policy=policy, day=day, mail=False
            )
        except ObjectsError as error:
            return await shown(problem=str(error), typed=typed)
        return RedirectResponse(f"/reports?created={day}", 303, headers=HEADERS)

    return [
        PageRoute("/reports", list_reports, parameters=dict.fromkeys(("day", "after", "created"), ANY_VALUE)),
        PageRoute("/reports/create", create, method="POST"),
        PageRoute("/reports/{report}/download", download),
    ]


def _url_after(report: Report) -> str:
    return f"/reports?{urlencode({'day': report.day, 'after': report.id})}"


def _text(value: str) -> str:
    return value.replace("\x00", "")[:200]
