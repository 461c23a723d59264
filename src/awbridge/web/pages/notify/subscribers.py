"""The pages of webhook subscribers and their event deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.errors import NotFound
from awbridge.domain.notify.events import with_link
from awbridge.steps.notify import endpoints as endpoint_steps
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import figures, samples
from awbridge.store.notify import endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.notify.events import DeliveryShown
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import parse_id

PAGE_SIZE = 100  # deliveries
_UNDELIVERED = ("due", "failed")


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


async def known_endpoint(store: Store, request: Request) -> Endpoint:
    """The endpoint that a path names. Raises NotFound."""
    endpoint_id = _id(request, "endpoint_id")
    async with store.read() as session:
        endpoint = await endpoints.get(session, endpoint_id)
    if endpoint is None:
        raise NotFound(f"There is no endpoint {endpoint_id}.")
    return endpoint


def _redirect(endpoint_id: int, result: str) -> Response:
    """Show the endpoint with the result. 303: reloading the page does not repeat the action."""
    return RedirectResponse(f"/endpoints/{endpoint_id}?{result}", 303, headers=HEADERS)


class SubscriberPages:
    """The pages of subscribers and their event deliveries, on one store. `zone`: that of a time in a form."""

    def __init__(
        self, store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo, links: TrackLinks = NO_LINKS
    ) -> None:
        self._links = links
        self._store = store
        self._clock = clock
        self._templates = templates
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of the pages."""
        shown = dict.fromkeys(("due", "enabled", "disabled", "changed", "cursor"), ANY_VALUE)
        path = "/endpoints/{endpoint_id}"
        return [
            PageRoute("/endpoints", self.show_all, parameters={"removed": ANY_VALUE}),
            PageRoute(path, self.show, parameters={"state": _UNDELIVERED, **shown}),
            PageRoute(f"{path}/deliveries/{{event_id}}", self.show_delivery),
            PageRoute(f"{path}/redeliver", self.redeliver_failed, method="POST"),
            PageRoute(f"{path}/deliveries/{{event_id}}/redeliver", self.redeliver_one, method="POST"),
            PageRoute(f"{path}/enable", self.enable, method="POST"),
            PageRoute(f"{path}/disable", self.disable, method="POST"),
        ]

    async def show_all(self, request: Request) -> Response:
        """Every subscriber."""
        summaries = await endpoint_summaries(self._store, self._clock)
        return self._templates.page("endpoints", endpoints=summaries, removed="removed" in request.query_params)

    async def show(self, request: Request) -> Response:
        """A subscriber and a page of its deliveries."""
        query, endpoint_id = request.query_params, _id(request, "endpoint_id")
        summaries = await endpoint_summaries(self._store, self._clock)
        summary = next((e for e in summaries if e.endpoint.id == endpoint_id), None)
        if summary is None:
            raise NotFound(f"There is no endpoint {endpoint_id}.")
        state, cursor = query.get("state", ""), query.get("cursor")
        found = await self._deliveries(endpoint_id, state, parse_id(cursor) if cursor else None)
        page, following = found[:PAGE_SIZE], ""
        if len(found) > PAGE_SIZE:
            chosen = {"state": state} if state else {}
            following = f"/endpoints/{endpoint_id}?{urlencode({**chosen, 'cursor': page[-1].event_id})}"
        due = query.get("due", "")
        return self._templates.page(
            "endpoint",
            summary=summary,
            deliveries=page,
            state=state,
            following=following,
            result={
                "due": due if due.isdecimal() else "",
                "enabled": "enabled" in query,
                "changed": "changed" in query,
            },
            since=(self._clock().astimezone(self._zone) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
        )

    async def _deliveries(self, endpoint_id: int, state: str, before: int | None) -> Sequence[DeliveryShown]:
        """The deliveries of a page, and one more if there is another page."""
        async with self._store.read() as session:
            if state in _UNDELIVERED:
                return await events.newest_undelivered(session, endpoint_id, state, before=before, limit=PAGE_SIZE + 1)
            return await events.newest(session, endpoint_id, before=before, limit=PAGE_SIZE + 1)

    async def show_delivery(self, request: Request) -> Response:
        """One event with its body, and its delivery."""
        endpoint = await known_endpoint(self._store, request)
        event_id = _id(request, "event_id")
        async with self._store.read() as session:
            found = await events.get(session, endpoint.id, event_id)
        if found is None:
            raise NotFound(f"There is no event {event_id} for this endpoint.")
        delivery, event = found
        body = with_link(event.body, event, self._links)
        return self._templates.page("notify/delivery", endpoint=endpoint, delivery=delivery, body=body)

    async def redeliver_failed(self, request: Request) -> Response:
        """Send every failed event again."""
        return await self._redeliver(request, [])

    async def redeliver_one(self, request: Request) -> Response:
        """Send one event again."""
        return await self._redeliver(request, [_id(request, "event_id")])

    async def _redeliver(self, request: Request, event_ids: Sequence[int]) -> Response:
        endpoint_id = _id(request, "endpoint_id")
        due = await endpoint_steps.redeliver(
            store=self._store, clock=self._clock, endpoint_id=endpoint_id, event_ids=event_ids
        )
        return _redirect(endpoint_id, f"due={due}")

    async def enable(self, request: Request) -> Response:
        """Resume deliveries."""
        endpoint_id = _id(request, "endpoint_id")
        await endpoint_steps.enable(store=self._store, clock=self._clock, endpoint_id=endpoint_id)
        return _redirect(endpoint_id, "enabled")

    async def disable(self, request: Request) -> Response:
        """Pause deliveries."""
        endpoint_id = _id(request, "endpoint_id")
        await endpoint_steps.disable(store=self._store, clock=self._clock, endpoint_id=endpoint_id)
        return _redirect(endpoint_id, "disabled")
