"""Everything that happened to a shipment, in one list: order, payload changes, calls, scans, messages, actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from awbridge.clickpost.orders.payload import payload_differences
from awbridge.clickpost.wire.answer_codes import advice_for
from awbridge.clickpost.wire.tracking_codes import ndr_name, status_info
from awbridge.domain.attempt import FAILED, SUCCEEDED
from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.orders.action import NEEDS_A_PERSON, Action, ActionState
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import Attempt
from awbridge.store.engine.database import Session
from awbridge.store.notify import notices
from awbridge.store.notify.notices import Notice
from awbridge.store.orders import actions, payload_versions
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.store.tracking import scans, update_sources
from awbridge.store.tracking.scans import TimelineScan
from awbridge.web.pages.page_templates import pretty, readable
from awbridge.web.pages.wording import status_words

Kind = Literal["order", "call", "scan", "message", "action"]
Tone = Literal["good", "wait", "bad", "plain"]
_SOURCES = {
    "webhook": "by webhook",
    "updated_order": "found by updated-order",
    "track_order": "found by polling",
    "report": "from a report",
}
_NOTICE_TONES: dict[NoticeState, Tone] = {
    NoticeState.SENT: "good",
    NoticeState.FAILED: "bad",
    NoticeState.MAYBE_SENT: "bad",
    NoticeState.SUPPRESSED: "plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A longer text that is shown on request, such as a response."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened. `text` is a sentence about it."""

    at: datetime
    kind: Kind
    title: str
    text: str = ""
    tone: Tone = "plain"
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDelivery:
    """A delivery about the shipment, as it was received."""

    received_at: datetime
    source: str
    body: str


async def deliveries(session: Session, shipment: Shipment) -> list[ReceivedDelivery]:
    """What webhooks, polling and reports brought about a shipment, newest first. Older bodies than kept are missing."""
    found = await update_sources.of_shipments(session, [shipment.reference_number])
    received = [source.delivery for source in found[shipment.reference_number]]
    return [
        ReceivedDelivery(
            received_at=one.received_at,
            source=_SOURCES.get(one.source.value, one.source.value),
            body=readable(one.body),
        )
        for one in sorted(received, key=lambda one: one.received_at, reverse=True)
    ]


async def timeline(session: Session, shipment: Shipment) -> list[TimelineEntry]:
    """Everything about a shipment, newest first. Of the scans of one second, the last along the journey comes first."""
    reference = shipment.reference_number
    found = [
        *_payloads(await payload_versions.of_shipment(session, shipment)),
        *map(_call, await attempts.of_shipment(session, reference)),
        *_scans(await scans.timeline(session, reference), shipment.children),
        *map(_message, await notices.of_shipment(session, reference)),
        *map(_action, await actions.of_shipment(session, reference)),
    ]
    return sorted(found, key=lambda entry: entry.at)[::-1]


def _payloads(versions: Sequence[PayloadVersion]) -> Iterator[TimelineEntry]:
    first = versions[0]
    payload = Block(label="Payload", text=pretty(first.payload))
    yield TimelineEntry(at=first.changed_at, kind="order", title="Order received", blocks=[payload])
    for before, version in pairwise(versions):
        fields = ", ".join(payload_differences(before.payload, version.payload)) or "nothing"
        reason = f" Reason: {version.reason}" if version.reason else ""
        yield TimelineEntry(
            at=version.changed_at,
            kind="order",
            title=f"Payload changed (version {version.version})",
            text=f"By {version.changed_by}: {fields}.{reason}",
            blocks=[Block(label="Payload", text=pretty(version.payload))],
        )


def _call(call: Attempt) -> TimelineEntry:
    tone: Tone = "good" if call.outcome in SUCCEEDED else "bad" if call.outcome in FAILED else "wait"
    status = f"HTTP {call.http_status}" if call.http_status else call.error or "no response"
    if call.business_status is not None:
        status += f", status {call.business_status}"
    advice = "" if tone == "good" else advice_for(call.http_status, call.business_status)
    return TimelineEntry(
        at=call.made_at,
        kind="call",
        title=f"Called {call.api}: {_words(call.outcome)}",
        text=f"{status}, in {call.ms} ms. {advice}".strip(),
        tone=tone,
        blocks=list(_call_blocks(call)),
    )


def _call_blocks(call: Attempt) -> Iterator[Block]:
    yield Block(label="Request", text=f"{call.method} {call.url}\n\n{readable(call.request)}".strip())
    yield Block(label="Response", text=readable(call.response) or call.error or "none")


def _scans(found: Iterable[TimelineScan], children: Sequence[str]) -> Iterator[TimelineEntry]:
    for scan in sorted(found, key=lambda scan: (scan.scanned_at, status_info(scan.status_code).step)):
        info = status_info(scan.status_code, scan.description)
        piece = f"piece {children.index(scan.waybill) + 1}" if scan.waybill in children else ""
        reason = ndr_name(scan.ndr_code, scan.ndr_description) or scan.npr_description
        details = (piece, scan.location, scan.remark, reason, _SOURCES.get(scan.source, scan.source))
        yield TimelineEntry(
            at=scan.scanned_at,
            kind="scan",
            title=status_words(info.name),
            text=" · ".join(detail for detail in details if detail),
            tone="bad" if scan.ndr_code is not None or scan.npr_code is not None else "plain",
        )


def _message(notice: Notice) -> TimelineEntry:
    return TimelineEntry(
        at=notice.settled_at or notice.created_at,
        kind="message",
        title=f"{notice.channel.value} about {notice.milestone.value.replace('_', ' ')}: {_words(notice.state)}",
        text=notice.why,
        tone=_NOTICE_TONES.get(notice.state, "wait"),
    )


def _action(action: Action) -> TimelineEntry:
    tone: Tone = "bad" if action.state in NEEDS_A_PERSON else "good" if action.state is ActionState.DONE else "wait"
    return TimelineEntry(
        at=action.requested_at,
        kind="action",
        title=f"Requested: {_words(action.kind)}, {_words(action.state)}",
        text=action.problem or "",
        tone=tone,
        blocks=[Block(label="Request", text=pretty(action.body))],
    )


def _words(value: str) -> str:
    return str(value).replace("_", " ")
