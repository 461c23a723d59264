"""The JSON of notices, endpoints and alarms."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from awbridge.domain.notify.events import EventKind
from awbridge.store.notify.alarms import Alarm
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.notify.events import DeliveryShown
from awbridge.store.notify.notices import Notice, NoticeMilestone
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody


class NoticeView(BaseModel):
    """One message on one channel."""

    channel: str = Field(description="mail, sms, whatsapp, or chat (your own team).")
    state: str = Field(description="due, sending, sent, maybe_sent, suppressed or failed.")
    why: str = Field(description="Why it was sent, delayed or suppressed; earlier reasons first.")
    due_at: datetime | None
    tries: int
    language: str
    created_at: datetime
    settled_at: datetime | None


class MilestoneView(BaseModel):
    """A milestone that a shipment reached, and the notices about it."""

    milestone: str
    status_at: datetime = Field(description="The time of the scan that shows it.")
    reached_at: datetime = Field(description="When awbridge received that scan.")
    why: str = Field(description="Why no notices were created; empty if they were.")
    notices: list[NoticeView]


def milestone_view(reached: NoticeMilestone, made: list[Notice]) -> MilestoneView:
    """A milestone with its notices. `why` states if they are not created yet."""
    why = "its notices are about to be created" if reached.due_at else reached.why
    shown = [NoticeView.model_validate(n, from_attributes=True) for n in made]
    copied = {name: getattr(reached, name) for name in ("milestone", "status_at", "reached_at")}
    return MilestoneView(**copied, why=why, notices=shown)


class EndpointView(BaseModel):
    """The endpoint of a webhook subscriber, without its secrets."""

    id: str = Field(description="A string: the number is too large for some languages.")
    url: str
    kinds: list[str] = Field(description="Event types; empty for all.")
    enabled: bool
    problem: str | None
    last_success_at: datetime | None
    failing_since_at: datetime | None = Field(description="Since when every delivery fails; null if healthy.")
    old_secret_until_at: datetime | None
    created_at: datetime


class EndpointWithSecret(EndpointView):
    """An endpoint with its new secret, which is shown only once."""

    secret: str


class EndpointBody(OwnBody):
    """An endpoint to add."""

    url: str = Field(max_length=2000, pattern=NO_NUL)
    kinds: list[EventKind] = Field(default_factory=list[EventKind], description="Event types; empty for all.")


class EventDeliveryView(BaseModel):
    """The delivery of one event to one endpoint."""

    event_id: str = Field(description="The webhook-id header is evt_ followed by this.")
    kind: str
    reference_number: str
    state: str = Field(description="due, delivered or failed.")
    tries: int
    next_try_at: datetime | None
    http_status: int | None
    problem: str | None
    created_at: datetime
    updated_at: datetime


class RedeliverBody(OwnBody):
    """Which events to send again; empty for all that failed."""

    event_ids: list[str] = Field(default_factory=list[str], max_length=1000)


class OptOutBody(OwnBody):
    """An address that must receive no messages."""

    address: str = Field(min_length=3, max_length=320, pattern=NO_NUL, description="A phone number or email address.")
    channel: Literal["mail", "sms", "whatsapp"] | None = Field(None, description="Only this channel; null for all.")


class AlarmView(BaseModel):
    """A problem that operators are notified of."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """The view of an endpoint."""
    copied = {name: getattr(endpoint, name) for name in EndpointView.model_fields if name not in ("id", "kinds")}
    return EndpointView(**copied, id=str(endpoint.id), kinds=list(endpoint.kinds))


def event_delivery_view(delivery: DeliveryShown) -> EventDeliveryView:
    """The view of an event delivery."""
    copied = {name: getattr(delivery, name) for name in EventDeliveryView.model_fields if name != "event_id"}
    return EventDeliveryView(**copied, event_id=str(delivery.event_id))


def alarm_view(alarm: Alarm) -> AlarmView:
    """The view of an alarm."""
    return AlarmView.model_validate(alarm, from_attributes=True)
