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
    """One message over one channel."""

    channel: str = Field(description="mail, sms, whatsapp, or chat (your own team).")
    state: str = Field(description="due, sending, sent, maybe_sent, suppressed or failed.")
    why: str = Field(description="Why it was sent, delayed or suppressed; earlier reasons first.")
    due_at: datetime | None
    tries: int
    language: str
    created_at: datetime
    settled_at: datetime | None


class MilestoneView(BaseModel):
    """A milestone that a shipment reached, and who was told."""

    milestone: str
    status_at: datetime = Field(description="When the status was that says so.")
    reached_at: datetime = Field(description="When awbridge learnt of it.")
    why: str = Field(description="Why no notices were made; empty where they were.")
    notices: list[NoticeView]


def milestone_view(reached: NoticeMilestone, made: list[Notice]) -> MilestoneView:
    """A milestone as callers see it. One of which notices are still to be made says so."""
    why = "its notices are about to be made" if reached.due_at else reached.why
    shown = [NoticeView.model_validate(n, from_attributes=True) for n in made]
    same = {name: getattr(reached, name) for name in ("milestone", "status_at", "reached_at")}
    return MilestoneView(**same, why=why, notices=shown)


class EndpointView(BaseModel):
    """An own system that is told of events; its secrets are not shown."""

    id: str = Field(description="Text: too large for some languages' numbers.")
    url: str
    kinds: list[str] = Field(description="Event types; empty for all.")
    enabled: bool
    problem: str | None
    last_success_at: datetime | None
    failing_since_at: datetime | None = Field(description="Since when nothing gets through; null where all is well.")
    old_secret_until_at: datetime | None
    created_at: datetime


class EndpointWithSecret(EndpointView):
    """An endpoint with its new secret, shown this once."""

    secret: str


class EndpointBody(OwnBody):
    """An endpoint to be added."""

    url: str = Field(max_length=2000, pattern=NO_NUL)
    kinds: list[EventKind] = Field(default_factory=list[EventKind], description="Event types; empty for all.")


class EventDeliveryView(BaseModel):
    """What became of one event at one endpoint."""

    event_id: str = Field(description="The webhook-id is evt_ and this.")
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
    """Which events to send again; without any, all that failed."""

    event_ids: list[str] = Field(default_factory=list[str], max_length=1000)


class OptOutBody(OwnBody):
    """Somebody who wants no messages."""

    address: str = Field(min_length=3, max_length=320, pattern=NO_NUL, description="Phone number or mail address.")
    channel: Literal["mail", "sms", "whatsapp"] | None = Field(None, description="Only this channel; else all.")


class AlarmView(BaseModel):
    """Trouble that operators are told of."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """An endpoint as callers see it."""
    same = {name: getattr(endpoint, name) for name in EndpointView.model_fields if name not in ("id", "kinds")}
    return EndpointView(**same, id=str(endpoint.id), kinds=list(endpoint.kinds))


def event_delivery_view(delivery: DeliveryShown) -> EventDeliveryView:
    """A delivery as callers see it."""
    same = {name: getattr(delivery, name) for name in EventDeliveryView.model_fields if name != "event_id"}
    return EventDeliveryView(**same, event_id=str(delivery.event_id))


def alarm_view(alarm: Alarm) -> AlarmView:
    """An alarm as callers see it."""
    return AlarmView.model_validate(alarm, from_attributes=True)
