"""The page of reconciliations: what was compared, and the forms that compare a file or a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotPossible
from awbridge.domain.moments import read_day
from awbridge.domain.reconciliation.differences import DifferenceTable
from awbridge.domain.schedule import day_before
from awbridge.steps.reconciliation.reconcile import begin_day
from awbridge.steps.reconciliation.report_files import ENDINGS, LARGEST_FILE, day_of_file, kind_of_file, take_file
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.reconciliation import reconciliations
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.upload import read_upload
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import parse_id

PAGE_SIZE = 50  # runs
TABLE_NAMES = {
    DifferenceTable.REGISTERED: gettext_noop("Registered shipments"),
    DifferenceTable.FAILURES: gettext_noop("Failed orders"),
    DifferenceTable.WEBHOOKS: gettext_noop("Failed webhooks"),
}


class ReconciliationPages:
    """The list of reconciliations and the forms that begin one, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of the pages."""
        return [
            PageRoute("/reconciliation", self.show, parameters={"cursor": ANY_VALUE}),
            PageRoute("/reconciliation/upload", self.upload, method="POST"),
            PageRoute("/reconciliation/day", self.begin, method="POST"),
        ]

    async def show(self, request: Request) -> Response:
        """The runs, newest first."""
        return await self._shown(request.query_params.get("cursor", ""))

    async def _shown(
        self, cursor: str = "", *, problems: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
    ) -> Response:
        """The page. `problems`: by field, those of a file's form begin with `file-`; `typed`: the same."""
        before = parse_id(cursor) if cursor else None
        async with self._store.read() as session:
            found = await reconciliations.newest(session, before=before, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        return self._templates.page(
            "reconciliation/runs",
            status=422 if problems else 200,
            runs=page,
            following=f"/reconciliation?cursor={page[-1].id}" if len(found) > PAGE_SIZE else "",
            problems=problems or {},
            typed={"day": day_before(self._clock(), self._zone).isoformat(), **(typed or {})},
            kinds=TABLE_NAMES,
            endings=",".join(ENDINGS),
            largest=LARGEST_FILE // 2**20,
        )

    async def upload(self, request: Request) -> Response:
        """Store a file to be compared, and show its run."""
        async with read_upload(request, largest=LARGEST_FILE) as upload:
            kind, day = upload.fields.get("kind", ""), upload.fields.get("day", "")
            typed = {"file-kind": kind, "file-day": day}
            try:
                if kind and kind not in set(DifferenceTable):
                    raise WrongField("kind", gettext("Choose what the file lists."))
                of_day = _day(day)
                if not upload.file:
                    raise WrongField("file", gettext("Choose a file."))
                run = await take_file(
                    store=self._store,
                    clock=self._clock,
                    parts=upload.parts(),
                    name=upload.name,
                    source="upload",
                    kind=DifferenceTable(kind) if kind else kind_of_file(upload.name),
                    day=of_day or day_of_file(upload.name),
                )
            except WrongField as error:
                return await self._shown(problems={f"file-{error.field}": sentence(str(error))}, typed=typed)
            except NotPossible as error:
                return await self._shown(problems={"file-file": sentence(str(error))}, typed=typed)
        return RedirectResponse(f"/reconciliation/{run.id}", 303, headers=HEADERS)

    async def begin(self, request: Request) -> Response:
        """Compare a day with ClickPost, and show its run."""
        typed = dict(await read_form(request)).get("day", "")
        try:
            day = _day(typed)
            if day is None:
                raise WrongField("day", gettext("Choose a day."))
            run = await begin_day(store=self._store, clock=self._clock, zone=self._zone, day=day)
        except (WrongField, NotPossible) as error:
            return await self._shown(problems={"day": sentence(str(error))}, typed={"day": typed})
        return RedirectResponse(f"/reconciliation/{run.id}", 303, headers=HEADERS)


def _day(text: str) -> date | None:
    """The day of a field; None where it is empty. Raises WrongField for what is no day."""
    try:
        return read_day(text) if text else None
    except ValueError as error:
        raise WrongField("day", str(error)) from None
