"""The pages about who is told what: own systems and what became of their events, alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotFound
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.web.pages.looks import HEADERS, Looks
from awbridge.web.pages.page_route import ANYTHING, PageRoute
from awbridge.web.v1.request_parsing import parse_id

SHOWN = 100  # deliveries on a page
_UNDELIVERED = ("due", "failed")
_OVER_IS_SHOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointShown:
    """An own system, how it fares, and how many events wait for it or failed."""

    endpoint: Endpoint
    due: int
    failed: int

    @property
    def state(self) -> str:
        """disabled, failing, well or new (nothing was delivered yet)."""
        if not self.endpoint.enabled:
            return "disabled"
        if self.endpoint.failing_since_at:
            return "failing"
        return "well" if self.endpoint.last_success_at else "new"


async def endpoints_shown(store: Store) -> list[EndpointShown]:
    async with store.read() as session:
        found = await endpoints.every(session)
        counts = await events.count_undelivered(session)
    return [
        EndpointShown(endpoint=e, due=counts.get((e.id, "due"), 0), failed=counts.get((e.id, "failed"), 0))
        for e in found
    ]


def _number(request: Request, name: str) -> int:
    return parse_id(request.path_params[name])


def _back_to(endpoint_id: int, said: str) -> Response:
    """See what came of it. 303: a reload shows the page again and presses no button twice."""
    return RedirectResponse(f"/endpoints/{endpoint_id}?{said}", 303, headers=HEADERS)


def routes(store: Store, clock: Clock, looks: Looks) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_endpoints(_request: Request) -> Response:
        return looks.page("endpoints", endpoints=await endpoints_shown(store))

    async def show_endpoint(request: Request) -> Response:
        number, state = _number(request, "endpoint_id"), request.query_params.get("state", "")
        shown = next((e for e in await endpoints_shown(store) if e.endpoint.id == number), None)
        if shown is None:
            raise NotFound(f"There is no endpoint {number}.")
        async with store.read() as session:
            if state in _UNDELIVERED:
                found = await events.newest_undelivered(session, number, state, limit=SHOWN)
            else:
                found = await events.newest(session, number, limit=SHOWN)
        due = request.query_params.get("due", "")
        said = {"due": due if due.isdecimal() else "", "enabled": "enabled" in request.query_params}
        return looks.page("endpoint", shown=shown, deliveries=found, state=state, limit=SHOWN, said=said)

    async def redeliver_failed(request: Request) -> Response:
        number = _number(request, "endpoint_id")
        due = await subscribers.redeliver(store=store, clock=clock, endpoint_id=number)
        return _back_to(number, f"due={due}")

    async def redeliver_one(request: Request) -> Response:
        number, event = _number(request, "endpoint_id"), _number(request, "event_id")
        due = await subscribers.redeliver(store=store, clock=clock, endpoint_id=number, event_ids=[event])
        return _back_to(number, f"due={due}")

    async def enable(request: Request) -> Response:
        number = _number(request, "endpoint_id")
        await subscribers.enable(store=store, clock=clock, endpoint_id=number)
        return _back_to(number, "enabled")

    async def disable(request: Request) -> Response:
        number = _number(request, "endpoint_id")
        await subscribers.disable(store=store, clock=clock, endpoint_id=number)
        return _back_to(number, "disabled")

    async def list_alarms(_request: Request) -> Response:
        async with store.read() as session:
            recent = await alarms.since(session, clock() - _OVER_IS_SHOWN_FOR)
        wrong = [a for a in recent if a.cleared_at is None]
        return looks.page("alarms", wrong=wrong, over=[a for a in recent if a.cleared_at])

    takes = {"state": _UNDELIVERED, "due": ANYTHING, "enabled": ANYTHING, "disabled": ANYTHING}
    return [
        PageRoute("/endpoints", list_endpoints),
        PageRoute("/endpoints/{endpoint_id}", show_endpoint, takes=takes),
        PageRoute("/endpoints/{endpoint_id}/redeliver", redeliver_failed, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/deliveries/{event_id}/redeliver", redeliver_one, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/enable", enable, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/disable", disable, method="POST"),
        PageRoute("/alarms", list_alarms),
    ]
