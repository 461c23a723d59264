"""What track-order and updated-order return, in all the shapes seen. Pure."""

import random

from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.wire.codes import BUCKET_NAMES, NDR, NPR, description_of
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import polled, utc_naive, utc_z


def status_fields(scan: Scan) -> JsonObject:
    """The fields that every view of a scan shares, apart from its time."""
    return {
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "clickpost_status_code": scan.code,
        "clickpost_status_description": description_of(scan.code),
        "clickpost_status_bucket": scan.bucket,
        "clickpost_status_bucket_description": BUCKET_NAMES[scan.bucket],
    }


def tracked_scan(scan: Scan, stamp: str) -> JsonObject:
    """A scan as track-order lists it."""
    return {
        "timestamp": stamp,
        **status_fields(scan),
        "checkpoint_id": scan.checkpoint_id,
        "tracking_id": scan.tracking_id,
        "created_at": utc_naive(scan.created_at),
    }


def tracked(order: Order, dice: random.Random, *, bare_list: bool, waybill: str = "") -> object:
    """One waybill of track-order: an object, or for older accounts the bare list of scans, newest first."""
    asked = waybill or order.waybill
    own = [scan for scan in reversed(order.scans) if scan.waybill == asked]
    scans = [tracked_scan(scan, polled(scan.scanned_at, dice)) for scan in own]
    if bare_list:
        return scans
    latest = own[0] if own else None
    shown: object = None
    if latest:
        shown = {
            "timestamp": polled(latest.scanned_at, dice),
            **status_fields(latest),
            "reference_number": order.reference_number,
            "created_at": utc_naive(latest.created_at),
        }
    return {"latest_status": shown, "scans": scans, "valid": True, "additional": track_additional(order)}


def track_additional(order: Order) -> JsonObject:
    """`additional` of track-order, and of webhooks in its shape."""
    latest = order.latest
    ndr, npr = (latest.ndr_code, latest.npr_code) if latest else (None, None)
    return {
        "order_id": order.order_id,
        "courier_partner_id": order.cp_id,
        "courier_partner_edd": None,
        "account_code": order.account.account_code,
        "is_rvp": order.is_rvp,
        "ndr_status_code": ndr,
        "ndr_status_description": NDR.get(ndr) if ndr is not None else None,
        "npr_status_code": npr,
        "npr_status_description": NPR[npr] if npr is not None else None,
    }


def updated_row(order: Order, latest: Scan, dice: random.Random) -> JsonObject:
    """One shipment of updated-order: its latest status only."""
    row: JsonObject = {
        "waybill": latest.waybill,
        "courier_partner" if order.serial % 2 else "carrier_partner": order.cp_id,  # newer pages say carrier_partner
        "clickpost_status_code": latest.code,
        "clickpost_status_description": description_of(latest.code),
        "timestamp": polled(latest.scanned_at, dice),
        "status": latest.status,
        "remark": latest.remark,
        "location": latest.location,
        "clickpost_city": latest.city,
        "account_code": order.account.account_code,
        "reference_number": order.reference_number,
        "created_at": utc_z(order.placed_at),
        "updated_at": utc_z(order.updated_at),
    }
    if order.order_id is not None and dice.random() < 0.5:
        row["order_id"] = order.order_id
    return row
