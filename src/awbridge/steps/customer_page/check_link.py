"""Says what a link to the customer's page opens, or why it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from awbridge.domain.customer_page.links import LinkKeys, expires_at, is_link_of, token_in
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import links
from awbridge.store.orders import shipments


class LinkState(StrEnum):
    """What a link opens. unknown: no key of the settings made it. gone: revoked, or the shipment is erased."""

    OPENS = "opens"
    EXPIRED = "expired"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFinding:
    """A link. The last two are None where it belongs to no shipment."""

    state: LinkState
    reference_number: str | None = None
    expires_at: datetime | None = None


async def check_link(*, store: Store, clock: Clock, keys: LinkKeys, link: str, valid_for: timedelta) -> LinkFinding:
    """What a link, or the token in it, opens. `valid_for`: from the latest news of its shipment."""
    found_ids = keys.read(token_in(link))
    if not found_ids:
        return LinkFinding(state=LinkState.UNKNOWN)
    async with store.read() as session:
        references = await links.find(session, found_ids)
        found = await shipments.get_many(session, list(references.values()))
    shipment = next((s for s in found if any(is_link_of(identity, s) for identity in found_ids)), None)
    if shipment is None:
        return LinkFinding(state=LinkState.GONE)
    until = expires_at(shipment, valid_for)
    state = LinkState.OPENS if clock() < until else LinkState.EXPIRED
    return LinkFinding(state=state, reference_number=shipment.reference_number, expires_at=until)
