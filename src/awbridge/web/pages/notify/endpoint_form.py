"""The forms of webhook subscribers: add, change, rotate the secret, remove, and replay since a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotPossible
from awbridge.domain.moments import read_local
from awbridge.domain.notify.events import EventKind
from awbridge.sinks.addresses import Network
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import events
from awbridge.store.notify.endpoints import OLD_SECRET_SIGNS_FOR, Endpoint
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.notify.subscribers import known_endpoint
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import parse_id

LONGEST_URL = 2000  # characters
_HOURS = int(OLD_SECRET_SIGNS_FOR.total_seconds() // 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointForm:
    """The filled form of a subscriber. `kinds` is empty for every event. `unknown`: events that there are not."""

    url: str = ""
    kinds: Sequence[EventKind] = field(default_factory=list[EventKind])
    unknown: Sequence[str] = ()

    def check(self) -> None:
        """Raises WrongField."""
        if len(self.url) > LONGEST_URL:
            raise WrongField("url", gettext("At most %s characters, please.") % LONGEST_URL)
        if self.unknown:
            raise WrongField("kind", gettext("Choose events of this list."))


async def read_endpoint(request: Request) -> EndpointForm:
    """The form of a subscriber."""
    fields = await read_form(request)
    known = set(EventKind)
    chosen = [value for name, value in fields if name == "kind"]
    kinds = [EventKind(value) for value in chosen if value in known]
    unknown = [value for value in chosen if value not in known]
    return EndpointForm(url=dict(fields).get("url", "").strip(), kinds=kinds, unknown=unknown)


class EndpointForms:
    """The pages that add and change subscribers, on one store.

    `networks`: private networks that subscribers may be in. `zone`: the zone of a time that is typed.
    """

    def __init__(
        self, store: Store, clock: Clock, templates: PageTemplates, networks: Sequence[Network], zone: ZoneInfo
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._networks = networks
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of the pages. `new` comes before an id."""
        path = "/endpoints/{endpoint_id}"
        return [
            PageRoute("/endpoints/new", self.new),
            PageRoute("/endpoints/new", self.add, method="POST"),
            PageRoute(f"{path}/change", self.edit),
            PageRoute(f"{path}/change", self.change, method="POST"),
            PageRoute(f"{path}/rotate", self.rotate, method="POST"),
            PageRoute(f"{path}/remove", self.confirm_removal),
            PageRoute(f"{path}/remove", self.remove, method="POST"),
            PageRoute(f"{path}/replay", self.replay, method="POST"),
        ]

    def _form(
        self, filled: EndpointForm, *, endpoint: Endpoint | None = None, problems: Mapping[str, str] | None = None
    ) -> Response:
        return self._templates.page(
            "notify/endpoint_form",
            status=422 if problems else 200,
            form=filled,
            endpoint=endpoint,
            problems=problems or {},
            kinds=list(EventKind),
            longest=LONGEST_URL,
        )

    def _secret(self, endpoint: Endpoint, *, is_new: bool) -> Response:
        """The page that shows a new secret, once."""
        return self._templates.page("notify/secret", endpoint=endpoint, is_new=is_new, hours=_HOURS)

    async def new(self, _request: Request) -> Response:
        """The empty form."""
        return self._form(EndpointForm())

    async def add(self, request: Request) -> Response:
        """Add a subscriber and show its secret."""
        filled = await read_endpoint(request)
        try:
            filled.check()
            added = await subscribers.subscribe(
                store=self._store, clock=self._clock, url=filled.url, kinds=filled.kinds, networks=self._networks
            )
        except WrongField as error:
            return self._form(filled, problems={error.field: str(error)})
        except NotPossible as error:
            return self._form(filled, problems={"url": sentence(str(error))})
        return self._secret(added, is_new=True)

    async def edit(self, request: Request) -> Response:
        """The form with the subscriber's values."""
        endpoint = await known_endpoint(self._store, request)
        return self._form(
            EndpointForm(url=endpoint.url, kinds=[EventKind(kind) for kind in endpoint.kinds]), endpoint=endpoint
        )

    async def change(self, request: Request) -> Response:
        """Change the address or the events of a subscriber."""
        endpoint, filled = await known_endpoint(self._store, request), await read_endpoint(request)
        try:
            filled.check()
            await subscribers.change(
                store=self._store,
                clock=self._clock,
                endpoint_id=endpoint.id,
                url=filled.url,
                kinds=filled.kinds,
                networks=self._networks,
            )
        except WrongField as error:
            return self._form(filled, endpoint=endpoint, problems={error.field: str(error)})
        except NotPossible as error:
            return self._form(filled, endpoint=endpoint, problems={"url": sentence(str(error))})
        return RedirectResponse(f"/endpoints/{endpoint.id}?changed", 303, headers=HEADERS)

    async def rotate(self, request: Request) -> Response:
        """Give a subscriber a new secret and show it."""
        number = parse_id(request.path_params["endpoint_id"])
        rotated = await subscribers.rotate(store=self._store, clock=self._clock, endpoint_id=number)
        return self._secret(rotated, is_new=False)

    async def confirm_removal(self, request: Request) -> Response:
        """What removing a subscriber means."""
        endpoint = await known_endpoint(self._store, request)
        return self._templates.page("notify/remove", endpoint=endpoint)

    async def remove(self, request: Request) -> Response:
        """Remove a subscriber."""
        number = parse_id(request.path_params["endpoint_id"])
        await subscribers.remove(store=self._store, clock=self._clock, endpoint_id=number)
        return RedirectResponse("/endpoints?removed", 303, headers=HEADERS)

    async def replay(self, request: Request) -> Response:
        """Show how many events would be sent again since a time, or send them."""
        endpoint, values = await known_endpoint(self._store, request), dict(await read_form(request))
        try:
            since = _since(values, self._zone)
            if since > self._clock():
                raise ValueError(gettext("That time has not come yet."))
        except (ValueError, OverflowError) as error:
            return self._replay_page(endpoint, values, problem=str(error), status=422)
        if values.get("confirmed") == "yes":
            due = await subscribers.replay(store=self._store, clock=self._clock, endpoint_id=endpoint.id, since=since)
            return RedirectResponse(f"/endpoints/{endpoint.id}?due={due}", 303, headers=HEADERS)
        async with self._store.read() as session:
            count = await events.count_since(session, endpoint.id, since, self._clock())
        return self._replay_page(endpoint, values, count=count, since=since)

    def _replay_page(
        self,
        endpoint: Endpoint,
        values: Mapping[str, str],
        *,
        count: int = 0,
        since: datetime | None = None,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        return self._templates.page(
            "notify/replay",
            status=status,
            endpoint=endpoint,
            typed=values.get("since", ""),
            count=count,
            since=since,
            problem=problem,
        )


def _since(values: Mapping[str, str], zone: ZoneInfo) -> datetime:
    """The time of the form, UTC. Raises ValueError."""
    at = read_local(values.get("since", ""))
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
