"""The responses of track-order and updated-order in all observed shapes. Pure."""

import random

from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.wire.codes import BUCKET_NAMES, NDR_REASONS, NPR_REASONS, description_of
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import poll_timestamp, utc_naive, utc_z


def status_fields(scan: SimulatedScan) -> JsonObject:
    """The fields of a scan that every response and webhook contains, without its time."""
    return {
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "clickpost_status_code": scan.code,
        "clickpost_status_description": description_of(scan.code),
        "clickpost_status_bucket": scan.bucket,
        "clickpost_status_bucket_description": BUCKET_NAMES[scan.bucket],
    }


def tracked_scan(scan: SimulatedScan, timestamp: str) -> JsonObject:
    return {
        "timestamp": timestamp,
        **status_fields(scan),
        "checkpoint_id": scan.checkpoint_id,
        "tracking_id": scan.tracking_id,
        "created_at": utc_naive(scan.created_at),
    }


def tracked(order: SimulatedOrder, rng: random.Random, *, waybill: str, list_only: bool = False) -> object:
    """One waybill in track-order: an object, or the list of scans (`list_only`) for older accounts. Newest first."""
    own = [scan for scan in reversed(order.scans) if scan.waybill == waybill]
    scans = [tracked_scan(scan, poll_timestamp(scan.scanned_at, rng)) for scan in own]
    if list_only:
        return scans
    latest = own[0] if own else None
    latest_status: object = None
    if latest:
        latest_status = {
            "timestamp": poll_timestamp(latest.scanned_at, rng),
            **status_fields(latest),
            "reference_number": order.reference_number,
            "created_at": utc_naive(latest.created_at),
        }
    return {"latest_status": latest_status, "scans": scans, "valid": True, "additional": track_additional(order)}


def track_additional(order: SimulatedOrder) -> JsonObject:
    """`additional` in track-order, and in webhooks of that shape."""
    return {
        "order_id": order.order_id,
        "courier_partner_id": order.cp_id,
        "courier_partner_edd": None,
        "account_code": order.account.account_code,
        "is_rvp": order.is_rvp,
        **reason_fields(order.latest),
    }


def reason_fields(scan: SimulatedScan | None) -> JsonObject:
    """Why a delivery (NDR) or pickup (NPR) failed at this scan, as codes and descriptions."""
    ndr, npr = (scan.ndr_code, scan.npr_code) if scan else (None, None)
    return {
        "ndr_status_code": ndr,
        "ndr_status_description": NDR_REASONS.get(ndr or 0),
        "npr_status_code": npr,
        "npr_status_description": NPR_REASONS.get(npr or 0),
    }


def updated_row(order: SimulatedOrder, latest: SimulatedScan, rng: random.Random) -> JsonObject:
    """One shipment in updated-order, with its latest status only."""
    row: JsonObject = {
        "waybill": latest.waybill,
        "courier_partner" if order.serial % 2 else "carrier_partner": order.cp_id,  # newer pages say carrier_partner
        "clickpost_status_code": latest.code,
        "clickpost_status_description": description_of(latest.code),
        "timestamp": poll_timestamp(latest.scanned_at, rng),
        "status": latest.status,
        "remark": latest.remark,
        "location": latest.location,
        "clickpost_city": latest.city,
        "account_code": order.account.account_code,
        "reference_number": order.reference_number,
        "created_at": utc_z(order.placed_at),
        "updated_at": utc_z(order.updated_at),
    }
    if order.order_id is not None and rng.random() < 0.5:
        row["order_id"] = order.order_id
    return row
