"""Previews messages to customers, with made-up values or those of a shipment. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.clickpost.orders.recipients import recipient
from awbridge.domain.errors import NotFound
from awbridge.domain.notify.notices import Channel
from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks.spoken_dates import Value
from awbridge.sinks.templates import EXAMPLE, Rendered, TemplateFile, TemplateRefused, Templates, sms_parts
from awbridge.steps.notify.notify import NotifyPolicy, message_values, needs_dlt
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import notices
from awbridge.store.notify.notices import NoticeMilestone
from awbridge.store.orders import shipments


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChoice:
    """Which message to preview. `another_day`: as it reads on another day than that of the scan."""

    milestone: Milestone
    channel: Channel
    language: str = ""
    is_return: bool = False
    another_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePreview:
    """A previewed message and its template file. `problem`: why it cannot be rendered; "" if it can.

    `missing_language`: the language that was wanted and has no template of this message; "" if it has one. `message`
    is then in another language, the one that would be sent.
    """

    file: TemplateFile | None
    message: Rendered | None = field(default=None, repr=False)
    problem: str = ""
    missing_language: str = ""

    @property
    def sms_parts(self) -> int:
        """The number of SMS that the text needs."""
        return sms_parts(self.message.text) if self.message else 0


def preview_example(templates: Templates, policy: NotifyPolicy, choice: MessageChoice) -> MessagePreview:
    """A message with made-up values."""
    brand = {"brand": policy.brand} if policy.brand else {}
    given = {"is_return": choice.is_return, "is_today": not choice.another_day}
    values = {**EXAMPLE, **given, **brand, "track_url": _example_link(choice.channel, policy)}
    dlt = choice.channel is Channel.SMS and policy.country == "IN"
    return _rendered(templates, choice, choice.language or policy.language, values, dlt=dlt)


def _example_link(channel: Channel, policy: NotifyPolicy) -> str:
    """A link that opens nothing, at your address; "" where the customer's page is off."""
    if not policy.links.is_on:
        return ""
    token = str(EXAMPLE["track_url"]).rpartition("/")[2]
    is_short = channel is Channel.SMS and policy.short_links
    return f"{policy.links.base_url}/{'t' if is_short else 'track'}/{token}"


async def preview_for(
    *,
    store: Store,
    clock: Clock,
    templates: Templates,
    policy: NotifyPolicy,
    reference_number: str,
    choice: MessageChoice,
) -> MessagePreview:
    """A message as the customer of a shipment would read it now. Raises NotFound.

    Without a language, the customer's. A milestone that the shipment has not reached is taken as reached just now.
    """
    async with store.read() as session:
        shipment = await shipments.get(session, reference_number)
        if shipment is None:
            raise NotFound(f"there is no shipment {reference_number}")
        reached = await notices.milestones_of(session, reference_number)
    now, customer = clock(), recipient(shipment, country=policy.country)
    cause = next((r for r in reached if r.milestone is choice.milestone), None) or _just_now(shipment, choice, now)
    values = message_values(shipment, cause, customer, choice.channel, policy, now)
    if choice.another_day:
        values["is_today"] = False
    dlt = needs_dlt(choice.channel, customer.phone)
    return _rendered(templates, choice, choice.language or customer.language or policy.language, values, dlt=dlt)


def _just_now(shipment: Shipment, choice: MessageChoice, now: datetime) -> NoticeMilestone:
    return NoticeMilestone(
        shard=shard_of(shipment.reference_number),
        reference_number=shipment.reference_number,
        milestone=choice.milestone,
        status_code=shipment.status_code,
        ndr_code=shipment.ndr_code,
        status_at=now,
        reached_at=now,
        due_at=None,
        why="",
    )


def _rendered(
    templates: Templates, choice: MessageChoice, language: str, values: Mapping[str, Value], *, dlt: bool
) -> MessagePreview:
    file = templates.file_of(choice.milestone, choice.channel, language)
    try:
        message = templates.render(choice.milestone, choice.channel, language, values, dlt=dlt)
    except TemplateRefused as error:
        return MessagePreview(file=file, problem=str(error))
    missing = "" if message.language == language else language
    return MessagePreview(file=file, message=message, missing_language=missing)
