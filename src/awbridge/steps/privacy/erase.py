"""Erase: removes one person's data from every table, the archive and the reports, and records that it was done.

The scope is one shipment (by reference), or every shipment with a phone number in its payload. A shipment that has not
ended still needs its address; it is left, and checked again every day until it ends. Payloads are erased last, so that
an interrupted run finds its shipments again.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections import Counter
from datetime import date, timedelta

import structlog

from awbridge.domain.errors import NotValid, ObjectsError
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.privacy import Eraser, PersonalKind, digits_of, masked, pseudonym
from awbridge.sinks.objects import Objects
from awbridge.steps.privacy.redaction import (
    ErasureScope,
    concerns,
    json_differs,
    phones_in,
    redacted_lines,
    redacted_zip,
)
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import RENEWED, LeaseLost, renewed
from awbridge.store import Store
from awbridge.store.audit import archive, attempts, reports
from awbridge.store.handover import labels
from awbridge.store.people import audit_log
from awbridge.store.privacy import erasures, personal, retention
from awbridge.store.privacy.erasures import Erasure
from awbridge.store.privacy.personal import CallTexts, ParcelTexts

log = structlog.get_logger()

AGAIN = timedelta(minutes=5)  # after object storage was unavailable
DAILY = timedelta(days=1)  # while a shipment has not ended
BATCH = 100  # rows changed in one transaction
SHORTEST_PHONE = 8  # digits


async def ask_erasure(
    *, store: Store, clock: Clock, phone: str | None = None, reference: str | None = None, key: str = ""
) -> Erasure:
    """Store a request for erasure, which the erase step carries out. Raises NotValid if the phone is too short."""
    kind, subject = read_subject(phone, reference)
    shown = subject
    if kind == "phone":
        shown = pseudonym(PersonalKind.PHONE, subject, key) if key else masked(PersonalKind.PHONE, subject)
    async with store.write() as session:
        number = await erasures.add(session, kind=kind, subject=subject, pseudonym=shown, now=clock())
        asked = await erasures.get(session, number)
        await audit_log.record(session, AuditAction.ERASURE_REQUESTED, shown, after={"by": kind}, now=clock())
    assert asked
    return asked


def read_subject(phone: str | None, reference: str | None) -> tuple[str, str]:
    """(phone or reference, the digits or the reference number). Raises NotValid if the phone is too short."""
    if phone is not None:
        digits = digits_of(phone)
        if len(digits) < SHORTEST_PHONE:
            raise NotValid(f"a phone number has at least {SHORTEST_PHONE} digits")
        return "phone", digits
    if reference:
        return "reference", reference
    raise NotValid("say whose data are to be erased: a phone, or a reference number")


async def erase_due(*, store: Store, objects: Objects | None, reports_in: Objects, clock: Clock) -> int:
    """Carry out one due erasure; how many were claimed. `objects` is the archive, if there is one."""
    now = clock()
    async with store.write() as session:
        erasure = await erasures.claim(session, now=now, until=now + RENEWED)
    if erasure is None:
        return 0
    counts: Counter[str] = Counter(erasure.counts)
    until = now + RENEWED

    async def renew() -> bool:
        nonlocal until
        later = clock() + RENEWED
        async with store.write() as session:
            is_ours = await erasures.renew(session, erasure.id, leased_until=until, until=later)
        until = later
        return is_ours

    try:
        async with renewed(renew):
            waiting = await _erase(store, objects, reports_in, clock, erasure, counts)
    except LeaseLost:
        log.warning("lease.lost", work=f"erasure {erasure.id}")
        return 1
    except ObjectsError as error:
        log.warning("erasure.not_finished", erasure=erasure.id, problem=str(error))
        async with store.write() as session:
            await erasures.later(session, erasure.id, at=clock() + AGAIN, counts=counts, problem=str(error))
        return 1
    async with store.write() as session:
        if waiting:
            problem = f"{waiting} shipments have not ended yet; checked again every day"
            await erasures.later(session, erasure.id, at=clock() + DAILY, counts=counts, problem=problem)
        else:
            await erasures.done(session, erasure.id, counts=counts, now=clock())
    log.info("erasure.done" if not waiting else "erasure.delayed", erasure=erasure.id, **counts)
    return 1


async def _erase(
    store: Store, objects: Objects | None, reports_in: Objects, clock: Clock, erasure: Erasure, counts: Counter[str]
) -> int:
    """Erase what can be erased; how many shipments have not ended."""
    scope, waiting = await find_scope(store, erasure.kind, erasure.subject or "")
    for parcel in scope.parcels:
        eraser = _eraser_for(parcel)
        counts["attempts"] += await _of_calls(store, parcel, eraser)
        async with store.write() as session:
            counts["scans"] += await personal.strip_scans(session, parcel.reference_number, eraser)
            counts["notices"] += await personal.strip_notices(session, parcel.reference_number, eraser)
            counts["labels"] += await labels.drop_of(session, parcel.reference_number)
        counts["events"] += await _of_events(store, parcel, eraser)
        async with store.write() as session:  # separate: the delivery step locks the endpoint before its deliveries
            counts["endpoints"] += await personal.strip_endpoints(session, eraser)
            counts["alarms"] += await personal.strip_alarms(session, eraser)
    counts["attempts"] += await _of_unnamed_calls(store, scope)
    counts["actions"] += await _of_actions_alone(store, scope, clock)
    counts["inbox"] += await _of_inbox(store, scope)
    if objects:
        counts["archive_files"] += await _of_archive(store, objects, scope)
    counts["reports"] += await _of_reports(store, reports_in, scope)
    for parcel in scope.parcels:
        eraser = _eraser_for(parcel)
        payload, problem = eraser.body(parcel.payload), parcel.problem and eraser.text(parcel.problem)
        async with store.write() as session:
            await retention.set_payload(
                session, parcel.shard, parcel.reference_number, payload=payload, problem=problem, now=clock()
            )
            counts["payload_versions"] += await personal.strip_versions(session, parcel.reference_number, eraser)
            counts["actions"] += await personal.strip_actions(session, parcel.reference_number, eraser)
            counts["customer_answers"] += await personal.strip_answers(session, parcel.reference_number, eraser)
    counts["shipments"] += len(scope.parcels)
    return len(waiting)


def _eraser_for(*parcels: ParcelTexts) -> Eraser:
    """An eraser that recognizes the values of these shipments' payloads and actions in other texts."""
    eraser = Eraser()
    for parcel in parcels:
        for body in (parcel.payload, *parcel.more):
            eraser.body(body)
    return eraser


async def find_scope(store: Store, kind: str, subject: str) -> tuple[ErasureScope, tuple[str, ...]]:
    """(the scope, the reference numbers of this person's shipments that have not ended)."""
    found: list[ParcelTexts] = []
    if kind == "phone":
        found = await _with_phone(store, subject)
    else:
        async with store.read() as session:
            one = await personal.parcel(session, subject)
        found += [one] if one else []
    ended = tuple([await _with_more(store, parcel) for parcel in found if parcel.ended])
    names = frozenset(name for parcel in ended for name in parcel.names)
    names |= frozenset([subject]) if kind == "reference" and not found else frozenset()
    digits = subject if kind == "phone" else ""
    left = tuple(parcel.reference_number for parcel in found if not parcel.ended)
    return ErasureScope(parcels=ended, names=names, digits=digits), left


async def _with_phone(store: Store, digits: str) -> list[ParcelTexts]:
    """Every shipment with this phone in its payload, an earlier payload, an action, or an answer."""
    found = {p.reference_number: p async for p in personal.parcels(store) if digits in phones_in(json.loads(p.payload))}
    async for reference, body in personal.more_bodies(store):
        if reference not in found and digits in phones_in(json.loads(body)):
            async with store.read() as session:
                parcel = await personal.parcel(session, reference)
            found |= {reference: parcel} if parcel else {}
    return list(found.values())


async def _with_more(store: Store, parcel: ParcelTexts) -> ParcelTexts:
    async with store.read() as session:
        return dataclasses.replace(parcel, more=await personal.more_of(session, parcel.reference_number))


async def _of_calls(store: Store, parcel: ParcelTexts, eraser: Eraser) -> int:
    async with store.read() as session:
        found = await personal.calls_of(session, parcel.reference_number)
    return await _write_calls(store, [(call, _erased(call, eraser)) for call in found])


async def _of_events(store: Store, parcel: ParcelTexts, eraser: Eraser) -> int:
    """The events are found before the transactions, which stay short however many there are."""
    changed, ids = 0, await personal.events_of(store, parcel.reference_number)
    for start in range(0, len(ids), BATCH):
        async with store.write() as session:
            some = ids[start : start + BATCH]
            changed += await personal.strip_events(session, parcel.reference_number, some, eraser)
    return changed


async def _of_unnamed_calls(store: Store, scope: ErasureScope) -> int:
    changed = 0
    async for call in personal.unnamed_calls(store):
        if concerns(scope, call.request) or concerns(scope, call.response):
            changed += await _write_calls(store, [(call, _erased(call, Eraser()))])
    return changed


async def _of_actions_alone(store: Store, scope: ErasureScope, clock: Clock) -> int:
    changed = 0
    async for action in personal.actions_alone(store, before=clock()):
        if (action.reference_number or "") in scope.names or concerns(scope, action.body):
            async with store.write() as session:
                changed += await personal.strip_action(session, action, Eraser())
    return changed


def _erased(call: CallTexts, eraser: Eraser) -> CallTexts:
    request = eraser.body(call.request)
    return dataclasses.replace(
        call,
        request=request,
        response=eraser.body(call.response),
        url=eraser.text(call.url),
        error=eraser.text(call.error),
    )


async def _write_calls(store: Store, pairs: list[tuple[CallTexts, CallTexts]]) -> int:
    changed = [after for before, after in pairs if after != before]
    for start in range(0, len(changed), BATCH):
        async with store.write() as session:
            for call in changed[start : start + BATCH]:
                await personal.set_call(session, call)
    return len(changed)


async def _of_inbox(store: Store, scope: ErasureScope) -> int:
    changed = 0
    async for shard, delivery, body in personal.deliveries(store):
        text = body.decode("utf-8", "replace")
        if not concerns(scope, text):
            continue
        erased = _eraser_for(*scope.parcels).body(text).encode()
        if json_differs(erased, body):
            async with store.write() as session:
                await personal.set_body(session, shard, delivery, erased)
            changed += 1
    return changed


async def _of_archive(store: Store, objects: Objects, scope: ErasureScope) -> int:
    changed = 0
    for file in await archive.every(store):
        if file.archived_at is None and await _holds(store, file.id, scope):
            raise ObjectsError(f"{file.object_key} is being uploaded")  # perhaps with calls read before this erasure
        content = await objects.get(file.object_key) if file.archived_at and not file.emptied_at else None
        erased = content and redacted_lines(gzip.decompress(content), scope)
        if erased:
            stored = await objects.put(file.object_key, gzip.compress(erased, mtime=0))
            async with store.write() as session:
                await archive.rewritten(session, file.id, size=stored.size, sha256=stored.sha256)
            changed += 1
    return changed


async def _holds(store: Store, file: int, scope: ErasureScope) -> bool:
    async with store.read() as session:
        return any(call.reference_number in scope.references for call in await attempts.of_file(session, file))


async def _of_reports(store: Store, objects: Objects, scope: ErasureScope) -> int:
    changed = 0
    async with store.read() as session:
        every = await reports.newest(session, limit=100_000)
    for report in every:
        content = await objects.get(report.object_key) if report.object_key else None
        erased = content and redacted_zip(content, date.fromisoformat(report.day), scope)
        if erased and report.object_key:
            stored = await objects.put(report.object_key, erased)
            async with store.write() as session:
                await reports.put(session, dataclasses.replace(report, bytes=stored.size, sha256=stored.sha256))
            changed += 1
    return changed
