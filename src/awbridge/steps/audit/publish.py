"""Publish: stores a report's file in object storage and its row in `reports`, and mails it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from awbridge.domain.errors import AwbridgeError, MailError
from awbridge.domain.privacy import Privacy
from awbridge.sinks.mail import LARGE_LONGEST, send_mail
from awbridge.sinks.objects import Objects
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import reports
from awbridge.store.audit.reports import Report

LEASE = timedelta(seconds=2 * LARGE_LONGEST)  # for sending one mail, and the work before and after it
LARGEST_ATTACHMENT = 10 * 1024 * 1024  # bytes; mail servers refuse larger mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Who receives a report, and which personal data are masked. `name` is part of the report's id."""

    name: str
    privacy: Privacy
    to: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicy:
    """The mail server and the sender."""

    smtp_url: str = field(repr=False)
    sender: str


def report_id(kind: str, day: date, destination: str) -> str:
    """The id of a report, the same in every process."""
    return f"{kind}-{day.isoformat()}-{destination}"


async def publish(*, store: Store, objects: Objects, report: Report, content: bytes | None) -> Report:
    """Store a report: first its file (None on a day without failures), then its row. Raises ObjectsError."""
    if content is not None:
        key = f"reports/{report.kind}/{report.day}/{report.destination}.zip"
        stored = await objects.put(key, content)
        report = replace(report, object_key=key, bytes=stored.size, sha256=stored.sha256)
    async with store.write() as session:
        await reports.put(session, report)
        return await reports.get(session, report.id) or report


async def mail_once(
    *, store: Store, clock: Clock, report: Report, to: Sequence[str], message: EmailMessage, mail: MailPolicy
) -> bool:
    """Mail a report unless it was mailed; whether it was sent now.

    Raises MailError, and AwbridgeError while another process mails it. If killed after the server accepted the mail and
    before that is recorded, it is sent again after the lease, with the same Message-ID.
    """
    now = clock()
    async with store.write() as session:
        if not await reports.claim_mail(session, report.id, now=now, until=now + LEASE):
            known = await reports.get(session, report.id)
            if known and known.mailed_at:
                return False
            raise AwbridgeError(f"{report.id} is being mailed by another process")
    message["From"] = mail.sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<awbridge.{report.id}@{mail.sender.rpartition('@')[2].strip('> ') or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    try:
        await send_mail(mail.smtp_url, message)
    except MailError:
        async with store.write() as session:
            await reports.release_mail(session, report.id)
        raise
    async with store.write() as session:
        await reports.mailed(session, report.id, to=len(to), now=clock())
    return True
