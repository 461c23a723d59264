"""The front page: whether anything needs a person, and what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.notify.alarm_causes import AlarmCause, cause_kind
from awbridge.domain.orders.attention import NEEDS, Described, Need
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import alarms, attention
from awbridge.store.notify.alarms import Alarm
from awbridge.web.pages.looks import Looks
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.telling import endpoints_shown

# Alarms about what has a tile of its own, so that nothing counts twice.
_SHOWN_BY_TILES = {
    AlarmCause.GAVE_UP,
    AlarmCause.REFUSED,
    AlarmCause.DEAD_LETTERS,
    AlarmCause.DIFFERENCES,
    AlarmCause.ACCOUNT,
    AlarmCause.PIECES,
    AlarmCause.NOT_CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One need that there is, with its count."""

    described: Described
    count: int

    @property
    def words(self) -> str:
        """What is counted, without the number."""
        return self.described.one if self.count == 1 else self.described.many


def tiles(counts: Mapping[Need, int]) -> list[Tile]:
    """What there is any of: what needs a person first."""
    found = [Tile(described=NEEDS[need], count=count) for need, count in counts.items() if count]
    return sorted(found, key=lambda tile: not tile.described.needs_person)


def heading(shown: Sequence[Tile], raised: Sequence[Alarm]) -> str:
    """All is well only where nothing needs a person and nothing is worth watching."""
    others = [alarm for alarm in raised if cause_kind(alarm.cause) not in _SHOWN_BY_TILES]
    number = len(others) + sum(tile.described.needs_person for tile in shown)
    if number:
        return "1 thing needs attention" if number == 1 else f"{number} things need attention"
    return "Nothing needs a person now" if shown else "All is well"


def routes(store: Store, clock: Clock, looks: Looks, stuck_after: StuckAfter) -> list[PageRoute]:
    """The route of the front page, on this store."""

    async def front(_request: Request) -> Response:
        async with store.read() as session:
            raised = await alarms.open_now(session)
            shown = tiles(await attention.count(session, stuck_after, now=clock()))
        endpoints = await endpoints_shown(store)
        return looks.page("front", heading=heading(shown, raised), tiles=shown, alarms=raised, endpoints=endpoints)

    return [PageRoute("/", front)]
