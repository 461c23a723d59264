"""Hand-over manifests: makes them once, prints them any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog

from awbridge.clickpost.orders.handover import hand_over_facts
from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES
from awbridge.documents.making import DocumentMaker
from awbridge.domain.errors import FieldProblem, NotFound, NotPossible, PayloadRefused
from awbridge.domain.handover.manifests import Manifest, ManifestLine, PrintedLine, PrintedManifest
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.handover import manifests, parcels
from awbridge.store.handover.parcels import HandOverState
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeManifest:
    """A new manifest, and the shipments that are not on it with the reason for each."""

    manifest: Manifest
    lines: Sequence[ManifestLine]
    left_out: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedParcel:
    """A line of a manifest with its shipment; None where that is no longer stored."""

    line: ManifestLine
    shipment: Shipment | None = field(repr=False)


def why_not_on_manifest(shipment: Shipment | None, state: HandOverState, account: str) -> str:
    """Why a shipment cannot be on a new manifest of an account; "" if it can."""
    if shipment is None:
        return "there is no such shipment"
    if state.manifest is not None:
        return f"it is on manifest {state.manifest}"
    if shipment.state is State.CANCELLED or shipment.cancel_requested_at is not None:
        return "it is cancelled, or its cancellation is requested"
    if not shipment.success or not shipment.waybill:
        return f"it is not placed yet ({shipment.state.value.replace('_', ' ')})"
    if shipment.account != account:
        return f"it is with another courier account ({shipment.account})"
    return ""


async def make_manifest(
    *,
    store: Store,
    clock: Clock,
    account: str,
    references: Sequence[str],
    by: str,
) -> MadeManifest:
    """Make the next manifest of a courier account, of these shipments. A shipment is on one manifest at most.

    Raises PayloadRefused for none or more than 500, NotPossible where none of them can be on it.
    """
    wanted = list(dict.fromkeys(references))
    if not wanted or len(wanted) > MOST_AT_ONCE:
        raise PayloadRefused([FieldProblem("reference_numbers", f"name 1 to {MOST_AT_ONCE} shipments")])
    async with store.write() as session:
        found = {s.reference_number: s for s in await shipments.get_many(session, wanted)}
        states = await parcels.states_of(session, wanted)
        reasons = {name: why_not_on_manifest(found.get(name), states[name], account) for name in wanted}
        fit = [found[name] for name in wanted if not reasons[name]]
        if not fit:
            raise NotPossible(f"no shipment for a manifest: {wanted[0]}: {reasons[wanted[0]]}")
        first = fit[0]
        number = await manifests.begin(session, first.courier_partner_id, first.account_code, by=by, now=clock())
        added = await manifests.add_lines(session, number, [_line(s, place) for place, s in enumerate(fit, 1)])
        if not added:
            raise NotPossible("these shipments were put on another manifest at this moment")
        made = await manifests.get(session, number)
        after = {"account": account, "parcels": len(added)}
        await audit_log.record(session, AuditAction.MANIFEST_MADE, number, after=after, now=clock())
    assert made is not None
    on_it = {line.reference_number for line in added}
    left_out = [(name, reasons[name] or "it was put on another manifest") for name in wanted if name not in on_it]
    log.info("manifest.made", manifest=number, account=account, parcels=made.parcels, by=by)
    return MadeManifest(manifest=made, lines=added, left_out=left_out)


def _line(shipment: Shipment, position: int) -> ManifestLine:
    return ManifestLine(
        position=position,
        reference_number=shipment.reference_number,
        waybill=shipment.waybill or "",
        pieces=max(1, len(shipment.children)),
        cod=hand_over_facts(shipment).cod,
    )


async def show_manifest(*, store: Store, number: int) -> tuple[Manifest, list[ListedParcel]]:
    """A manifest and its parcels. Raises NotFound."""
    async with store.read() as session:
        manifest = await manifests.get(session, number)
        if manifest is None:
            raise NotFound(f"there is no manifest {number}")
        lines = await manifests.lines(session, number)
        found = await shipments.get_many(session, [line.reference_number for line in lines])
    of = {shipment.reference_number: shipment for shipment in found}
    return manifest, [ListedParcel(line=line, shipment=of.get(line.reference_number)) for line in lines]


async def print_manifest(*, store: Store, documents: DocumentMaker, zone: ZoneInfo, number: int) -> bytes:
    """A manifest as a PDF. Names are those that the shipments hold now. Raises NotFound, DocumentError."""
    manifest, listed = await show_manifest(store=store, number=number)
    name = COURIER_NAMES.get(manifest.courier_partner_id, f"courier {manifest.courier_partner_id}")
    printed = PrintedManifest(
        manifest=manifest,
        courier=f"{name} · {manifest.account_code}" if manifest.account_code else name,
        created_at=f"{manifest.created_at.astimezone(zone):%d %b %Y, %H:%M}",
        lines=[_printed(one) for one in listed],
    )
    return await documents.manifest(printed)


def _printed(one: ListedParcel) -> PrintedLine:
    if one.shipment is None:
        return PrintedLine(line=one.line, order_id="", consignee="", place="", weight="")
    facts = hand_over_facts(one.shipment)
    return PrintedLine(
        line=one.line,
        order_id=one.shipment.order_id or "",
        consignee=facts.consignee,
        place=facts.place,
        weight=facts.weight,
    )
