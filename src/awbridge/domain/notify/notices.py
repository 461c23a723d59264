"""Whether a customer notice is sent now, later or never, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from awbridge.domain.tracking.milestones import FOR_RETURNS, Milestone, overtaken_by

E = TypeVar("E", bound=StrEnum)
INDIA = ZoneInfo("Asia/Kolkata")


class Channel(StrEnum):
    """A channel. All except `chat` reach the customer; `chat` reaches the company's team."""

    MAIL = "mail"
    """Mail."""
    SMS = "sms"
    """SMS."""
    WHATSAPP = "whatsapp"
    """WhatsApp."""
    CHAT = "chat"
    """Your own team's chats."""

    @property
    def reaches_customer(self) -> bool:
        """Whether consent, opt-outs and the customer's address apply."""
        return self is not Channel.CHAT


class NoticeState(StrEnum):
    """The state of a notice: due ──> sending ──> sent | maybe_sent | failed;  due ──> suppressed.

    `maybe_sent`: the process died or the connection broke between sending and recording, on a channel that must not
    repeat.
    """

    DUE = "due"
    """It is sent, delayed or suppressed at its next turn."""
    SENDING = "sending"
    """It is being sent."""
    SENT = "sent"
    """The channel accepted it."""
    MAYBE_SENT = "maybe_sent"
    """The process died or the connection broke between sending and recording, on a channel that must not repeat."""
    SUPPRESSED = "suppressed"
    """It was decided not to send it; the reason is stored."""
    FAILED = "failed"
    """All attempts failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Nothing is sent from `start` to `end`, local time. The span may cross midnight."""

    start: time
    end: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the current quiet hours end; None outside quiet hours."""
        local = now.astimezone(zone)
        at = local.time()
        over_midnight = self.start > self.end
        quiet = (at >= self.start or at < self.end) if over_midnight else self.start <= at < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and at >= self.start else 0)
        return datetime.combine(day, self.end, tzinfo=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The notice settings. `consent`: channels that need no consent in the payload."""

    fresh_for: timedelta = timedelta(days=1)
    milestones: frozenset[Milestone] = frozenset(Milestone)
    consent: frozenset[Channel] = frozenset()
    quiet: Mapping[Channel, QuietHours] = field(default_factory=dict[Channel, QuietHours])
    zone: ZoneInfo = INDIA


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about one notice at the time of sending.

    `status_at` is the time of its milestone's status, `fresh_at` ClickPost's own time of it, `latest_at` the time of
    the shipment's latest status. `consent` is the payload's consent (None: not stated). `in_flight`: another message
    about this shipment is being sent. `names_day`: the text names a day (today, tomorrow) and is true on the day of the
    status only. `replaced_by`: the successor, which represents the order now. `maybe_told`: why the customer may have
    been told before the database was restored.
    """

    milestone: Milestone
    channel: Channel
    status_at: datetime
    latest_at: datetime | None
    fresh_at: datetime | None = None
    reached: frozenset[Milestone]
    is_return: bool = False
    address: str | None = None
    consent: bool | None = None
    opted_out: bool = False
    in_flight: bool = False
    names_day: bool = False
    replaced_by: str | None = None
    maybe_told: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now."""

    why: str


@dataclass(frozen=True, slots=True)
class Later:
    """Decide again at `until`."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """Suppress it permanently."""

    why: str


Decision = Send | Later | Never

_IN_FLIGHT_WAIT = timedelta(seconds=5)


def decide(facts: Facts, rules: Rules, now: datetime) -> Decision:
    """Decide whether a notice goes out now, later or never, and why."""
    if why := _never(facts, rules, now):
        return Never(why)
    if facts.in_flight:
        return Later("another message about this shipment is being sent", now + _IN_FLIGHT_WAIT)
    hours = rules.quiet.get(facts.channel)
    if hours and (until := hours.until(now, rules.zone)):
        span = f"{hours.start:%H:%M} to {hours.end:%H:%M}"
        return Later(f"quiet hours of {facts.channel} ({span}, {rules.zone.key})", until)
    source = "stated by the payload" if facts.consent else "set in AWBRIDGE_NOTICE_CONSENT"
    allowed = f"consent: {source}" if facts.channel.reaches_customer else "to the company's team"
    return Send(f"the shipment reached {facts.milestone}, {_age(now - facts.status_at)} ago; {allowed}")


def _never(facts: Facts, rules: Rules, now: datetime) -> str | None:
    if facts.replaced_by:
        return f"the shipment was replaced by {facts.replaced_by}, which the customer is notified about"
    if facts.maybe_told:
        return facts.maybe_told
    if facts.milestone not in rules.milestones:
        return f"{facts.milestone} is not among AWBRIDGE_NOTICE_MILESTONES"
    if facts.channel.reaches_customer and (why := _not_this_customer(facts, rules)):
        return why
    status_at = min(at for at in (facts.status_at, facts.latest_at, facts.fresh_at) if at)
    if now - status_at > rules.fresh_for:
        return f"the latest status is {_age(now - status_at)} old, the limit is {_age(rules.fresh_for)}"
    if facts.names_day and not same_day(facts.status_at, now, rules.zone):
        return f"the text names a day, and {facts.milestone} was on another day"
    if later := overtaken_by(facts.milestone, facts.reached):
        return f"the shipment has already reached {later}"
    return None


def same_day(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    """Whether two times are on one day of this zone."""
    return one.astimezone(zone).date() == other.astimezone(zone).date()


def _not_this_customer(facts: Facts, rules: Rules) -> str | None:
    if facts.is_return and facts.milestone not in FOR_RETURNS:
        return f"a return: {facts.milestone} concerns the warehouse, not the customer"
    if not facts.address:
        missing = "mail address" if facts.channel is Channel.MAIL else "valid phone number"
        return f"the payload has no {missing}"
    if facts.consent is False:
        return f"no consent: the payload refuses {facts.channel}"
    if facts.consent is None and facts.channel not in rules.consent:
        return f"no consent: not stated in the payload, and {facts.channel} is not in AWBRIDGE_NOTICE_CONSENT"
    return "the customer opted out" if facts.opted_out else None


def _age(span: timedelta) -> str:
    minutes = max(span.total_seconds(), 0.0) / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.1f} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel sends. `key` identifies the notice and is the same for every try."""

    key: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    language: str = "en"
    dlt_template_id: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel accepted the message."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The channel did not accept the message. `again`: a retry may succeed."""

    problem: str
    again: bool = True


@dataclass(frozen=True, slots=True)
class MaybeSent:
    """Unknown: the connection broke after the message was sent."""

    problem: str


SendResult = Sent | NotSent | MaybeSent


class Sends(Protocol):
    """A channel. `repeatable`: a message sent twice with one key reaches the reader once."""

    repeatable: bool

    async def send(self, message: Message) -> SendResult:
        """Send one message. Never raises for a failure of the service."""
        ...


def read_quiet_hours(text: str) -> dict[Channel, QuietHours]:
    """Read `sms=21:00-09:00,whatsapp=21:00-09:00`. Raises ValueError that says what is wrong."""
    found: dict[Channel, QuietHours] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, span = part.partition("=")
        start, _, end = span.partition("-")
        try:
            hours = QuietHours(start=time.fromisoformat(start.strip()), end=time.fromisoformat(end.strip()))
            channel = Channel(name.strip())
        except ValueError:
            raise ValueError(f"{part!r} is not channel=HH:MM-HH:MM; channels are {', '.join(Channel)}") from None
        if hours.start == hours.end or hours.start.tzinfo or hours.end.tzinfo:
            raise ValueError(f"{part!r}: write two different local times, like 21:00-09:00")
        found[channel] = hours
    return found


def read_channels(text: str) -> frozenset[Channel]:
    """Read `sms,mail` as channels. Raises ValueError that names the known ones."""
    return frozenset(_members(Channel, text))


def read_milestones(text: str) -> frozenset[Milestone]:
    """Read `all`, or `shipped,delivered`, as milestones. Raises ValueError that names the known ones."""
    return frozenset(Milestone) if text.strip() == "all" else frozenset(_members(Milestone, text))


def _members(kind: type[E], text: str) -> list[E]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [name for name in names if name not in set(kind)]:
        raise ValueError(f"{unknown[0]!r} is not known; known are {', '.join(kind)}")
    return [kind(name) for name in names]
