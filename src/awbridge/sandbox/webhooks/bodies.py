"""Webhook bodies in every shape that ClickPost is known to send. Pure."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from awbridge.sandbox.config import SandboxConfig, Variant
from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.tracking.responses import reason_fields, status_fields, track_additional, tracked_scan
from awbridge.sandbox.wire.codes import EVENT_OF_CODE, RTO_CODES, description_of
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object
from awbridge.sandbox.wire.timestamps import delivery_date_formats, webhook_timestamp

OLD_FIELDS: Final = ("cp_id", "account_code", "clickpost_city", "additional.order_id", "additional.latest_status")
"""Fields that older bodies may omit."""
_TIME_STAMP_AGES: Final = (3600, 6 * 3600, 30 * 3600, 3 * 86400)
"""Seconds by which latest_time_stamp may precede the scan in latest_status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookContext:
    """The content of one webhook: a scan, and the latest scan of the shipment."""

    order: SimulatedOrder
    scan: SimulatedScan
    latest: SimulatedScan
    rng: random.Random
    config: SandboxConfig


def draw_variant(context: WebhookContext) -> Variant:
    """A body variant that is valid for the scan, drawn by the configured weights."""
    if context.order.is_rvp and context.rng.random() < 0.5:
        return "returns"
    weights = context.config.webhook_variants
    variant = context.rng.choices(tuple(weights), tuple(weights.values()))[0]
    if variant == "track_order" and context.scan.waybill != context.order.waybill:
        return "all_statuses"  # track_order bodies have no waybill, so they cannot describe a piece
    if variant.startswith("selected_events") and context.scan.code not in EVENT_OF_CODE:
        return "all_statuses"
    return variant


def build_body(context: WebhookContext, variant: Variant) -> JsonObject:
    """The JSON of one webhook, with the configured shares of odd values, missing locations and older time stamps."""
    build, _ = VARIANTS[variant]
    built, rng = build(context), context.rng
    built = _with_odd_values(built, rng) if rng.random() < context.config.odd_values else built
    if context.scan is context.latest and rng.random() < context.config.missing_locations:
        _remove_one_location(built, rng)
    if "latest_time_stamp" in built and rng.random() < context.config.older_time_stamps:
        built["latest_time_stamp"] = webhook_timestamp(context.latest.scanned_at - rng.choice(_TIME_STAMP_AGES), rng)
    return built


def _remove_one_location(built: JsonObject, rng: random.Random) -> None:
    """Remove one location of a scan that the body contains twice: as latest_status, and at top level or in `scans`."""
    additional = as_object(built["additional"]) or {}
    latest = as_object(built.get("latest_status") or additional.get("latest_status"))
    listed = as_list(built.get("scans"))
    other = as_object(listed[0]) if listed else built
    if latest is None or other is None:
        return
    incomplete = rng.choice((latest, other))
    if rng.random() < 0.5:
        incomplete.pop("location", None)
    else:
        incomplete["location"] = rng.choice((None, ""))


def _all_statuses(context: WebhookContext, **additional: object) -> JsonObject:
    scan, order, rng = context.scan, context.order, context.rng
    built: JsonObject = {
        "waybill": scan.waybill,
        "cp_id": scan.cp_id,
        "account_code": order.account.account_code,
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "timestamp": webhook_timestamp(scan.scanned_at, rng),
        "clickpost_status_code": scan.code,
        "clickpost_status_description": description_of(scan.code),
        "clickpost_city": scan.city,
        "additional": _additional(context) | additional,
    }
    if scan.code in RTO_CODES:
        built["rto_awb"] = rng.choice((None, f"R{scan.waybill}"))
    if rng.random() < context.config.order_status_ids:
        built["order_status_id"] = scan.order_status_id
    if rng.random() < 0.2:
        built["latest_time_stamp"] = webhook_timestamp(context.latest.scanned_at, rng)
    return built


def _additional(context: WebhookContext) -> JsonObject:
    delivery_dates = delivery_date_formats(context.scan.scanned_at + 3 * 86400)
    return {
        "latest_status": _latest_status(context),
        "order_id": context.order.order_id,
        "account_code": context.order.account.account_code,
        "is_rvp": context.order.is_rvp,
        "courier_partner_edd": context.rng.choice((None, "", *delivery_dates)),
        "destination_hub_inscan_ts": None,
        **reason_fields(context.scan),
    }


def _latest_status(context: WebhookContext) -> JsonObject:
    return {
        "timestamp": webhook_timestamp(context.latest.scanned_at, context.rng),
        **status_fields(context.latest),
        "reference_number": context.order.reference_number,
        "clickpost_city": context.latest.city,
    }


def _all_statuses_old(context: WebhookContext) -> JsonObject:
    built = _all_statuses(context)
    additional = as_object(built["additional"]) or {}
    for name in context.rng.sample(OLD_FIELDS, context.rng.randint(1, len(OLD_FIELDS))):
        if name.startswith("additional."):
            del additional[name.removeprefix("additional.")]
        else:
            del built[name]
    return built


def _selected_events(context: WebhookContext) -> JsonObject:
    return _all_statuses(context, notification_event_id=EVENT_OF_CODE.get(context.scan.code))


def _selected_events_top(context: WebhookContext) -> JsonObject:
    return {**_all_statuses(context), "notification_event_id": EVENT_OF_CODE.get(context.scan.code)}


def _track_order(context: WebhookContext) -> JsonObject:
    """Without a waybill: order_id or reference_number identify the shipment."""
    scans = [scan for scan in context.order.scans[: context.latest.index + 1] if scan.waybill == context.order.waybill]
    return {
        "latest_status": _latest_status(context),
        "scans": [tracked_scan(scan, webhook_timestamp(scan.scanned_at, context.rng)) for scan in reversed(scans)],
        "valid": True,
        "additional": {**track_additional(context.order), "reference_number": context.order.reference_number},
    }


def _returns(context: WebhookContext) -> JsonObject:
    return _all_statuses(
        context,
        is_rvp=True,
        forward_awb=f"F{context.order.waybill}",
        forward_reference_number=f"{context.order.reference_number}-FWD",
    )


VARIANTS: Final[Mapping[Variant, tuple[Callable[[WebhookContext], JsonObject], str]]] = {
    "all_statuses": (_all_statuses, "every status, complete"),
    "all_statuses_old": (_all_statuses_old, "every status, with some fields missing, as sent to older accounts"),
    "selected_events": (_selected_events, "with additional.notification_event_id"),
    "selected_events_top": (_selected_events_top, "with notification_event_id at top level"),
    "track_order": (_track_order, "the shape of track-order: latest_status and scans, no waybill"),
    "returns": (_returns, "a return, with is_rvp, forward_awb and forward_reference_number"),
}
"""Variant -> builder and meaning."""

_NUMBERS = frozenset(
    {
        "clickpost_status_bucket",
        "clickpost_status_code",
        "courier_partner_id",
        "cp_id",
        "ndr_status_code",
        "notification_event_id",
        "npr_status_code",
        "order_status_id",
    }
)
_OPTIONAL = frozenset({"clickpost_city", "courier_partner_edd", "ndr_status_description", "npr_status_description"})


def _with_odd_values(value: JsonObject, rng: random.Random) -> JsonObject:
    return {name: _odd_value(name, item, rng) for name, item in value.items()}


def _odd_value(name: str, value: object, rng: random.Random) -> object:
    if (inner := as_object(value)) is not None:
        return _with_odd_values(inner, rng)
    if isinstance(value, bool):
        return rng.choice((value, str(value), str(value).lower()))
    if name == "waybill" and isinstance(value, str) and value.isdigit() and not value.startswith("0"):
        return rng.choice((value, int(value)))
    if name in _NUMBERS and isinstance(value, int):
        return rng.choice((value, str(value)))
    if name in _OPTIONAL or value is None:
        return rng.choice((value, None, ""))
    return value
