"""The compiled decoder and the lenient reader return the same for every body, whatever its fields hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awbridge.clickpost.tracking import usual_webhook, webhook_bodies
from awbridge.clickpost.tracking.webhook_bodies import Unreadable, read_delivery, read_leniently
from awbridge.clickpost.wire.tracking_codes import STATUSES
from awbridge.domain.tracking.scan import Source, TrackingUpdate
from tests.clickpost.strategies import json_values

pytestmark = pytest.mark.heavy

INDIA = ZoneInfo("Asia/Kolkata")
RECEIVED = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
NAMES = sorted(
    {
        *("waybill", "reference_number", "order_id", "account_code", "order_status_id", "checkpoint_id", "cp_id"),
        *("courier_partner_id", "courier_partner", "carrier_partner", "return_reference_number", "is_rvp", "payload"),
        *("rto_awb", "rto_waybill", "forward_awb", "forward_waybill", "forward_reference_number", "forward_order_id"),
        *("timestamp", "status", "remark", "location", "clickpost_status_code", "clickpost_status_description"),
        *("latest_time_stamp", "updated_at", "courier_partner_edd", "notification_event_id", "notification_event"),
        *("ndr_status_code", "ndr_status_description", "npr_status_code", "npr_status_description"),
        *("latest_status", "additional", "scans", "result", "clickpost_city"),
    }
)
CODES = [*STATUSES, *range(100, 108), 43, 0, -1, 2**31, 2**70]
IDS = [
    "",
    " ",
    "W1",
    " W1 ",
    "4600",
    "0",
    "000",
    "NA",
    "n/a",
    "null",
    "-",
    "\u0665",
    "x" * 300,
    "W\x001",
    "W\ud800",
    "é",
]
TIMES = [
    *("2026-11-02 09:10:11", "2026-11-02T09:10:11Z", "2026-11-02T09:10: 11Z", "2026-11-02T09:10:11.25+05:30"),
    *("2026-11-02", "2026-11-03 09:00:00", "2027-01-01T00:00:00Z", "1970-01-01 00:00:00", "2026-13-45", "soon"),
]
DAYS = ["2026-11-05", "05-11-2026", "5 Nov 2026", "2026-11-05T18:30:00Z", "0000-00-00", "tomorrow", "N/A", 1793000000]
values = st.one_of(
    st.none(),
    st.sampled_from([*CODES, *map(str, CODES)]),
    st.sampled_from(IDS),
    st.sampled_from(TIMES),
    st.sampled_from(DAYS),
    st.sampled_from([True, False, "true", "false", 4.0, 4.5, 1e300, [], {}, [{}], 14, "14"]),
    json_values,
)
changes = st.lists(
    st.tuples(st.sampled_from(["body", "additional", "latest"]), st.sampled_from(NAMES), values), max_size=5
)


def usual() -> dict[str, Any]:
    """A webhook as ClickPost sends it for all statuses."""
    status = {"timestamp": "2026-11-02T11:30:00Z", "status": "In transit", "remark": "", "location": "Mumbai"}
    additional = {
        "latest_status": {**status, "clickpost_status_code": 5, "reference_number": "REF-1001"},
        "order_id": 77,
        "is_rvp": False,
        "courier_partner_edd": "2026-11-05",
        "ndr_status_code": None,
    }
    order = {"waybill": "4600", "cp_id": 4, "account_code": "main", "order_status_id": 8801, "rto_awb": None}
    return {**order, **status, "clickpost_status_code": 5, "additional": additional}


def outcome(reader: Any, body: bytes, source: Source, **how: Any) -> list[TrackingUpdate] | str:
    try:
        return reader(source, body, received_at=RECEIVED, zone=INDIA, **how)
    except Unreadable as error:
        return str(error)


def same(body: bytes, source: Source = Source.WEBHOOK, **how: Any) -> None:
    assert outcome(read_delivery, body, source, **how) == outcome(read_leniently, body, source, **how)


def changed(many: list[tuple[str, str, Any]]) -> dict[str, Any]:
    body = usual()
    places = {"body": body, "additional": body["additional"], "latest": body["additional"]["latest_status"]}
    for place, name, value in many:
        places[place][name] = value
    return body


@settings(max_examples=200, deadline=None)
@given(many=changes, z_means_utc=st.booleans(), escaped=st.booleans())
@example(many=[("body", "forward_awb", "F1")], z_means_utc=False, escaped=True)
@example(many=[("additional", "courier_partner_edd", "tomorrow")], z_means_utc=False, escaped=True)
@example(many=[("latest", "timestamp", "2026-11-03 09:00:00")], z_means_utc=True, escaped=True)
def test_both_readers_return_the_same(many: list[tuple[str, str, Any]], z_means_utc: bool, escaped: bool) -> None:
    text = json.dumps(changed(many), ensure_ascii=escaped)
    same(text.encode("utf-8", "surrogatepass"), z_means_utc=z_means_utc)


@given(code=st.sampled_from(CODES), latest=st.sampled_from(CODES), ndr=st.sampled_from([None, 0, 3, "6", 99]))
def test_reasons_go_to_the_same_scan(code: int, latest: int, ndr: Any) -> None:
    reasons = {"ndr_status_code": ndr, "npr_status_code": ndr, "ndr_status_description": "Refused"}
    body = changed([("additional", name, value) for name, value in reasons.items()])
    body["clickpost_status_code"], body["additional"]["latest_status"]["clickpost_status_code"] = code, latest
    same(json.dumps(body).encode())


@given(at=st.integers(0, 600), byte=st.binary(min_size=1, max_size=3))
def test_both_readers_return_the_same_for_damaged_bodies(at: int, byte: bytes) -> None:
    body = json.dumps(usual()).encode()
    same(body[:at] + byte + body[at + len(byte) :])


def test_the_usual_webhook_is_read_by_the_compiled_decoder() -> None:
    read = usual_webhook.read_usual(json.dumps(usual()).encode(), received_at=RECEIVED, zone=INDIA, z_means_utc=False)
    assert [read] == outcome(webhook_bodies.read_leniently, json.dumps(usual()).encode(), Source.WEBHOOK)
