"""Report: every day, what failed at ClickPost: tables, a page, the calls themselves; zipped, stored, mailed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.domain.errors import SettingsError
from awbridge.domain.json import JsonObject
from awbridge.domain.privacy import Privacy
from awbridge.domain.schedule import day_span
from awbridge.sinks.objects import Objects
from awbridge.steps.audit import failure_report as form
from awbridge.steps.audit.calls import is_failure, record_of
from awbridge.steps.audit.failure_report import FailedShipment, Key
from awbridge.steps.audit.publish import LARGEST_ATTACHMENT, Destination, MailPolicy, mail_once, publish
from awbridge.steps.records.zip_file import Archive, as_lines
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import calls
from awbridge.store.audit.calls import KeptCall
from awbridge.store.audit.reports import Report

KIND = "failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPolicy:
    """Whose day, for whom. `empty_mail`: a day without failures is worth a line."""

    zone: ZoneInfo
    destinations: tuple[Destination, ...]
    mail: MailPolicy | None = None
    empty_mail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report that was made, and its file (None: the day was empty)."""

    report: Report
    content: bytes | None = field(repr=False)
    troubles: Mapping[Key, FailedShipment] = field(repr=False)


async def report_failures(
    *, store: Store, objects: Objects, clock: Clock, policy: ReportPolicy, day: date, mail: bool = True
) -> list[Made]:
    """Make the reports of a day, and mail those that were not mailed yet.

    Raises ObjectsError, MailError, SettingsError: whoever asked tries again, and what went out does not go out twice.
    """
    troubles = await _troubles(store, policy.zone, day)
    made: list[Made] = []
    for destination in policy.destinations:
        content = await _content(store, policy.zone, day, troubles, destination.privacy) if troubles else None
        report = await publish(
            store=store,
            objects=objects,
            clock=clock,
            kind=KIND,
            day=day,
            destination=destination.name,
            shipments=form.count(troubles),
            calls=sum(t.calls for t in troubles.values()),
            content=content,
        )
        made.append(Made(report=report, content=content, troubles=troubles))
    if mail:
        for destination, one in zip(policy.destinations, made, strict=True):
            await _mail(store, clock, policy, day, destination, one)
    return made


async def _failed(store: Store, zone: ZoneInfo, day: date) -> AsyncIterator[KeptCall]:
    async for call in calls.troubled_between(store, *day_span(day, zone)):
        given_up = call.state == "gave_up" and call.api in ("create-order", "cancel-order")
        if given_up or is_failure(call.http_status, call.business_status, call.outcome):
            yield call


async def _troubles(store: Store, zone: ZoneInfo, day: date) -> dict[Key, FailedShipment]:
    troubles: dict[Key, FailedShipment] = {}
    async for call in _failed(store, zone, day):
        form.note(troubles, call)
    return troubles


async def _content(
    store: Store, zone: ZoneInfo, day: date, troubles: Mapping[Key, FailedShipment], privacy: Privacy
) -> bytes:
    # A second reading of the same past day: only what is written out is held in memory, not every call.
    rows: dict[str, list[Sequence[Any]]] = {}
    records: list[JsonObject] = []
    async for call in _failed(store, zone, day):
        records.append(record_of(call, privacy))
        trouble = troubles.get(form.key_of(call))
        if trouble and trouble.last_id == call.id:
            rows.setdefault(call.api, []).append(form.row_of(trouble, call, privacy, zone))

    def zipped() -> bytes:
        archive = Archive(day)
        archive.add("summary.html", form.page(day, zone, troubles))
        form.add_tables(archive, rows)
        archive.add("calls.jsonl", as_lines(records))
        return archive.content()

    return await asyncio.to_thread(zipped)


async def _mail(
    store: Store, clock: Clock, policy: ReportPolicy, day: date, destination: Destination, made: Made
) -> None:
    if not destination.to or made.report.mailed_at or (made.content is None and not policy.empty_mail):
        return
    if policy.mail is None:
        raise SettingsError("AWBRIDGE_SMTP_URL and AWBRIDGE_MAIL_FROM are needed to mail reports")
    message = message_of(day, policy.zone, made)
    await mail_once(store=store, clock=clock, report=made.report, to=destination.to, message=message, mail=policy.mail)


def message_of(day: date, zone: ZoneInfo, made: Made) -> EmailMessage:
    """The mail: a line for an empty day, else the summary with the file."""
    message = EmailMessage()
    line = form.subject(day, made.troubles)
    message["Subject"] = line
    if made.content is None:
        message.set_content(f"No call to ClickPost failed on {day.isoformat()} ({zone.key}).\n")
        return message
    small = len(made.content) <= LARGEST_ATTACHMENT
    where = "The file is attached." if small else "The file is too large for a mail."
    fetch = f"GET /v1/reports/{made.report.id}/download"
    message.set_content(f"{line}.\n\n{where} It is stored as {made.report.object_key}; {fetch} gives it out.\n")
    message.add_alternative(form.page(day, zone, made.troubles), subtype="html")
    if small:
        name = f"{made.report.id}.zip"
        message.add_attachment(made.content, maintype="application", subtype="zip", filename=name)
    return message
