"""The pages of webhook subscribers, their event deliveries, and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotFound
from awbridge.steps.notify import endpoints as endpoint_steps
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import figures, samples
from awbridge.store.notify import alarms, endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.v1.request_parsing import parse_id

PAGE_SIZE = 100  # deliveries
_UNDELIVERED = ("due", "failed")
_CLEARED_SHOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSummary:
    """The endpoint of a subscriber, with the number of events that wait for it or failed."""

    endpoint: Endpoint
    due: int
    failed: int

    @property
    def state(self) -> str:
        """disabled, failing, healthy or new (nothing delivered yet)."""
        if not self.endpoint.enabled:
            return "disabled"
        if self.endpoint.failing_since_at:
            return "failing"
        return "healthy" if self.endpoint.last_success_at else "new"


async def endpoint_summaries(store: Store, clock: Clock) -> list[EndpointSummary]:
    """Every endpoint with its backlog. A large one is counted in the background."""
    async with store.read() as session:
        found = await endpoints.every(session)
        sample = await samples.large(session, now=clock())
        counts = sample.figures.event_deliveries if sample else await figures.event_deliveries(session)
    return [EndpointSummary(endpoint=e, **_due_and_failed(counts.get(e.id, {}))) for e in found]


def _due_and_failed(by_state: Mapping[str, int]) -> dict[str, int]:
    return {state: by_state.get(state, 0) for state in _UNDELIVERED}


def _id(request: Request, name: str) -> int:
    return parse_id(request.path_params[name])


def _redirect(endpoint_id: int, result: str) -> Response:
    """Show the endpoint with the result. 303: reloading the page does not repeat the action."""
    return RedirectResponse(f"/endpoints/{endpoint_id}?{result}", 303, headers=HEADERS)


def routes(store: Store, clock: Clock, templates: PageTemplates) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_endpoints(_request: Request) -> Response:
        return templates.page("endpoints", endpoints=await endpoint_summaries(store, clock))

    async def show_endpoint(request: Request) -> Response:
        endpoint_id, state = _id(request, "endpoint_id"), request.query_params.get("state", "")
        summary = next((e for e in await endpoint_summaries(store, clock) if e.endpoint.id == endpoint_id), None)
        if summary is None:
            raise NotFound(f"There is no endpoint {endpoint_id}.")
        async with store.read() as session:
            if state in _UNDELIVERED:
                found = await events.newest_undelivered(session, endpoint_id, state, limit=PAGE_SIZE)
            else:
                found = await events.newest(session, endpoint_id, limit=PAGE_SIZE)
        due = request.query_params.get("due", "")
        result = {"due": due if due.isdecimal() else "", "enabled": "enabled" in request.query_params}
        return templates.page(
            "endpoint", summary=summary, deliveries=found, state=state, limit=PAGE_SIZE, result=result
        )

    async def redeliver_failed(request: Request) -> Response:
        endpoint_id = _id(request, "endpoint_id")
        due = await endpoint_steps.redeliver(store=store, clock=clock, endpoint_id=endpoint_id)
        return _redirect(endpoint_id, f"due={due}")

    async def redeliver_one(request: Request) -> Response:
        endpoint_id, event_id = _id(request, "endpoint_id"), _id(request, "event_id")
        due = await endpoint_steps.redeliver(store=store, clock=clock, endpoint_id=endpoint_id, event_ids=[event_id])
        return _redirect(endpoint_id, f"due={due}")

    async def enable(request: Request) -> Response:
        endpoint_id = _id(request, "endpoint_id")
        await endpoint_steps.enable(store=store, clock=clock, endpoint_id=endpoint_id)
        return _redirect(endpoint_id, "enabled")

    async def disable(request: Request) -> Response:
        endpoint_id = _id(request, "endpoint_id")
        await endpoint_steps.disable(store=store, clock=clock, endpoint_id=endpoint_id)
        return _redirect(endpoint_id, "disabled")

    async def list_alarms(_request: Request) -> Response:
        async with store.read() as session:
            recent = await alarms.since(session, clock() - _CLEARED_SHOWN_FOR)
        raised = [a for a in recent if a.cleared_at is None]
        return templates.page("alarms", raised=raised, cleared=[a for a in recent if a.cleared_at])

    parameters = {"state": _UNDELIVERED, "due": ANY_VALUE, "enabled": ANY_VALUE, "disabled": ANY_VALUE}
    return [
        PageRoute("/endpoints", list_endpoints),
        PageRoute("/endpoints/{endpoint_id}", show_endpoint, parameters=parameters),
        PageRoute("/endpoints/{endpoint_id}/redeliver", redeliver_failed, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/deliveries/{event_id}/redeliver", redeliver_one, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/enable", enable, method="POST"),
        PageRoute("/endpoints/{endpoint_id}/disable", disable, method="POST"),
        PageRoute("/alarms", list_alarms),
    ]
