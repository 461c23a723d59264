"""Notify: sends customers messages about milestones. Milestones -> notices -> decide, send, record.

A notice is claimed under a lease, decided in a transaction, sent outside of any, and recorded; notices that are decided
or recorded at the same time share a transaction. When the process is
killed before sending, the notice is decided again. When it is killed while sending, the notice may have been sent: a
repeatable channel sends it again, on other channels it becomes `maybe_sent`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from awbridge.clickpost.orders.create import ALREADY_PLACED
from awbridge.clickpost.orders.recipients import Recipient, recipient
from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES, ndr_name, status_info
from awbridge.domain.backup.lost_span import LostSpan
from awbridge.domain.backup.told import maybe_told
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.notify.notices import (
    Channel,
    Facts,
    Later,
    MaybeSent,
    Message,
    Never,
    NoticeState,
    NotSent,
    Rules,
    SendResult,
    Sends,
    Sent,
    decide,
    same_day,
)
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.retry import delay_before_retry
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.domain.tracking.promise import edd_day
from awbridge.sinks.spoken_dates import Day, Moment, Value
from awbridge.sinks.templates import Templates
from awbridge.steps.runtime import traces
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.group_commit import GroupCommit
from awbridge.steps.runtime.lease import checked
from awbridge.steps.runtime.meters import MESSAGES
from awbridge.steps.runtime.traces import ToldCustomer
from awbridge.steps.runtime.work import for_each, until_recorded
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.backup import restores
from awbridge.store.engine.database import Session
from awbridge.store.engine.ids import first_id
from awbridge.store.notify import notices, opt_outs
from awbridge.store.notify.notices import Notice, NoticeMilestone
from awbridge.store.orders import shipments

log = structlog.get_logger()

UNTOLD = 500  # milestones of one round where no channel is configured: one statement lets them pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPolicy:
    """How notices are sent. `country`: that of phone numbers without a country code. `links`: to the customer's page.

    `short_links`: whether SMS carry the short form. `longest_send`: after which sending one message is aborted. Raises
    ValueError where the lease is shorter.
    """

    rules: Rules
    language: str = "en"
    country: str = "IN"
    brand: str = ""
    links: TrackLinks = NO_LINKS
    short_links: bool = True
    retry_delays: Sequence[float] = (60.0, 300.0, 1800.0, 7200.0)
    lease: timedelta = timedelta(seconds=180)
    longest_send: timedelta = timedelta(seconds=60)
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    batch: int = 50
    concurrency: int = 8

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_send)


async def notify_due(
    *, store: Store, channels: Mapping[Channel, Sends], templates: Templates, clock: Clock, policy: NotifyPolicy
) -> int:
    """Create the notices of new milestones and send due ones, one batch of each; how many were claimed."""
    owner = uuid.uuid4().hex[:16]  # written into every row that is claimed
    now = clock()
    async with store.write() as session:
        limit, why = (policy.batch, "") if channels else (UNTOLD, "no channel was configured")
        reached = await notices.take_milestones(session, why=why, now=now, limit=limit)
        await notices.make(session, reached, list(channels), now=now)
        claimed = await notices.claim(session, owner=owner, now=now, until=now + policy.lease, limit=policy.batch)
        lost = await restores.lost_spans(session) if claimed else []
    async with GroupCommit(store) as writes:
        round_ = _NotifyRound(writes, channels, templates, clock, policy, owner, lost)
        await for_each(claimed, round_.process, at_once=policy.concurrency)
    return len(reached) + len(claimed)


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: NoticeState
    why: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Sending:
    message: Message
    why: str


@dataclass(frozen=True, slots=True)
class _Ended:
    reached: Sequence[NoticeMilestone]


@dataclass(frozen=True, slots=True)
class _NotifyRound:
    """One round of one worker."""

    writes: GroupCommit
    channels: Mapping[Channel, Sends]
    templates: Templates
    clock: Clock
    policy: NotifyPolicy
    owner: str
    lost: Sequence[LostSpan]

    async def process(self, notice: Notice) -> None:
        """Decide one notice, and send it if it is due."""
        began_at = self.clock()
        order = (notice.shard, notice.reference_number, notice.id)
        chosen, ended = await self.writes.write(lambda session: self._start(session, notice), order=order)
        if isinstance(chosen, _Outcome):
            self._tell(notice, chosen, ended, began_at)
        if not isinstance(chosen, _Sending):
            return
        try:
            async with asyncio.timeout(self.policy.longest_send.total_seconds()):
                result = await self.channels[notice.channel].send(chosen.message)
        except TimeoutError:  # the lease is longer, so no other process sends it meanwhile
            result = MaybeSent("the channel did not say in time whether it took the message")
        outcome = self._after(notice, result, chosen.why)

        async def record() -> _Ended | None:
            return await self.writes.write(lambda session: self._settle(session, notice, outcome), order=order)

        self._tell(notice, outcome, await until_recorded(record), began_at)

    async def _start(self, session: Session, notice: Notice) -> tuple[_Outcome | _Sending | None, _Ended | None]:
        """What is sent, after which it is written that it is; or the outcome, settled. None if another process holds
        the notice now."""
        chosen = await self._choose(session, notice)
        if isinstance(chosen, _Outcome):
            return chosen, await self._settle(session, notice, chosen)
        until = self.clock() + self.policy.lease
        begun = await notices.begin(session, notice, self.owner, until=until, language=chosen.message.language)
        return (chosen if begun else None), None

    async def _settle(self, session: Session, notice: Notice, outcome: _Outcome) -> _Ended | None:
        """The milestones of the shipment, where traces want them, if this ended the notice; else None."""
        state, why, due_at = outcome.state, outcome.why, outcome.due_at
        kept = await notices.settle(session, notice, self.owner, state=state, why=why, due_at=due_at, now=self.clock())
        if not kept or state is NoticeState.DUE:
            return None
        return _Ended(await notices.milestones_of(session, notice.reference_number) if traces.current else ())

    def _tell(self, notice: Notice, outcome: _Outcome, ended: _Ended | None, began_at: datetime) -> None:
        """Count, log and trace a notice that ended, once that is committed."""
        if ended is None:
            return
        fields = {"reference": notice.reference_number, "channel": notice.channel.value}
        MESSAGES.add(notice.channel.value, outcome.state.value)
        log.info("notice.settled", milestone=notice.milestone.value, state=outcome.state.value, **fields)
        if traces.current:
            traces.current.told(_told(notice, ended.reached, outcome.state, began_at, self.clock()))

    async def _choose(self, session: Session, notice: Notice) -> _Outcome | _Sending:
        """The message to send and why, or the outcome of a notice that is not sent."""
        channel = self.channels.get(notice.channel)
        interrupted = notice.state is NoticeState.SENDING
        if interrupted and (channel is None or not channel.repeatable):
            why = f"the process ended between sending and recording; {notice.channel} is not repeated"
            return _Outcome(NoticeState.MAYBE_SENT, why)
        if channel is None:
            return _Outcome(NoticeState.SUPPRESSED, f"{notice.channel} is no longer configured")
        # The lock delays other notices of this shipment, and new milestones, until this one is decided.
        shipment = (await shipments.lock_many(session, [notice.reference_number])).get(notice.reference_number)
        if shipment is None:
            return _Outcome(NoticeState.SUPPRESSED, "the shipment is gone")
        reached = await notices.milestones_of(session, notice.reference_number)
        cause = next(r for r in reached if r.milestone is notice.milestone)
        customer = recipient(shipment, country=self.policy.country)
        now = self.clock()
        language = customer.language or self.policy.language
        values = message_values(shipment, cause, customer, notice.channel, self.policy, now)
        facts = await self._facts(session, notice, shipment, reached, cause, customer)
        try:
            names_day = self.templates.names_day(notice.milestone, notice.channel, language, values)
        except AwbridgeError:
            names_day = False  # rendering fails below too
        decision = decide(replace(facts, names_day=names_day), self.policy.rules, now)
        if isinstance(decision, Never):
            state = NoticeState.MAYBE_SENT if interrupted else NoticeState.SUPPRESSED
            return _Outcome(state, f"{'not repeated' if interrupted else 'suppressed'}: {decision.why}")
        if isinstance(decision, Later):
            return _Outcome(NoticeState.DUE, f"delayed: {decision.why}", decision.until)
        try:
            return _Sending(self._write(notice, customer, language, values), decision.why)
        except AwbridgeError as error:
            return _Outcome(NoticeState.FAILED, f"not sent: {error}")

    async def _facts(
        self,
        session: Session,
        notice: Notice,
        shipment: Shipment,
        reached: Sequence[NoticeMilestone],
        cause: NoticeMilestone,
        customer: Recipient,
    ) -> Facts:
        address = customer.address(notice.channel)
        known = [known for known in (customer.phone, customer.mail) if known]
        others = await notices.of_shipment(session, notice.reference_number)
        return Facts(
            milestone=notice.milestone,
            channel=notice.channel,
            status_at=cause.status_at,
            fresh_at=cause.fresh_at,
            latest_at=shipment.status_at,
            reached=frozenset(r.milestone for r in reached),
            is_return=customer.is_return,
            address=address,
            consent=customer.consent.get(notice.channel),
            opted_out=address is not None and await opt_outs.opted_out(session, address, notice.channel, others=known),
            in_flight=any(
                o.state is NoticeState.SENDING and o.channel is notice.channel and o.id != notice.id for o in others
            ),
            replaced_by=await _replacement(session, shipment, notice.milestone),
            maybe_told=await self._maybe_told(session, notice, shipment, cause),
        )

    async def _maybe_told(
        self, session: Session, notice: Notice, shipment: Shipment, cause: NoticeMilestone
    ) -> str | None:
        """Why the customer may have been told what a restored database does not know; None without a restore."""
        for lost in self.lost:
            since = first_id(lost.restored_at)
            anew = await attempts.placed_anew(session, notice.reference_number, after=since, already=ALREADY_PLACED)
            told = maybe_told(
                lost,
                milestone=notice.milestone,
                shipment=shipment,
                status_at=cause.status_at,
                reached_at=cause.reached_at,
                was_due_at=notice.due_at if notice.created_at <= lost.point_at else None,
                placed_since=anew,
                stuck_after=self.policy.stuck_after,
            )
            if told:
                return told
        return None

    def _write(self, notice: Notice, customer: Recipient, language: str, values: Mapping[str, Value]) -> Message:
        address = customer.address(notice.channel)
        dlt = needs_dlt(notice.channel, address)
        rendered = self.templates.render(notice.milestone, notice.channel, language, values, dlt=dlt)
        return Message(
            key=notice.key,
            to=address or "",
            text=rendered.text,
            subject=rendered.subject,
            html=rendered.html,
            language=rendered.language,
            dlt_template_id=rendered.dlt_template_id,
        )

    def _after(self, notice: Notice, result: SendResult, why: str) -> _Outcome:
        """The outcome of a try. Pure but for the clock."""
        if isinstance(result, Sent):
            return _Outcome(NoticeState.SENT, f"sent: {why}")
        if isinstance(result, MaybeSent) and not self.channels[notice.channel].repeatable:
            return _Outcome(NoticeState.MAYBE_SENT, f"{result.problem}; {notice.channel} is not repeated")
        tries = notice.tries + 1
        delay = delay_before_retry(self.policy.retry_delays, tries)
        if delay is None or (isinstance(result, NotSent) and not result.again):
            return _Outcome(NoticeState.FAILED, f"not sent, {tries} tries: {result.problem}")
        return _Outcome(NoticeState.DUE, f"try {tries} failed: {result.problem}", self.clock() + delay)


def _told(
    notice: Notice, reached: Sequence[NoticeMilestone], state: NoticeState, began_at: datetime, now: datetime
) -> ToldCustomer:
    """What traces learn of a notice that ended. Without its milestone (of an erased shipment) it has no cause."""
    cause = next((r for r in reached if r.milestone is notice.milestone), None)
    return ToldCustomer(
        reference_number=notice.reference_number,
        milestone=notice.milestone.value,
        code=cause.status_code if cause else None,
        status_at=cause.status_at if cause else now,
        channel=notice.channel.value,
        state=state.value,
        began_at=began_at,
        ended_at=now,
    )


async def _replacement(session: Session, shipment: Shipment, milestone: Milestone) -> str | None:
    """The shipment that the customer is notified about instead of this one; None where it is this one.

    Where the successor was cancelled, the customer is notified about the first parcel again, if it still travels. Its
    own cancellation is never sent: it was part of a correction.
    """
    if shipment.replaced_by is None:
        return None
    seen, last = {shipment.reference_number}, shipment
    while last.replaced_by and last.replaced_by not in seen:
        seen.add(last.replaced_by)
        successor = await shipments.get(session, last.replaced_by)
        if successor is None:
            break
        last = successor
    is_dropped = last.state is State.CANCELLED and last.replaced_by is None
    return None if is_dropped and milestone is not Milestone.CANCELLED else shipment.replaced_by


def message_values(
    shipment: Shipment,
    cause: NoticeMilestone,
    customer: Recipient,
    channel: Channel,
    policy: NotifyPolicy,
    now: datetime,
) -> dict[str, Value]:
    """The values of a template that is rendered now. The names are those of `templates.EXAMPLE`.

    The expected day is given while it is ahead, and for a late parcel once it is over.
    """
    today = now.astimezone(policy.rules.zone).date()
    day = edd_day(shipment.edd)
    is_over = day is not None and day < today
    status_description = shipment.status_description or "" if cause.status_code == shipment.status_code else ""
    ndr_description = shipment.ndr_description or "" if cause.ndr_code == shipment.ndr_code else ""
    ndr = cause.ndr_code if cause.milestone is Milestone.FAILED_DELIVERY else None
    return {
        "brand": policy.brand,
        "name": customer.name if channel.reaches_customer else "",
        "order": shipment.order_id or shipment.reference_number,
        "reference": shipment.reference_number,
        "waybill": shipment.waybill or "",
        "courier": COURIER_NAMES.get(shipment.courier_partner_id) or shipment.transporter or "the courier",
        "status": status_info(cause.status_code, status_description).name if cause.status_code is not None else "",
        "reason": ndr_name(ndr, ndr_description, unknown="") if ndr else "",
        "edd": Day(day, today.year) if day and is_over == (cause.milestone is Milestone.DELAYED) else "",
        "at": Moment(cause.status_at.astimezone(policy.rules.zone), today.year),
        "is_return": customer.is_return,
        "is_today": same_day(cause.status_at, now, policy.rules.zone),
        "track_url": _link(shipment, channel, policy) or "",
    }


def _link(shipment: Shipment, channel: Channel, policy: NotifyPolicy) -> str | None:
    is_short = channel is Channel.SMS and policy.short_links
    return policy.links.short_url(shipment) if is_short else policy.links.url(shipment)


def needs_dlt(channel: Channel, number: str | None) -> bool:
    """Whether a message is an SMS to a number in India, whose operators deliver registered texts alone."""
    return channel is Channel.SMS and number is not None and number.startswith("+91")
