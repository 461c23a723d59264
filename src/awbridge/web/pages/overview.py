"""The overview page: what needs attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.notify.alarm_causes import AlarmCause, cause_kind
from awbridge.domain.orders.attention import NEEDS, Described, Need
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.notify import alarms, attention
from awbridge.store.notify.alarms import Alarm
from awbridge.web.pages.activity import ActivityReader
from awbridge.web.pages.language import gettext, ngettext
from awbridge.web.pages.notify.subscribers import endpoint_summaries
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.setup.progress import essentials_missing
from awbridge.web.pages.setup.tools import SetupTools

# Alarms whose subject has a tile. They are not counted again.
_CAUSES_WITH_TILES = {
    AlarmCause.GAVE_UP,
    AlarmCause.REFUSED,
    AlarmCause.DEAD_LETTERS,
    AlarmCause.DIFFERENCES,
    AlarmCause.ACCOUNT,
    AlarmCause.PIECES,
    AlarmCause.NOT_CANCELLED,
}
_LISTED_AT = {
    Need.REJECTED: "/failures",
    Need.GAVE_UP: "/failures",
    Need.HELD: "/couriers",
    Need.CANCEL_REFUSED: "/shipments?not_cancelled=true",
    Need.NDR: "/ndr",
    Need.ANSWERS: "/ndr/answers",
    Need.PIECES: "/shipments?piece_exception=true",
    Need.STUCK: "/shipments?stuck=true",
    Need.LATE: "/shipments?sla_breached=true",
    Need.DEAD_LETTERED: "/dead-letters",
    Need.EVENTS: "/endpoints",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One kind of need, with its count."""

    kind: Need
    count: int

    @property
    def need(self) -> Described:
        """Its texts."""
        return NEEDS[self.kind]

    @property
    def url(self) -> str:
        """The page that lists what is counted; "" if there is none."""
        return _LISTED_AT.get(self.kind, "")

    @property
    def text(self) -> str:
        """What is counted, without the number."""
        return self.need.one if self.count == 1 else self.need.many


def make_tiles(counts: Mapping[Need, int]) -> list[Tile]:
    """A tile for every need with a count, those that need a person first."""
    found = [Tile(kind=need, count=count) for need, count in counts.items() if count]
    return sorted(found, key=lambda tile: not tile.need.needs_person)


def heading(tiles: Sequence[Tile], raised: Sequence[Alarm]) -> str:
    """How many things need attention. "No problems" only if nothing is worth watching either."""
    others = [alarm for alarm in raised if cause_kind(alarm.cause) not in _CAUSES_WITH_TILES]
    number = len(others) + sum(tile.need.needs_person for tile in tiles)
    if number:
        return ngettext("%(num)s thing needs attention", "%(num)s things need attention", number) % {"num": number}
    return gettext("No action needed") if tiles else gettext("No problems")


def routes(
    store: Store,
    clock: Clock,
    templates: PageTemplates,
    stuck_after: StuckAfter,
    reader: ActivityReader,
    webhook_p99: Callable[[], float | None],
    setup: SetupTools | None = None,
) -> list[PageRoute]:
    """The route of the overview page, on this store."""

    async def overview(_request: Request) -> Response:
        async with store.read() as session:
            raised = await alarms.open_now(session)
            sample = await samples.large(session, now=clock())
            needs = sample.figures.needs if sample else await attention.count(session, stuck_after, now=clock())
        tiles, counted_at = make_tiles(needs), sample.sampled_at if sample else None
        endpoints = await endpoint_summaries(store, clock)
        return templates.page(
            "overview",
            heading=heading(tiles, raised),
            tiles=tiles,
            alarms=raised,
            endpoints=endpoints,
            activity=await reader.read(),
            counted_at=counted_at,
            webhook_p99=webhook_p99(),
            needs_setup=setup is not None and await essentials_missing(store, setup),
        )

    return [PageRoute("/", overview)]
