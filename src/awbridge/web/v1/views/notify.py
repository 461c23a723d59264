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
    due_at: datetime | None = Field(description="When it is decided or sent next; null if it is settled.")
    tries: int = Field(description="Failed attempts.")
    language: str = Field(description="The language of the message.")
    created_at: datetime = Field(description="When it was stored.")
    settled_at: datetime | None = Field(description="When it reached its final state.")


class ListedNoticeView(NoticeView):
    """A notice in a list of those of all shipments."""

    id: Id = Field(description="Its id.")
    reference_number: str = Field(description="The reference number of the shipment.")
    milestone: str = Field(description="The milestone that it is about.")


class MilestoneView(View):
    """A milestone that a shipment reached, and the notices about it."""

    milestone: str = Field(description="The milestone, such as out_for_delivery.")
    status_at: datetime = Field(description="The time of the scan that shows it.")
    reached_at: datetime = Field(description="When awbridge received that scan.")
    why: str = Field(description="Why no notices were created; empty if they were.")
    notices: list[NoticeView] = Field(description="The messages about it.")


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
    url: str = Field(description="The address that events are sent to.")
    kinds: list[str] = Field(description="Event types; empty for all.")
    enabled: bool = Field(description="Whether events are sent; otherwise they wait.")
    problem: str | None = Field(description="Why it is disabled or failing; null if it is healthy.")
    last_success_at: datetime | None = Field(description="When it last accepted an event.")
    failing_since_at: datetime | None = Field(description="Since when every delivery fails; null if healthy.")
    old_secret_until_at: datetime | None = Field(
        description="Until when the secret before the last rotation also signs."
    )
    created_at: datetime = Field(description="When it was stored.")


class EndpointWithSecret(EndpointView):
    """An endpoint with its new secret, which is shown only once."""

    secret: str = Field(description="The secret; only this response has it.")


class EventDeliveryView(View):
    """The delivery of one event to one endpoint."""

    event_id: Id = Field(description="The webhook-id header is evt_ followed by this.")
    kind: str = Field(description="The type of the event.")
    reference_number: str = Field(description="The reference number of the shipment.")
    state: str = Field(description="due, delivered or failed.")
    tries: int = Field(description="Failed attempts.")
    next_try_at: datetime | None = Field(description="When it is tried next; null if it is not.")
    http_status: int | None = Field(description="The HTTP status of the last response.")
    problem: str | None = Field(description="Why the last delivery failed; null if it did not.")
    created_at: datetime = Field(description="When the event happened here.")
    updated_at: datetime = Field(description="When it last changed.")


class AlarmView(View):
    """A problem that operators are notified of."""

    cause: str = Field(description="The cause, such as disk or endpoint.17.")
    text: str = Field(description="What is wrong and what to do.")
    times: int = Field(description="How often it was found since it began.")
    raised_at: datetime = Field(description="When it was found first.")
    last_at: datetime = Field(description="When it was found last.")
    cleared_at: datetime | None = Field(description="When it ended; null while it is open.")
    notified_at: datetime | None = Field(description="When operators were notified of it.")
