"""Report: the failed calls of a day, published for each destination as a zip and mailed once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from awbridge.domain.errors import SettingsError
from awbridge.domain.schedule import day_span
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.calls import is_failure
from awbridge.steps.audit.daily_report import FailureReport
from awbridge.steps.audit.publish import LARGEST_ATTACHMENT, Destination, MailPolicy, mail_once, publish, report_id
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import KeptCall
from awbridge.store.audit.reports import Report

KIND = "failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPolicy:
    """The zone of the day, and the destinations. `empty_mail`: a mail is sent also for a day without failures."""

    zone: ZoneInfo
    destinations: tuple[Destination, ...]
    mail: MailPolicy | None = None
    empty_mail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReport:
    """A published report and its file; None on a day without failures."""

    report: Report
    content: bytes | None = field(repr=False)


async def report_failures(
    *,
    store: Store,
    objects: Objects,
    clock: Clock,
    policy: ReportPolicy,
    day: date,
    mail: bool = True,
    on_done: OnDone = unwatched,
) -> list[PublishedReport]:
    """Publish the reports of a day, and mail those that were not mailed yet. `on_done` receives the calls examined.

    Raises ObjectsError, MailError, SettingsError. The caller may repeat it: no mail is sent twice.
    """
    failures = FailureReport(day, policy.zone, [destination.privacy for destination in policy.destinations])
    async for call in attempts.failed_between(store, *day_span(day, policy.zone)):
        on_done(1)
        if _has_failed(call):
            failures.add(call)
    contents = await asyncio.to_thread(failures.zips)
    published: list[PublishedReport] = []
    for destination, content in zip(policy.destinations, contents, strict=True):
        report = Report(
            id=report_id(KIND, day, destination.name),
            kind=KIND,
            day=day.isoformat(),
            destination=destination.name,
            shipments=failures.shipments,
            calls=failures.calls,
            created_at=clock(),
        )
        stored = await publish(store=store, objects=objects, report=report, content=content)
        published.append(PublishedReport(report=stored, content=content))
    for destination, one in zip(policy.destinations, published, strict=True):
        is_wanted = destination.to and (one.content is not None or policy.empty_mail)
        if not mail or not is_wanted or one.report.mailed_at:
            continue
        if policy.mail is None:
            raise SettingsError("AWBRIDGE_SMTP_URL and AWBRIDGE_MAIL_FROM are needed to mail reports")
        message = _message(day, policy.zone, one, failures)
        to = destination.to
        await mail_once(store=store, clock=clock, report=one.report, to=to, message=message, mail=policy.mail)
    return published


def _has_failed(call: KeptCall) -> bool:
    given_up = call.state == "gave_up" and call.api in ("create-order", "cancel-order")
    return given_up or is_failure(call.http_status, call.business_status, call.outcome)


def _message(day: date, zone: ZoneInfo, published: PublishedReport, failures: FailureReport) -> EmailMessage:
    """The mail: a line for a day without failures, else the summary with the file."""
    report, content = published.report, published.content
    message = EmailMessage()
    message["Subject"] = failures.subject
    if content is None:
        message.set_content(f"No call to ClickPost failed on {day.isoformat()} ({zone.key}).\n")
        return message
    small = len(content) <= LARGEST_ATTACHMENT
    where = "The file is attached." if small else "The file is too large for a mail."
    stored = f"It is stored as {report.object_key}; download it with GET /v1/reports/{report.id}/download."
    message.set_content(f"{failures.subject}.\n\n{where} {stored}\n")
    message.add_alternative(failures.page(), subtype="html")
    if small:
        message.add_attachment(content, maintype="application", subtype="zip", filename=f"{report.id}.zip")
    return message
