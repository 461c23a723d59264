"""The page of dead letters: deliveries that could not be applied, by reason, with their bodies and retries."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.tracking.dead_letter import DeadLetterReason
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.dead_letters import retry_dead_letter, retry_dead_letters
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext_noop
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import parse_id

PAGE_SIZE = 50
REASONS = {
    DeadLetterReason.NOT_JSON: gettext_noop("Not JSON"),
    DeadLetterReason.EMPTY_LIST: gettext_noop("Empty list"),
    DeadLetterReason.NOT_AN_OBJECT: gettext_noop("Not an object"),
    DeadLetterReason.NO_SHIPMENT_NAMED: gettext_noop("No shipment named"),
    DeadLetterReason.NO_STATUS: gettext_noop("No status"),
    DeadLetterReason.RETURN_OF_NO_SHIPMENT: gettext_noop("Return of no shipment"),
    DeadLetterReason.NO_READABLE_ENTRY: gettext_noop("No readable entry"),
    DeadLetterReason.UNKNOWN_SHIPMENT: gettext_noop("Unknown shipment"),
    DeadLetterReason.AMBIGUOUS: gettext_noop("Ambiguous"),
    DeadLetterReason.FAILED: gettext_noop("Could not be applied"),
}


def routes(store: Store, clock: Clock, templates: PageTemplates) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_dead_letters(request: Request) -> Response:
        query = request.query_params
        reason = DeadLetterReason(query["reason"]) if query.get("reason") else None
        before = parse_id(query["cursor"]) if query.get("cursor") else None
        async with store.read() as session:
            found = await inbox.problems(session, reason=reason, before=before, limit=PAGE_SIZE + 1)
            groups = await inbox.problem_groups(session)
        page, following = found[:PAGE_SIZE], ""
        chosen = {"reason": reason.value} if reason else {}
        if len(found) > PAGE_SIZE:
            following = f"/dead-letters?{urlencode({**chosen, 'cursor': page[-1].id})}"
        due = query.get("due", "")
        return templates.page(
            "dead_letters",
            letters=page,
            groups=groups,
            reason=reason,
            reasons=REASONS,
            counted=sum(group.deliveries for group in groups),
            most=inbox.GROUPED,
            following=following,
            due=due if due.isdecimal() else "",
        )

    async def retry(request: Request) -> Response:
        values = dict(await read_form(request))
        reason = values.get("reason", "")
        if reason and reason not in set(DeadLetterReason):
            raise HTTPException(422, "This form is not one of this page. Open the page again.")
        due = await retry_dead_letters(store=store, clock=clock, reason=DeadLetterReason(reason) if reason else None)
        return RedirectResponse(f"/dead-letters?due={due}", 303, headers=HEADERS)

    async def retry_one(request: Request) -> Response:
        await retry_dead_letter(store=store, clock=clock, number=parse_id(request.path_params["number"]))
        return RedirectResponse("/dead-letters?due=1", 303, headers=HEADERS)

    parameters = {"due": ANY_VALUE, "cursor": ANY_VALUE, "reason": [reason.value for reason in DeadLetterReason]}
    return [
        PageRoute("/dead-letters", list_dead_letters, parameters=parameters),
        PageRoute("/dead-letters/retry", retry, method="POST"),
        PageRoute("/dead-letters/{number}/retry", retry_one, method="POST"),
    ]
