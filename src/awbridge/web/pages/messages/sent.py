"""The page of messages: every notice to customers, sent or not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.orders.recipients import recipient
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.privacy import PersonalKind, masked
from awbridge.domain.tracking.milestones import Milestone
from awbridge.store import Store
from awbridge.store.notify import notices
from awbridge.store.notify.notices import Notice
from awbridge.store.orders import shipments
from awbridge.web.pages.language import gettext_noop
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.requested import parse_id

PAGE_SIZE = 50
STATES = {
    NoticeState.SENT: gettext_noop("sent"),
    NoticeState.SUPPRESSED: gettext_noop("suppressed"),
    NoticeState.DUE: gettext_noop("waiting"),
    NoticeState.SENDING: gettext_noop("being sent"),
    NoticeState.FAILED: gettext_noop("failed"),
    NoticeState.MAYBE_SENT: gettext_noop("maybe sent"),
}
CHANNELS = {
    Channel.MAIL: gettext_noop("mail"),
    Channel.SMS: "SMS",
    Channel.WHATSAPP: "WhatsApp",
    Channel.CHAT: gettext_noop("team chat"),
}
MILESTONES = {
    Milestone.AWB_GENERATED: gettext_noop("AWB generated"),
    Milestone.OUT_FOR_PICKUP: gettext_noop("Out for pickup"),
    Milestone.SHIPPED: gettext_noop("Shipped"),
    Milestone.OUT_FOR_DELIVERY: gettext_noop("Out for delivery"),
    Milestone.FAILED_DELIVERY: gettext_noop("Failed delivery"),
    Milestone.DELIVERED: gettext_noop("Delivered"),
    Milestone.RTO_STARTED: gettext_noop("RTO started"),
    Milestone.RTO_DELIVERED: gettext_noop("RTO delivered"),
    Milestone.CANCELLED: gettext_noop("Cancelled"),
    Milestone.LOST: gettext_noop("Lost"),
    Milestone.DAMAGED: gettext_noop("Damaged"),
    Milestone.DELAYED: gettext_noop("Delayed"),
    Milestone.STUCK: gettext_noop("Stuck"),
}
TONES = {NoticeState.SENT: "good", NoticeState.FAILED: "bad", NoticeState.MAYBE_SENT: "wait", NoticeState.DUE: "wait"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """A notice as a row. `to`: the customer's address, masked; "" for a chat, or if the shipment has none."""

    notice: Notice
    to: str

    @property
    def url(self) -> str:
        """The page of its shipment."""
        return shipment_url(self.notice.reference_number)


def masked_address(shipment: Shipment | None, channel: Channel, country: str) -> str:
    """Where a channel reaches a shipment's customer, masked; "" if it does not."""
    address = recipient(shipment, country=country).address(channel) if shipment else None
    if not address:
        return ""
    return masked(PersonalKind.EMAIL if channel is Channel.MAIL else PersonalKind.PHONE, address)


def routes(store: Store, templates: PageTemplates, context: MessageContext) -> list[PageRoute]:
    """The route, on this store."""

    async def list_messages(request: Request) -> Response:
        query = request.query_params
        state = NoticeState(query["state"]) if query.get("state") else None
        before = parse_id(query["cursor"]) if query.get("cursor") else None
        async with store.read() as session:
            found = await notices.newest(session, state=state, before=before, limit=PAGE_SIZE + 1)
            page = found[:PAGE_SIZE]
            references = list(dict.fromkeys(n.reference_number for n in page))
            known = {s.reference_number: s for s in await shipments.get_many(session, references)}
        following = ""
        if len(found) > PAGE_SIZE:
            chosen = {"state": state.value} if state else {}
            following = f"/messages?{urlencode({**chosen, 'cursor': page[-1].id})}"
        country = context.policy.country
        rows = [
            ShownNotice(notice=n, to=masked_address(known.get(n.reference_number), n.channel, country)) for n in page
        ]
        return templates.page(
            "messages/sent",
            rows=rows,
            state=state,
            states=STATES,
            tones=TONES,
            channel_names=CHANNELS,
            milestones=MILESTONES,
            configured=context.channels,
            following=following,
        )

    parameters = {"state": [state.value for state in NoticeState], "cursor": ANY_VALUE}
    return [PageRoute("/messages", list_messages, parameters=parameters)]
