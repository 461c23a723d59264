"""Prints labels: many shipments on one PDF, with the reason for each that is not on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from awbridge.documents.making import DocumentMaker
from awbridge.domain.errors import FieldProblem, NotFound, NotPossible, PayloadRefused
from awbridge.domain.handover.labels import LabelKey, Layout, StoredLabel
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.handover import labels, print_runs
from awbridge.store.handover.print_runs import PrintLine, PrintRun
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log

log = structlog.get_logger()


class FetchesLabels(Protocol):
    """Fetches labels that are not here yet."""

    async def fetch_now(self, wanted: Sequence[Shipment]) -> None:
        """Fetch the labels of these shipments."""
        ...


class OnlyStored:
    """Fetches nothing: for a process that calls neither ClickPost nor its storage."""

    async def fetch_now(self, wanted: Sequence[Shipment]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyLabels:
    """The labels of one shipment that are here. `problem`: why it cannot be printed; "" if it can.

    `missing`: pieces whose label is not here although others are; `shipment` is None if there is none of that name.
    """

    reference_number: str
    shipment: Shipment | None
    keys: tuple[LabelKey, ...] = ()
    problem: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A print run with its lines and its PDF, b"" if no label could be printed."""

    run: PrintRun
    lines: Sequence[PrintLine]
    pdf: bytes = field(repr=False)


async def prepare(*, store: Store, fetcher: FetchesLabels, references: Sequence[str]) -> list[ReadyLabels]:
    """Fetch the labels of shipments that are not here yet; the state of each, in the given order.

    Raises PayloadRefused for more than 500 at once.
    """
    wanted = list(dict.fromkeys(references))
    if len(wanted) > MOST_AT_ONCE:
        raise PayloadRefused([FieldProblem("reference_numbers", f"at most {MOST_AT_ONCE} at once")])
    async with store.read() as session:
        found = {s.reference_number: s for s in await shipments.get_many(session, wanted)}
    possible = [s for s in found.values() if not _obstacle(s)]
    if possible:
        await fetcher.fetch_now(possible)
    async with store.read() as session:
        known = await labels.of_shipments(session, [s.reference_number for s in possible])
    return [_ready(reference, found.get(reference), known.get(reference, ())) for reference in wanted]


def _obstacle(shipment: Shipment) -> str:
    if shipment.state is State.CANCELLED:
        return "it is cancelled"
    if shipment.cancel_requested_at is not None:
        return "its cancellation is requested"
    if shipment.final:
        return "its journey has ended"  # its label may have been erased, and is not to come back
    if not shipment.success or not shipment.waybill:
        return f"it is not placed yet ({shipment.state.value.replace('_', ' ')})"
    return ""


def _ready(reference: str, shipment: Shipment | None, known: Sequence[StoredLabel]) -> ReadyLabels:
    if shipment is None:
        return ReadyLabels(reference_number=reference, shipment=None, problem="there is no such shipment")
    here = tuple(label.key for label in known if label.size is not None)
    missing = [label for label in known if label.size is None]
    ready = ReadyLabels(reference_number=reference, shipment=shipment, keys=here)
    if obstacle := _obstacle(shipment):
        return replace(ready, keys=(), problem=obstacle)
    why = missing[0].problem or "it is still being fetched: try again in a moment" if missing else ""
    if not here:
        return replace(ready, problem=why or "its label is not here yet: try again in a moment")
    return replace(ready, missing=f"{len(missing)} of its pieces have no label ({why})" if missing else "")


async def print_labels(
    *,
    store: Store,
    fetcher: FetchesLabels,
    documents: DocumentMaker,
    clock: Clock,
    references: Sequence[str],
    layout: Layout,
    by: str,
) -> Printed:
    """Merge the labels of shipments into one PDF and mark them as printed; the run says what became of each.

    Raises PayloadRefused for none or more than 500, DocumentError.
    """
    if not references:
        raise PayloadRefused([FieldProblem("reference_numbers", "name at least one shipment")])
    ready = await prepare(store=store, fetcher=fetcher, references=references)
    pdf, lines = await _merged(store, documents, ready, layout)
    accounts = {one.reference_number: one.shipment.account for one in ready if one.shipment}
    async with store.write() as session:
        run = await print_runs.add(session, layout, lines, accounts=accounts, by=by, now=clock())
        after = {"shipments": run.shipments, "problems": run.problems}
        await audit_log.record(session, AuditAction.LABELS_PRINTED, run.id, after=after, now=clock())
    log.info("labels.printed", run=run.id, shipments=run.shipments, problems=run.problems, by=by)
    return Printed(run=run, lines=lines, pdf=pdf)


async def print_again(*, store: Store, fetcher: FetchesLabels, documents: DocumentMaker, run_id: int) -> Printed:
    """The PDF of a print run, made again from its labels. Raises NotFound, NotPossible where no label is left."""
    async with store.read() as session:
        run = await print_runs.get(session, run_id) if 0 < run_id < 2**63 else None
        lines = await print_runs.lines(session, run_id) if run else []
    if run is None:
        raise NotFound(f"there is no print run {run_id}")
    printed = [line.reference_number for line in lines if line.problem is None]
    ready = await prepare(store=store, fetcher=fetcher, references=printed)
    pdf, now = await _merged(store, documents, ready, run.layout)
    if not pdf:
        why = next((line.problem for line in (*now, *lines) if line.problem), "none was printed")
        raise NotPossible(f"print run {run_id} has no labels: {why}")
    return Printed(run=run, lines=lines, pdf=pdf)


async def label_file(
    *,
    store: Store,
    fetcher: FetchesLabels,
    documents: DocumentMaker,
    reference_number: str,
    piece: int | None = None,
) -> bytes:
    """The label of one shipment as a PDF, as it came; several labels on pages of 4 x 6 inches.

    `piece`: only the label of this piece, from 1. Raises NotFound, NotPossible with the problem.
    """
    (ready,) = await prepare(store=store, fetcher=fetcher, references=[reference_number])
    if ready.shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    if ready.problem:
        raise NotPossible(f"{reference_number} has no label to print: {ready.problem}")
    async with store.read() as session:
        contents = await labels.contents(session, [reference_number])
    if piece is not None:
        contents = {key: content for key, content in contents.items() if key.piece == piece}
    if not contents:
        raise NotPossible(f"{reference_number} has no label of its own for piece {piece}")
    if len(contents) == 1:
        return next(iter(contents.values()))
    merged = await documents.labels([contents[key] for key in ready.keys if key in contents], Layout.LABEL)
    return merged.pdf


async def _merged(
    store: Store, documents: DocumentMaker, ready: Sequence[ReadyLabels], layout: Layout
) -> tuple[bytes, list[PrintLine]]:
    """The PDF, and a line for each shipment."""
    printable = [one.reference_number for one in ready if not one.problem]
    async with store.read() as session:
        contents = await labels.contents(session, printable)
    keys = [key for one in ready if not one.problem for key in one.keys if key in contents]
    merged = await documents.labels([contents[key] for key in keys], layout) if keys else None
    results = dict(zip(keys, merged.labels, strict=True)) if merged else {}
    lines: list[PrintLine] = []
    for one in ready:
        of_one = [results[key] for key in one.keys if key in results]
        broken = next((result.problem for result in of_one if result.problem), "")
        is_there = any(result.pages for result in of_one)
        problem = one.problem or ("" if is_there else broken or "its label is not here any more: try again")
        warnings = [one.missing, broken if is_there else "", *(result.warning for result in of_one)]
        warning = "; ".join(text for text in warnings if text)
        lines.append(PrintLine(reference_number=one.reference_number, problem=problem or None, warning=warning or None))
    return (merged.pdf if merged else b""), lines
