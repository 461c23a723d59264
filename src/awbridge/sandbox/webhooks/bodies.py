"""Webhook bodies in every shape that ClickPost is known to send. Pure: scan, order and dice in, JSON out."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from awbridge.sandbox.config import SandboxConfig, Variant
from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.tracking.responses import status_fields, track_additional, tracked_scan
from awbridge.sandbox.wire.codes import EVENT_OF_CODE, NDR, NPR, RTO, description_of
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object
from awbridge.sandbox.wire.timestamps import promised, pushed

OLD_FIELDS: Final = ("cp_id", "account_code", "clickpost_city", "additional.order_id", "additional.latest_status")
"""What older bodies may lack."""
_OLDER_BY: Final = (3600, 6 * 3600, 30 * 3600, 3 * 86400)
"""Seconds by which latest_time_stamp may lie before the scan that latest_status tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one webhook tells: this scan, and where the shipment stands now."""

    order: Order
    scan: Scan
    latest: Scan
    dice: random.Random
    config: SandboxConfig


def draw_variant(view: View) -> Variant:
    """A shape that fits the scan, by the weights of the configuration."""
    if view.order.is_rvp and view.dice.random() < 0.5:
        return "returns"
    weights = view.config.webhook_variants
    variant = view.dice.choices(tuple(weights), tuple(weights.values()))[0]
    if variant == "track_order" and view.scan.waybill != view.order.waybill:
        return "all_statuses"  # that shape names no waybill, and is the shipment's
    if variant.startswith("selected_events") and view.scan.code not in EVENT_OF_CODE:
        return "all_statuses"
    return variant


def body(view: View, variant: Variant) -> JsonObject:
    """The JSON of one webhook, with odd values, missing locations and older words by the configured shares."""
    built, dice = _BUILDERS[variant](view), view.dice
    built = _loosened(built, dice) if dice.random() < view.config.odd_values else built
    if view.scan is view.latest and dice.random() < view.config.missing_locations:
        _tell_once_without_location(built, dice)
    if "latest_time_stamp" in built and dice.random() < view.config.older_time_stamps:
        built["latest_time_stamp"] = pushed(view.latest.scanned_at - dice.choice(_OLDER_BY), dice)
    return built


def _tell_once_without_location(built: JsonObject, dice: random.Random) -> None:
    """Of a scan that a body tells twice (outside or among `scans`, and as latest_status), one has no location."""
    additional = as_object(built["additional"]) or {}
    latest = as_object(built.get("latest_status") or additional.get("latest_status"))
    listed = as_items(built.get("scans"))
    other = as_object(listed[0]) if listed else built
    if latest is None or other is None:
        return
    bare = dice.choice((latest, other))
    if dice.random() < 0.5:
        bare.pop("location", None)
    else:
        bare["location"] = dice.choice((None, ""))


def _all_statuses(view: View) -> JsonObject:
    scan, order, dice = view.scan, view.order, view.dice
    built: JsonObject = {
        "waybill": scan.waybill,
        "cp_id": scan.cp_id,
        "account_code": order.account.account_code,
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "timestamp": pushed(scan.scanned_at, dice),
        "clickpost_status_code": scan.code,
        "clickpost_status_description": description_of(scan.code),
        "clickpost_city": scan.city,
        "additional": _additional(view),
    }
    if scan.code in RTO:
        built["rto_awb"] = dice.choice((None, f"R{scan.waybill}"))
    if dice.random() < view.config.order_status_ids:
        built["order_status_id"] = scan.order_status_id
    if dice.random() < 0.2:
        built["latest_time_stamp"] = pushed(view.latest.scanned_at, dice)
    return built


def _additional(view: View) -> JsonObject:
    ndr, npr = view.scan.ndr_code, view.scan.npr_code
    return {
        "latest_status": _latest_status(view),
        "order_id": view.order.order_id,
        "account_code": view.order.account.account_code,
        "is_rvp": view.order.is_rvp,
        "courier_partner_edd": view.dice.choice((None, "", *promised(view.scan.scanned_at + 3 * 86400))),
        "destination_hub_inscan_ts": None,
        "ndr_status_code": ndr,
        "ndr_status_description": NDR.get(ndr, "") if ndr is not None else None,
        "npr_status_code": npr,
        "npr_status_description": NPR[npr] if npr is not None else None,
    }


def _latest_status(view: View) -> JsonObject:
    return {
        "timestamp": pushed(view.latest.scanned_at, view.dice),
        **status_fields(view.latest),
        "reference_number": view.order.reference_number,
        "clickpost_city": view.latest.city,
    }


def _older(view: View) -> JsonObject:
    built = _all_statuses(view)
    additional = as_object(built["additional"]) or {}
    for name in view.dice.sample(OLD_FIELDS, view.dice.randint(1, len(OLD_FIELDS))):
        if name.startswith("additional."):
            del additional[name.removeprefix("additional.")]
        else:
            del built[name]
    return built


def _selected_events(view: View) -> JsonObject:
    built = _all_statuses(view)
    additional = as_object(built["additional"]) or {}
    additional["notification_event_id"] = EVENT_OF_CODE.get(view.scan.code)
    return built


def _selected_events_top(view: View) -> JsonObject:
    return {**_all_statuses(view), "notification_event_id": EVENT_OF_CODE.get(view.scan.code)}


def _track_order(view: View) -> JsonObject:
    """No waybill: the shipment is found by order_id or reference_number."""
    known = [scan for scan in view.order.scans[: view.latest.index + 1] if scan.waybill == view.order.waybill]
    return {
        "latest_status": _latest_status(view),
        "scans": [tracked_scan(scan, pushed(scan.scanned_at, view.dice)) for scan in reversed(known)],
        "valid": True,
        "additional": {**track_additional(view.order), "reference_number": view.order.reference_number},
    }


def _returns(view: View) -> JsonObject:
    built = _all_statuses(view)
    additional = as_object(built["additional"]) or {}
    additional["is_rvp"] = True
    additional["forward_awb"] = f"F{view.order.waybill}"
    additional["forward_reference_number"] = f"{view.order.reference_number}-FWD"
    return built


_BUILDERS: Final[Mapping[Variant, Callable[[View], JsonObject]]] = {
    "all_statuses": _all_statuses,
    "all_statuses_old": _older,
    "selected_events": _selected_events,
    "selected_events_top": _selected_events_top,
    "track_order": _track_order,
    "returns": _returns,
}
VARIANTS: Final[Mapping[Variant, str]] = {
    "all_statuses": "every status, complete",
    "all_statuses_old": "every status, some of the fields missing, as older accounts get it",
    "selected_events": "with additional.notification_event_id",
    "selected_events_top": "with notification_event_id at top level",
    "track_order": "the shape of track-order: latest_status and scans, no waybill",
    "returns": "a return: is_rvp with forward_awb and forward_reference_number",
}

_NUMBERS = frozenset({"cp_id", "clickpost_status_code", "clickpost_status_bucket", "order_status_id"}) | {
    "notification_event_id",
    "ndr_status_code",
    "npr_status_code",
    "courier_partner_id",
}
_OPTIONAL = frozenset({"clickpost_city", "courier_partner_edd", "ndr_status_description", "npr_status_description"})


def _loosened(value: JsonObject, dice: random.Random) -> JsonObject:
    return {name: _loose(name, item, dice) for name, item in value.items()}


def _loose(name: str, value: object, dice: random.Random) -> object:
    if (inner := as_object(value)) is not None:
        return _loosened(inner, dice)
    if isinstance(value, bool):
        return dice.choice((value, str(value), str(value).lower()))
    if name == "waybill" and isinstance(value, str) and value.isdigit() and not value.startswith("0"):
        return dice.choice((value, int(value)))
    if name in _NUMBERS and isinstance(value, int):
        return dice.choice((value, str(value)))
    if name in _OPTIONAL or value is None:
        return dice.choice((value, None, ""))
    return value
