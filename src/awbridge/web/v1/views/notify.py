"""The JSON of webhook endpoints, notices to customers and alarms."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.store.notify.notices import Notice, NoticeMilestone
from awbridge.web.v1.views import Id, View


class NoticeView(View):
    """One message on one channel."""

    channel: str = Field(description="mail, sms, whatsapp, or chat (your own team).")
    state: str = Field(description="due, sending, sent, maybe_sent, suppressed or failed.")
    why: str = Field(description="Why it was sent, delayed or suppressed; earlier reasons first.")
    due_at: datetime | None
    tries: int
    language: str
    created_at: datetime
    settled_at: datetime | None


class ListedNoticeView(NoticeView):
    """A notice in a list of those of all shipments."""

    id: Id
    reference_number: str
    milestone: str


class MilestoneView(View):
    """A milestone that a shipment reached, and the notices about it."""

    milestone: str
    status_at: datetime = Field(description="The time of the scan that shows it.")
    reached_at: datetime = Field(description="When awbridge received that scan.")
    why: str = Field(description="Why no notices were created; empty if they were.")
    notices: list[NoticeView]


def milestone_view(reached: NoticeMilestone, made: list[Notice]) -> MilestoneView:
    """A milestone with its notices. `why` states if they are not created yet."""
    why = "its notices are about to be created" if reached.due_at else reached.why
    notices_of_it = [NoticeView.model_validate(notice) for notice in made if notice.milestone is reached.milestone]
    return MilestoneView(
        milestone=reached.milestone,
        status_at=reached.status_at,
        reached_at=reached.reached_at,
        why=why,
        notices=notices_of_it,
    )


class EndpointView(View):
    """The endpoint of a webhook subscriber, without its secrets."""

    id: Id = Field(description="A string: the number is too large for some languages.")
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


class EventDeliveryView(View):
    """The delivery of one event to one endpoint."""

    event_id: Id = Field(description="The webhook-id header is evt_ followed by this.")
    kind: str
    reference_number: str
    state: str = Field(description="due, delivered or failed.")
    tries: int
    next_try_at: datetime | None
    http_status: int | None
    problem: str | None
    created_at: datetime
    updated_at: datetime


class AlarmView(View):
    """A problem that operators are notified of."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None
