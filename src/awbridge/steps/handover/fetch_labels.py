"""Fetch labels: from their links into the table, ahead of printing or when they are printed.

A link that has expired is replaced by the one that ClickPost gives now. Fetching a label again is harmless, so a worker
that is killed loses nothing but time.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.client.call_recorder import recorded_calls
from awbridge.clickpost.orders.labels import Label as LabelLink
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.handover.labels import LabelKey, StoredLabel, WantedLabel
from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.domain.orders.shipment import Piece, Shipment
from awbridge.domain.retry import delay_before_retry
from awbridge.sinks.label_files import FetchedLabel
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.steps.runtime.work import for_each, until_recorded
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.engine.database import Session
from awbridge.store.engine.pages import BEFORE_ALL
from awbridge.store.handover import labels, print_runs
from awbridge.store.orders import shipments, waybills

log = structlog.get_logger()

PRINTED_LATELY = timedelta(days=7)  # an account whose labels were printed here since then is fetched ahead
OVERLAP = timedelta(minutes=2)  # what was placed is committed later than it is dated
FIRST_LOOK = timedelta(days=1)
ACCOUNTS_HOLD = timedelta(minutes=1)  # the accounts that print here are looked up this often
PAGE = 200
NO_LINK = "ClickPost has no label of this shipment"


class FetchesFiles(Protocol):
    """Where label files come from."""

    async def fetch(self, url: str) -> FetchedLabel:
        """Fetch one label. Failures are results."""
        ...


class GivesLinks(Protocol):
    """The ClickPost call that gives the link of a label. Raises VendorError."""

    async def fetch_label(self, waybill: str, cp_id: int, regenerate: bool = False) -> LabelLink:
        """The label's link."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLabelsPolicy(LeasePolicy):
    """How labels are fetched. `patience`: how long a print run waits for labels that another process fetches."""

    batch: int = 32
    at_once: int = 16
    retry_delays: Sequence[float] = (10.0, 60.0, 600.0, 3600.0)
    ahead: LabelsAhead = LabelsAhead.AUTO
    patience: timedelta = timedelta(seconds=20)


class LabelFetcher:
    """Fetches labels. `clickpost`: None where no new links can be requested. `on_done` receives 1 after each."""

    def __init__(
        self,
        *,
        store: Store,
        files: FetchesFiles,
        clickpost: GivesLinks | None,
        clock: Clock,
        policy: FetchLabelsPolicy,
        on_done: OnDone = unwatched,
    ) -> None:
        self._store = store
        self._files = files
        self._clickpost = clickpost
        self._clock = clock
        self._policy = policy
        self._on_done = on_done
        self._looked_until: datetime | None = None
        self._accounts: list[str] = []
        self._accounts_until: datetime | None = None

    async def round(self) -> int:
        """Find labels to fetch ahead, then fetch one batch of due labels; how many were found or claimed."""
        found = await self._look_ahead()
        owner, now = uuid.uuid4().hex, self._clock()
        async with self._store.write() as session:
            claimed = await labels.claim(
                session, owner=owner, now=now, until=self._policy.begin(now).until, limit=self._policy.batch
            )
        await self._fetch(claimed)
        return found + len(claimed)

    async def fetch_now(self, wanted: Sequence[Shipment]) -> None:
        """Fetch the labels of these shipments, as far as they are not here; those that another process fetches are
        awaited for a while."""
        ends_at = asyncio.get_running_loop().time() + self._policy.patience.total_seconds()
        references = [shipment.reference_number for shipment in wanted]
        async with self._store.write() as session:
            now = self._clock()
            await labels.want(session, await wanted_labels(session, wanted), now=now)
            for reference in sorted(references):
                await labels.hurry(session, reference, now=now)
        while True:
            owner, now = uuid.uuid4().hex, self._clock()
            async with self._store.write() as session:
                claimed = await labels.claim_of(
                    session, references, owner=owner, now=now, until=self._policy.begin(now).until
                )
            await self._fetch(claimed)
            async with self._store.read() as session:
                known = await labels.of_shipments(session, references)
            elsewhere = [one for of_one in known.values() for one in of_one if one.lease_owner]
            if not elsewhere or asyncio.get_running_loop().time() >= ends_at:
                return
            await asyncio.sleep(0.2)

    async def _look_ahead(self) -> int:
        if self._policy.ahead is LabelsAhead.NEVER:
            return 0
        now = self._clock()
        accounts = None if self._policy.ahead is LabelsAhead.ALWAYS else await self._printing_accounts(now)
        if accounts == []:
            return 0
        since = self._looked_until or now - FIRST_LOOK
        async with self._store.read() as session:
            found = await labels.ahead(session, since=since, accounts=accounts, after=BEFORE_ALL, limit=PAGE)
            placed = await shipments.get_many(session, [reference for _, reference in found])
            wanted = await wanted_labels(session, placed)
        if wanted:
            async with self._store.write() as session:
                await labels.want(session, wanted, now=now)
        self._looked_until = found[-1][0] if len(found) == PAGE else now - OVERLAP
        return len(found)

    async def _printing_accounts(self, now: datetime) -> list[str]:
        if self._accounts_until is None or not now < self._accounts_until <= now + ACCOUNTS_HOLD:
            async with self._store.read() as session:
                self._accounts = await print_runs.accounts_since(session, now - PRINTED_LATELY)
            self._accounts_until = now + ACCOUNTS_HOLD
        return self._accounts

    async def _fetch(self, claimed: Sequence[StoredLabel]) -> None:
        if not claimed:
            return
        async with self._store.read() as session:
            found = await shipments.get_many(session, [label.key.reference_number for label in claimed])
        of = {shipment.reference_number: shipment for shipment in found}

        async def one(label: StoredLabel) -> None:
            await self._fetch_one(label, of.get(label.key.reference_number))

        await for_each(claimed, one, at_once=self._policy.at_once)

    async def _fetch_one(self, label: StoredLabel, shipment: Shipment | None) -> None:
        calls: list[Call] = []
        outcome = AttemptOutcome.DONE
        answer = await self._files.fetch(label.url) if label.url else FetchedLabel(problem=NO_LINK, expired=True)
        if answer.expired and shipment:
            with recorded_calls() as calls:
                link, answer, outcome = await self._new_link(label, shipment, answer)
            if link:
                label = replace(label, url=link, refreshed_at=self._clock())
                answer = await self._files.fetch(link)
        now = self._clock()
        decided = self._decided(label, answer, now)
        await until_recorded(lambda: self._record(decided, answer.content, calls, outcome, now))
        self._on_done(1)
        about = {"reference": label.key.reference_number, "piece": label.key.piece}
        if answer.content is None:
            log.warning("label.not_fetched", problem=answer.problem, again=decided.next_try_at is not None, **about)
        else:
            log.info("label.fetched", bytes=len(answer.content), **about)

    async def _new_link(
        self, label: StoredLabel, shipment: Shipment, answer: FetchedLabel
    ) -> tuple[str, FetchedLabel, AttemptOutcome]:
        """The link that ClickPost gives now, "" if none; the answer that says why; the call's outcome."""
        done = AttemptOutcome.DONE
        if self._clickpost is None or not label.waybill:
            return "", answer, done
        try:
            found = await self._clickpost.fetch_label(label.waybill, shipment.courier_partner_id)
        except VendorError as error:
            again = error.again or error.kind in ("throttled", "configuration")
            problem = f"{answer.problem}; ClickPost gave no new link: {error}"
            outcome = AttemptOutcome.TRY_LATER if again else AttemptOutcome.REFUSED
            return "", replace(answer, problem=problem, again=again), outcome
        except ValueError as error:
            return "", replace(answer, problem=f"{answer.problem}; {error}"), done
        is_new = found.url.lower().startswith(("https://", "http://")) and found.url != label.url
        return (found.url if is_new else ""), answer, done

    def _decided(self, label: StoredLabel, answer: FetchedLabel, now: datetime) -> StoredLabel:
        """The label's next state: unchanged where it was fetched."""
        if answer.content is not None:
            return label
        tries = label.tries + 1
        delay = delay_before_retry(self._policy.retry_delays, tries) if answer.again else None
        return replace(label, problem=answer.problem, tries=tries, next_try_at=now + delay if delay else None)

    async def _record(
        self, label: StoredLabel, content: bytes | None, calls: Sequence[Call], outcome: AttemptOutcome, now: datetime
    ) -> None:
        reference = label.key.reference_number
        new = [NewAttempt(call=call, reference_number=reference, outcome=outcome, made_at=now) for call in calls]
        async with self._store.write() as session:
            if await labels.record(session, label, content, now=now) and label.refreshed_at and label.key.piece == 0:
                await shipments.set_label(session, reference, label.url, now=now)
            await attempts.add(session, new)


async def wanted_labels(session: Session, placed: Sequence[Shipment]) -> list[WantedLabel]:
    """The labels of shipments: one for all pieces, or one for each where ClickPost gave each a link of its own."""
    of_pieces = {s.reference_number: await waybills.pieces(session, s) for s in placed if s.children}
    return [
        label
        for shipment in placed
        if shipment.waybill
        for label in _of_one(shipment, shipment.waybill, of_pieces.get(shipment.reference_number, ()))
    ]


def _of_one(shipment: Shipment, waybill: str, pieces: Sequence[Piece]) -> list[WantedLabel]:
    reference, found = shipment.reference_number, dict[str, WantedLabel]()
    if shipment.label_url:
        found[shipment.label_url] = WantedLabel(key=LabelKey(reference, 0), waybill=waybill, url=shipment.label_url)
    for number, piece in enumerate(pieces, 1):
        if piece.label_url and piece.label_url not in found:
            key = LabelKey(reference, number)
            found[piece.label_url] = WantedLabel(key=key, waybill=piece.waybill, url=piece.label_url)
    # Without any link, ClickPost is asked for one.
    return list(found.values()) or [WantedLabel(key=LabelKey(reference, 0), waybill=waybill, url="")]
