"""Splits answers of track-order and updated-order into items that are stored raw."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.clickpost.wire.lenient_json import Reply, as_bool, as_int, as_list, as_object, as_waybill
from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatedPage:
    """One page of updated-order. `next_url` is ClickPost's link to the next one, key and all; None on the last.

    `next_page` names the same page without the key, to store and resume from later. `unread`: entries that are no
    objects, and are left out; `is_list` False: the answer holds no list of shipments where there should be one.
    """

    items: list[JsonObject]
    next_url: str | None = field(default=None, repr=False)
    next_page: str = ""
    unread: int = 0
    is_list: bool = True


def parse_track_order(reply: Reply, cp_id: int | None = None) -> list[JsonObject]:
    """The waybills that ClickPost knows, each as `{"waybill", "cp_id", "result"}`; unknown ones are left out.

    `cp_id` is the courier that was asked; without it the answer's own value is used. Older accounts give a plain list
    of scans per waybill: it becomes `{"scans": [...]}`.
    """
    return [
        {"waybill": as_waybill(waybill), "cp_id": _courier(result, cp_id), "result": result}
        for waybill, found in as_object(reply.result).items()
        if (result := _timeline(found)) and as_waybill(waybill)
    ]


def _timeline(found: object) -> JsonObject:
    if scans := [as_object(scan) for scan in as_list(found) if as_object(scan)]:
        return {"scans": scans}
    timeline = as_object(found)
    if as_bool(timeline.get("valid")) is False or not (timeline.get("latest_status") or timeline.get("scans")):
        return {}
    return timeline


def _courier(result: JsonObject, asked: int | None) -> int | None:
    return asked if asked is not None else as_int(as_object(result.get("additional")).get("courier_partner_id"))


def parse_updated_order(reply: Reply) -> UpdatedPage:
    """The shipments on one page of updated-order. Entries that are no objects are left out, and counted."""
    body = as_object(reply.body)
    entries = as_list(reply.result)
    items = [as_object(entry) for entry in entries if as_object(entry)]
    link = as_object(body.get("meta")).get("next") or body.get("next")
    url = link.strip() if isinstance(link, str) else ""
    return UpdatedPage(
        items=items,
        unread=len(entries) - len(items),
        is_list=isinstance(reply.result, list) or not reply.result,
        next_url=None if url.lower() in ("", "null", "none") else url,
    )
