"""The page of ClickPost's integration guidelines: every demand, whether it is met, and the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.guide.demands import Part
from awbridge.domain.guide.rows import DemandState, GuideRow
from awbridge.web.pages.language import gettext, gettext_noop, ngettext
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.setup.tools import SetupTools

_PARTS = {
    Part.ORDERS: gettext_noop("Placing orders"),
    Part.FAILURES: gettext_noop("Failed orders and evidence"),
    Part.WEBHOOKS: gettext_noop("Webhooks"),
    Part.MESSAGES: gettext_noop("Messages to customers"),
    Part.POLLING: gettext_noop("Polling"),
    Part.OPERATION: gettext_noop("Operation"),
}


def heading(rows: Sequence[GuideRow]) -> str:
    """How many demands are not met, or are not shown yet."""
    counts = Counter(row.evidence.verdict for row in rows)
    if red := counts[DemandState.RED]:
        return ngettext("%(num)s demand is not met", "%(num)s demands are not met", red) % {"num": red}
    if unknown := counts[DemandState.UNKNOWN]:
        return ngettext("%(num)s demand is not shown yet", "%(num)s demands are not shown yet", unknown) % {
            "num": unknown
        }
    return gettext("Every demand is met")


def routes(templates: PageTemplates, tools: SetupTools) -> list[PageRoute]:
    """The route of the page, on this installation."""

    async def show(_request: Request) -> Response:
        rows = await tools.guide()
        parts = [(_PARTS[part], list(found)) for part, found in groupby(rows, key=lambda row: row.demand.part)]
        red = [row.demand.number for row in rows if row.evidence.verdict is DemandState.RED]
        return templates.page("setup/guide", heading=heading(rows) if rows else "", parts=parts, red=red)

    return [PageRoute("/setup/guide", show)]
