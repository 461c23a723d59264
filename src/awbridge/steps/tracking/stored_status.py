"""The tracking status in a shipment's row, as it was stored."""

from __future__ import annotations

from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.store.tracking.tracking_status import TrackingStatus


def stored_sighting(shipment: Tracked) -> Sighting | None:
    """The sighting in the shipment's row; None before the first."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    return Sighting(
        seen_at=shipment.status_at, final=shipment.final, step=shipment.status_step, code=shipment.status_code
    )


def stored_tracking_status(shipment: Tracked) -> TrackingStatus:
    """The tracking status in the shipment's row."""
    return TrackingStatus(
        sighting=stored_sighting(shipment),
        bucket=shipment.status_bucket,
        edd=shipment.edd,
        ndr_code=shipment.ndr_code,
        npr_code=shipment.npr_code,
        status_description=shipment.status_description,
        ndr_description=shipment.ndr_description,
        piece_exception_at=shipment.piece_exception_at,
        edd_due_at=shipment.edd_due_at,
        ndr_at=shipment.ndr_at,
        forward_waybill=shipment.forward_waybill,
        forward_reference_number=shipment.forward_reference_number,
    )
