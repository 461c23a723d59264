"""A shipment as rows of a table, as `awbridge shipments` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from awbridge.cli import output
from awbridge.cli.output import Form, Results
from awbridge.clickpost.wire.tracking_codes import ndr_name, status_info, status_name
from awbridge.domain.orders import cancellation
from awbridge.domain.privacy import without_people
from awbridge.domain.tracking.promise import is_unreadable

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.domain.orders.shipment import Piece, Shipment
    from awbridge.domain.tracking.pieces import PieceStatus
    from awbridge.steps.tracking.shipment_details import ReturnNews, ShipmentDetails
    from awbridge.store.tracking.scans import TimelineScan
    from awbridge.web.v1.views.shipments import ShipmentView

SHIPMENT = "shipments:ShipmentView"
LINKS = ("allocated_by", "replaces", "replaced_by", "waits_for")  # shown if set


def _summary(shipment: Shipment) -> dict[str, Any]:
    return {
        "reference_number": shipment.reference_number,
        "state": shipment.state.value,
        "AWB": shipment.waybill,
        "status": status_name(shipment.status_code, shipment.status_description),
        "retries": shipment.no_of_retries,
        "problem": "; ".join(filter(None, (shipment.problem, shipment.difference))) or None,
        "transporter": shipment.transporter,
        "created_at": shipment.created_at,
    }


def in_api(settings: Settings, shipments: Sequence[Shipment]) -> list[ShipmentView]:
    """Shipments as the API's lists show them."""
    from awbridge.steps.runtime.clock import utc_now
    from awbridge.web.v1.views.shipments import Viewing, shipment_view

    viewing = Viewing(limits=settings.stuck_after, now=utc_now(), links=settings.track_links)
    return [shipment_view(shipment, viewing) for shipment in shipments]


class ShipmentResults(Results):
    """What became of each shipment that a command changes."""

    def __init__(self, form: Form, settings: Settings) -> None:
        super().__init__(form, view=SHIPMENT)
        self._settings = settings

    def add(self, value: Shipment, line: str) -> None:
        """One is done. `line` says it in words."""
        super().add(value if self.is_text else in_api(self._settings, [value])[0], line)


def listed(shipment: Shipment) -> dict[str, Any]:
    """The summary for a list, without personal data in ClickPost's texts."""
    shown = _summary(shipment)
    return {**shown, "problem": without_people(shown["problem"], shipment.payload) if shown["problem"] else None}


def cancellation_rows(shipment: Shipment) -> dict[str, Any]:
    request = cancellation.of_shipment(shipment)
    if request is None:
        return {}
    retries = {"cancel_retries": request.no_of_retries, "cancel_next_try_at": request.next_try_at}
    return {"cancellation": request.state.value, **retries}


def whole_summary(shipment: Shipment, details: ShipmentDetails, track_url: str | None) -> dict[str, Any]:
    reached = {name: at for name, at in output.plain(details.milestones).items() if at}
    return {
        **_summary(shipment),
        **reached,
        "delivery_attempt_count": details.delivery_attempt_count,
        "EDD": f"{shipment.edd} (cannot be read as a date)" if is_unreadable(shipment.edd) else shipment.edd,
        "sla_breached": "yes" if details.sla_breached else "no",
        "stuck_since": details.stuck_since,
        **({"track_url": track_url} if track_url else {}),
        **({"AWB shared with": ", ".join(details.waybill_shared_with)} if details.waybill_shared_with else {}),
    }


def piece_rows(pieces: Sequence[Piece], statuses: Sequence[PieceStatus]) -> list[dict[str, Any]]:
    of_waybill = {s.waybill: s for s in statuses}
    return [_piece_row(number, piece, of_waybill[piece.waybill]) for number, piece in enumerate(pieces, 1)]


def _piece_row(number: int, piece: Piece, status: PieceStatus) -> dict[str, Any]:
    failure = status.failures[-1] if status.failures else None
    return {
        "piece": number,
        "waybill": piece.waybill,
        "status": status.name,
        "status_at": status.sighting.seen_at if status.sighting else None,
        "exception": status.exception,
        "NDR": failure.ndr_name if failure else "",
        "label_url": piece.label_url,
    }


def return_rows(returns: Sequence[ReturnNews]) -> list[dict[str, Any]]:
    return [
        {
            "at": news.at,
            "status": news.name,
            "return_reference_number": news.event.return_reference_number,
            "items": ", ".join(f"{item.get('quantity', 1)} x {item.get('sku', '?')}" for item in news.event.items),
            "self_shipped": {True: "yes", False: "no", None: ""}[news.event.self_shipped],
        }
        for news in returns
    ]


def scan_row(scan: TimelineScan, children: Sequence[str]) -> dict[str, Any]:
    """A row of the timeline, with the number of the piece if there are several."""
    piece = children.index(scan.waybill) + 1 if scan.waybill in children else ""
    return {
        "scanned_at": scan.scanned_at,
        **({"piece": piece} if children else {}),
        "status": status_info(scan.status_code, scan.description).name,
        "NDR": ndr_name(scan.ndr_code, scan.ndr_description),
        "remark": scan.remark,
        "location": scan.location,
    }
