from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.tracking.webhook_bodies import Unreadable, delivery_identity, read_delivery
from awbridge.domain.tracking.scan import Source, TrackingUpdate
from tests.clickpost.strategies import json_values

INDIA = ZoneInfo("Asia/Kolkata")
RECEIVED = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
JsonObject = dict[str, Any]


def read_all(body: Any, source: Source = Source.WEBHOOK, **how: Any) -> list[TrackingUpdate]:
    return read_delivery(source, json.dumps(body).encode(), received_at=RECEIVED, zone=INDIA, **how)


def read(body: Any, source: Source = Source.WEBHOOK, **how: Any) -> TrackingUpdate:
    (update,) = read_all(body, source, **how)
    return update


def all_statuses(**changes: Any) -> JsonObject:
    """A webhook of the service that sends every status; the shipment's status is newer than this scan."""
    return {
        "waybill": 4000123,
        "cp_id": "4",
        "account_code": "main",
        "status": "Shipment picked up",
        "remark": "With the courier",
        "location": "Pune Hub",
        "timestamp": "2026-11-02T09:10:11Z",
        "clickpost_status_code": "4",
        "clickpost_status_description": "PickedUp",
        "clickpost_city": "",
        "rto_awb": None,
        "order_status_id": 8801,
        "additional": {
            "latest_status": {
                "timestamp": "2026-11-02T11:30:00Z",
                "status": "In transit",
                "remark": "",
                "location": "Mumbai",
                "clickpost_status_code": 5,
                "clickpost_status_bucket": "6",
                "reference_number": "REF-1001",
            },
            "order_id": 77,
            "is_rvp": "false",
            "courier_partner_edd": "2026-11-05",
            "ndr_status_code": None,
        },
        **changes,
    }


def test_all_statuses_has_one_scan_for_the_timeline_and_the_latest_for_the_status() -> None:
    update = read(all_statuses())
    assert (update.waybill, update.courier_partner_id, update.reference_number) == ("4000123", 4, "REF-1001")
    assert (update.order_id, update.edd, update.problems) == ("77", "2026-11-05", ())
    (scan,) = update.scans
    assert (scan.code, scan.scan_id, scan.status, scan.location) == (4, "8801", "Shipment picked up", "Pune Hub")
    assert scan.scanned_at == datetime(2026, 11, 2, 3, 40, 11, tzinfo=UTC)
    assert update.latest is not None
    assert (update.latest.code, update.latest.scan_id) == (5, None)
    assert update.latest.scanned_at == datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


def test_z_means_utc_where_the_setting_says_so() -> None:
    update = read(all_statuses(), z_means_utc=True)
    assert update.scans[0].scanned_at == datetime(2026, 11, 2, 9, 10, 11, tzinfo=UTC)


def test_an_old_webhook_with_few_fields_is_read() -> None:
    body = {
        "waybill": "W1",
        "status": "",
        "timestamp": "2026-11-02 09:10:11",
        "clickpost_status_code": 6,
        "additional": None,
    }
    update = read(body)
    assert update.latest is None
    assert (update.scans[0].code, update.scans[0].status) == (6, "OutForDelivery")
    assert (update.courier_partner_id, update.order_id) == (None, "")


def test_latest_that_is_this_very_scan_is_one_scan_with_its_id() -> None:
    body = all_statuses(
        clickpost_status_code=5, status="In  Transit", location="mumbai", timestamp="2026-11-02 11:30:00.250"
    )
    update = read(body)
    assert update.latest == update.scans[0]
    assert update.latest is not None
    assert update.latest.scan_id == "8801"


@pytest.mark.parametrize("fuller", ["outer", "latest"])
def test_one_scan_given_with_and_without_a_location_is_one_scan_with_it(fuller: str) -> None:
    body = all_statuses(clickpost_status_code=5, status="In transit", timestamp="2026-11-02 11:30:00", remark="at hub")
    lacking = body["additional"]["latest_status"] if fuller == "outer" else body
    lacking |= {"location": "", "remark": ""}
    update = read(body)
    [scan] = update.scans
    assert update.latest == scan
    assert scan.location == ("Pune Hub" if fuller == "outer" else "Mumbai")
    assert scan.scan_id == "8801"


@pytest.mark.parametrize("inside", [True, False])
def test_selected_events(inside: bool) -> None:
    body = all_statuses()
    (body["additional"] if inside else body)["notification_event_id"] = "2"
    assert read(body).event_id == 2


def test_track_order_shape_finds_its_shipment_by_order() -> None:
    scans = [
        {
            "clickpost_status_code": 8,
            "timestamp": "2026-11-02 14:00:00",
            "status": "DL",
            "location": "X",
            "checkpoint_id": 5,
        },
        {
            "clickpost_status_code": 6,
            "timestamp": "2026-11-02 08:00:00",
            "status": "OFD",
            "location": "X",
            "checkpoint_id": "4",
        },
    ]
    body = {
        "latest_status": {k: v for k, v in scans[0].items() if k != "checkpoint_id"} | {"reference_number": "REF-1001"},
        "scans": scans,
        "valid": "true",
        "additional": {"order_id": "O-7", "courier_partner_id": 4, "courier_partner_edd": None},
    }
    update = read(body)
    assert (update.waybill, update.order_id, update.reference_number, update.courier_partner_id) == (
        "",
        "O-7",
        "REF-1001",
        4,
    )
    assert [(s.code, s.checkpoint_id, s.waybill) for s in update.scans] == [(8, "5", ""), (6, "4", "")]
    assert update.latest == update.scans[0]


def test_a_return_names_its_forward_shipment() -> None:
    body = all_statuses(waybill="R1")
    body["additional"] |= {"is_rvp": True, "forward_awb": "F1", "forward_reference_number": "REF-1"}
    update = read(body)
    assert (update.forward_waybill, update.forward_reference_number) == ("F1", "REF-1")
    body["additional"]["is_rvp"] = "false"
    update = read(body)
    assert (update.forward_waybill, update.forward_reference_number) == ("", "")


def requested_return(**additional: Any) -> JsonObject:
    """A return that a customer requested, as the published answer of return_order_poll shows its webhook."""
    status = {"status": "Return Request Placed", "clickpost_status_code": 101, "location": "", "remark": ""}
    return {
        **status,
        "waybill": "",
        "cp_id": -1,
        "account_code": "",
        "notification_event": 11,
        "timestamp": "2026-11-02T09:30:00Z",
        "return_reference_number": "RE77",
        "additional": {
            "latest_status": {**status, "timestamp": "2026-11-02T09:30:00Z"},
            "is_rvp": True,
            "forward_order_id": "1001",
            "forward_awb": "F1",
            "forward_reference_number": "REF-1",
            "notification_event_id": 11,
            **additional,
        },
    }


def test_a_requested_return_is_about_its_forward_shipment() -> None:
    update = read(requested_return())
    assert (update.waybill, update.courier_partner_id, update.reference_number, update.order_id) == (
        "F1",
        None,
        "REF-1",
        "1001",
    )
    assert (update.forward_waybill, update.forward_reference_number, update.event_id) == ("", "", 11)
    assert (update.return_reference_number, update.latest, update.problems) == ("RE77", None, ())
    (scan,) = update.scans
    assert (scan.code, scan.waybill, scan.courier_partner_id) == (101, "", None)
    assert scan.scanned_at == datetime(2026, 11, 2, 9, 30, tzinfo=UTC), "these times are UTC"
    assert scan.return_event is not None
    assert (scan.return_event.kind, scan.return_event.return_reference_number) == ("return.placed", "RE77")
    assert read({"payload": requested_return(), "internal": {"key": "None"}}) == update
    none = read({**requested_return(forward_awb="N/A"), "waybill": "NA"})
    assert (none.waybill, none.reference_number, none.scans[0].return_event.return_waybill) == ("", "REF-1", "")
    booked = update.of_booked_return()
    assert (booked.waybill, booked.reference_number, booked.forward_waybill) == ("", "RE77", "F1")


def test_the_time_of_a_return_that_cannot_be_utc_yet_is_local() -> None:
    body = requested_return()
    body["timestamp"] = body["additional"]["latest_status"]["timestamp"] = "2026-11-02 15:20:00"
    update = read(body)
    assert (update.scans[0].scanned_at, update.problems) == (datetime(2026, 11, 2, 9, 50, tzinfo=UTC), ())
    body["timestamp"] = "2026-11-03 15:20:00"
    assert read(body).problems == ("timestamp is in the future",)


def test_a_return_without_a_forward_shipment_is_about_the_parcel_that_it_names() -> None:
    nameless = requested_return(forward_awb="", forward_reference_number=None, forward_order_id=None)
    assert (read(nameless).reference_number, read(nameless).return_reference_number) == ("RE77", "")
    assert read({**nameless, "waybill": "R1"}).waybill == "R1"
    inside = requested_return(return_reference_number="RE78", is_rvp="false")
    del inside["return_reference_number"]
    assert read(inside).reference_number == "RE78", "no return has no forward shipment"
    del inside["additional"]["return_reference_number"]
    with pytest.raises(Unreadable, match="about a return"):
        read(inside)


def test_a_return_reported_with_two_codes_is_two_events() -> None:
    body = requested_return()
    body["additional"]["latest_status"] |= {"clickpost_status_code": 102, "status": "Return Request Approved"}
    assert [(s.code, s.return_event and s.return_event.kind) for s in read(body).scans] == [
        (101, "return.placed"),
        (102, "return.approved"),
    ]
    body["additional"]["latest_status"] |= {"clickpost_status_code": 4}
    assert [(s.code, s.return_event) for s in read({**body, "waybill": "R1"}).scans] == [(101, None)], (
        "with a parcel's status beside it, it is about that parcel"
    )


def test_a_delivery_may_come_wrapped() -> None:
    assert read({"payload": all_statuses(), "internal": {"tracking_id": 1}}) == read(all_statuses())
    assert read(all_statuses(payload={"waybill": "OTHER"})) == read(all_statuses())


def test_the_vendors_descriptions_are_stored_for_unknown_codes() -> None:
    body = all_statuses(clickpost_status_code=43, clickpost_status_description="RiderAllocated")
    body["additional"]["latest_status"] = {}
    body["additional"] |= {"ndr_status_code": 77, "ndr_status_description": "OTP Mismatch"}
    (scan,) = read(body).scans
    assert (scan.description, scan.ndr_code, scan.ndr_description) == ("RiderAllocated", 77, "OTP Mismatch")
    known = all_statuses(clickpost_status_code=9, clickpost_status_description="Failed")
    known["additional"] |= {"latest_status": {}, "ndr_status_code": 13, "ndr_status_description": "Misroute"}
    (scan,) = read(known).scans
    assert (scan.description, scan.ndr_code, scan.ndr_description) == ("", 13, "")


def test_other_fields_of_track_order_are_ignored() -> None:
    scan = {"timestamp": "2026-11-02 09:10:11", "clickpost_status_code": 21, "status": "RTO", "location": "Pune"}
    result = {"latest_status": scan, "scans": [scan], "valid": True}
    beside = {"rto_intransit_timestamp": "2026-11-02 09:10:11", "is_stuck": False, "qc_images": [], "sku": ["A"]}
    item = {"waybill": "W", "cp_id": 4, "result": result}
    with_more = item | {"result": result | {"additional": beside, "rto_intransit_timestamp": None}}
    assert read(with_more, Source.TRACK_ORDER) == read(item, Source.TRACK_ORDER)


def test_the_rto_waybill_is_read_unless_it_is_the_same() -> None:
    assert read(all_statuses(rto_awb="RTO9")).rto_waybill == "RTO9"
    assert read(all_statuses(rto_awb="4000123")).rto_waybill == ""
    assert read(all_statuses(rto_awb="")).rto_waybill == ""


def test_the_reason_of_a_failed_delivery_is_on_its_scan() -> None:
    body = all_statuses(clickpost_status_code=9)
    body["additional"]["ndr_status_code"] = "6"
    assert read(body).scans[0].ndr_code == 6
    delivered = all_statuses()
    delivered["additional"]["ndr_status_code"] = 6
    delivered["additional"]["latest_status"]["clickpost_status_code"] = 8
    update = read(delivered)
    assert (update.scans[0].ndr_code, update.latest and update.latest.ndr_code) == (None, None)


def test_the_reason_of_the_latest_failure_is_not_that_of_the_one_before() -> None:
    body = all_statuses(clickpost_status_code=9)
    body["additional"]["ndr_status_code"] = 6
    body["additional"]["latest_status"]["clickpost_status_code"] = 9
    update = read(body)
    assert (update.scans[0].ndr_code, update.latest and update.latest.ndr_code) == (None, 6)


def test_the_reason_of_a_failed_pickup_is_on_its_scan_with_its_description() -> None:
    body = all_statuses(clickpost_status_code=3)
    body["additional"] |= {"npr_status_code": "7", "npr_status_description": " Item not  ready ", "is_rvp": True}
    scan = read(body).scans[0]
    assert (scan.npr_code, scan.npr_description, scan.ndr_code) == (7, "Item not  ready", None)
    body["additional"]["latest_status"]["clickpost_status_code"] = 3
    update = read(body)
    assert [s.npr_code for s in update.scans] == [None], "it belongs to the latest failure, which is another one"
    assert (update.latest and update.latest.npr_code, update.latest and update.latest.npr_description) == (
        7,
        "Item not  ready",
    )


@pytest.mark.parametrize("nothing", [None, "", "none", {}, []])
def test_no_reason_of_a_failed_pickup_is_none(nothing: Any) -> None:
    body = all_statuses(clickpost_status_code=3)
    body["additional"] |= {"npr_status_code": nothing, "npr_status_description": nothing if nothing != "none" else ""}
    assert [(s.npr_code, s.npr_description) for s in read(body).all_scans] == [(None, "")] * 2


@pytest.mark.parametrize(
    ("stated", "edd", "problems"),
    [
        ("2026-11-05T00:00:00Z", "2026-11-05", ()),
        ("05/11/2026", "2026-11-05", ()),
        ("2026-11-05T18:30:00Z", "2026-11-06", ()),
        (1793903400, "2026-11-06", ()),
        ("soon", "soon", ("courier_partner_edd cannot be read as a date",)),
        ("N/A", None, ()),
        ("-", None, ()),
        ("0000-00-00 00:00:00", None, ()),
        ("0001-01-01T00:00:00Z", None, ()),
    ],
)
@pytest.mark.parametrize("polled", [False, True])
def test_an_expected_date_is_a_date_if_it_is_readable(
    stated: Any, edd: str | None, problems: tuple[str, ...], polled: bool
) -> None:
    body = all_statuses()
    body["additional"]["courier_partner_edd"] = stated
    if polled:
        result = {"latest_status": body["additional"]["latest_status"], "additional": {"courier_partner_edd": stated}}
        body = {"waybill": "W1", "cp_id": 4, "result": result}
    update = read(body, Source.TRACK_ORDER if polled else Source.WEBHOOK)
    assert (update.edd, update.problems) == (edd, problems)


@pytest.mark.parametrize("place", ["top", "additional", "latest_status"])
def test_the_age_of_the_latest_status_is_read_beside_it(place: str) -> None:
    body = all_statuses()
    latest = body["additional"]["latest_status"]
    {"top": body, "additional": body["additional"], "latest_status": latest}[place]["latest_time_stamp"] = (
        "2026-11-01 10:00:00"
    )
    update = read(body)
    assert update.fresh_at == datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    assert update.latest is not None
    assert update.latest.scanned_at == datetime(2026, 11, 2, 6, 0, tzinfo=UTC), "the status keeps its own time"
    assert read(all_statuses()).fresh_at is None


@pytest.mark.parametrize("name", ["cp_id", "courier_partner_id", "courier_partner", "carrier_partner"])
def test_the_courier_is_read_under_each_of_its_names(name: str) -> None:
    body = all_statuses()
    del body["cp_id"]
    update = read({**body, name: "9"}, Source.UPDATED_ORDER)
    assert (update.courier_partner_id, update.account_code) == (9, "main")


def test_updates_have_their_index_in_a_list_and_problems_stay_short() -> None:
    updates = read_all([{}, all_statuses(), *[{}] * 40, all_statuses(waybill="W2")])
    assert [t.entry for t in updates] == [1, 42]
    assert len(updates[0].problems) == 6
    assert updates[0].problems[-1] == "and 36 more"


def test_pollings_ndr_bucket_is_no_ndr_code() -> None:
    body = all_statuses()
    body["additional"]["ndr"] = {"ndr_bucket_code": 14}
    assert read(body).scans[0].ndr_code is None


def test_a_list_of_deliveries_gives_one_update_each() -> None:
    first, broken, second = all_statuses(), {"clickpost_status_code": 5}, all_statuses(waybill="W2")
    updates = read_all([first, broken, second])
    assert [t.waybill for t in updates] == ["4000123", "W2"]
    assert "entry 2 of 3" in updates[0].problems[0]


def test_an_item_of_updated_order_has_the_latest_scan_only() -> None:
    item = {
        "waybill": "W1",
        "courier_partner": "6",
        "clickpost_status_code": 8,
        "timestamp": "2026-11-02 10:00:00",
        "status": "Delivered",
        "reference_number": 1001,
        "created_at": "2026-10-30T11:00:00.1Z",
        "updated_at": "2026-11-02T05:00:00.5Z",
    }
    update = read(item, Source.UPDATED_ORDER)
    assert (update.scans, update.courier_partner_id, update.reference_number) == ((), 6, "1001")
    assert update.latest is not None
    assert update.latest.scanned_at == datetime(2026, 11, 2, 4, 30, tzinfo=UTC)
    late = read(item | {"timestamp": None}, Source.UPDATED_ORDER)
    assert late.latest is not None
    assert late.latest.scanned_at == datetime(2026, 11, 2, 5, 0, 0, 500000, UTC)
    assert late.problems


@pytest.mark.parametrize("scans_only", [True, False])
def test_an_item_of_track_order_has_the_whole_timeline(scans_only: bool) -> None:
    scans = [
        {"clickpost_status_code": code, "timestamp": f"2026-11-02 0{code}:00:00", "checkpoint_id": code}
        for code in (5, 4)
    ]
    item = {"waybill": "W1", "cp_id": 4, "result": scans if scans_only else {"scans": scans, "latest_status": scans[0]}}
    update = read(item, Source.TRACK_ORDER)
    assert (update.waybill, update.courier_partner_id) == ("W1", 4)
    assert [scan.checkpoint_id for scan in update.scans] == ["5", "4"]
    assert update.latest == (None if scans_only else update.scans[0])


def test_scans_that_cannot_be_read_are_noted_and_the_rest_is_kept() -> None:
    body = {
        "waybill": "W1",
        "scans": [
            {"clickpost_status_code": 5, "timestamp": "2026-11-02 08:00:00"},
            {"clickpost_status_code": None, "timestamp": "2026-11-02 08:00:00"},
            {"clickpost_status_code": 5, "timestamp": "8 o'clock"},
            None,
        ],
    }
    update = read(body)
    assert len(update.scans) == 1
    assert [problem.split(" ")[0] for problem in update.problems] == ["scans[1]", "scans[2]", "scans[3]"]
    assert "8 o'clock" not in " ".join(update.problems)


def test_a_latest_without_time_takes_the_next_best() -> None:
    body = all_statuses()
    body["additional"]["latest_status"]["timestamp"] = ""
    body["additional"]["latest_time_stamp"] = "2026-11-02 11:00:00"
    latest = read(body).latest
    assert latest is not None
    assert latest.scanned_at == datetime(2026, 11, 2, 5, 30, tzinfo=UTC)

    del body["additional"]["latest_time_stamp"]
    update = read(body)
    assert update.latest is not None
    assert update.latest.scanned_at == RECEIVED
    assert update.problems

    body["clickpost_status_code"] = 5
    update = read(body)
    assert update.latest is not None
    assert update.latest.scanned_at == datetime(2026, 11, 2, 3, 40, 11, tzinfo=UTC)


def test_a_scan_without_time_never_overrules_the_latest() -> None:
    update = read(all_statuses(timestamp=None))
    assert update.scans == ()
    assert update.latest is not None
    assert update.problems


def test_a_lone_scan_without_time_counts_from_its_receipt() -> None:
    update = read({"waybill": "W1", "clickpost_status_code": 8, "timestamp": "?"})
    assert update.scans[0].scanned_at == RECEIVED
    assert update.problems


def test_a_scan_from_the_future_is_noted() -> None:
    update = read(all_statuses(timestamp="2026-11-03T23:00:00Z"))
    assert update.problems == ("timestamp is in the future",)


def test_an_unknown_code_is_kept() -> None:
    assert read(all_statuses(clickpost_status_code=1005)).scans[0].code == 1005


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"clickpost_status_code": 5, "timestamp": "2026-11-02 08:00:00"}, "names no waybill"),
        ({"waybill": "W1"}, "no status code"),
        ({"waybill": "W1", "clickpost_status_code": "Delivered"}, "no status code"),
        ({}, "not an object"),
        ([], "empty"),
        ([1, None], "not an object"),
        ("text", "not an object"),
    ],
)
def test_an_unreadable_delivery_has_a_reason(body: Any, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_all(body)


def test_a_body_that_is_not_json_has_a_reason() -> None:
    with pytest.raises(Unreadable, match="not JSON"):
        read_delivery(Source.WEBHOOK, b"<html>", received_at=RECEIVED, zone=INDIA)


def test_half_an_emoji_in_a_remark_is_harmless() -> None:
    body = json.dumps(all_statuses(remark="thanks \ud83d", location="a\x00b")).encode()
    (update,) = read_delivery(Source.WEBHOOK, body, received_at=RECEIVED, zone=INDIA)
    assert (update.scans[0].remark, update.scans[0].location) == ("thanks \ufffd", "a\ufffdb")


def test_the_identity_of_an_item_does_not_depend_on_the_order_of_its_fields() -> None:
    one = delivery_identity(Source.UPDATED_ORDER, {"a": 1, "b": {"c": 2, "d": 3}})
    assert one == delivery_identity(Source.UPDATED_ORDER, {"b": {"d": 3, "c": 2}, "a": 1})
    assert one != delivery_identity(Source.UPDATED_ORDER, {"b": {"d": 3, "c": 2}, "a": 2})
    assert one != delivery_identity(Source.TRACK_ORDER, {"a": 1, "b": {"c": 2, "d": 3}})
    assert (one[0], len(one)) == ("u", 13), "with the shard, it fits into 24 bytes of an index"


FIELDS = (
    "waybill",
    "cp_id",
    "clickpost_status_code",
    "timestamp",
    "additional",
    "latest_status",
    "scans",
    "result",
    "rto_awb",
)
deliveries = st.dictionaries(st.sampled_from(FIELDS), json_values) | json_values | st.lists(json_values, max_size=3)


@given(deliveries, st.sampled_from(list(Source)))
def test_any_body_is_read_or_unreadable(body: Any, source: Source) -> None:
    try:
        updates = read_all(body, source)
    except Unreadable:
        return
    for update in updates:
        assert update.waybill or update.reference_number or update.order_id
        for scan in (*update.scans, *filter(None, [update.latest])):
            assert scan.scanned_at.tzinfo is UTC
            f"{scan.status}{scan.remark}{scan.location}{scan.waybill}".encode()


@given(json_values, st.sampled_from(FIELDS))
def test_one_unexpected_field_in_a_good_delivery_is_harmless(value: Any, name: str) -> None:
    try:
        read_all(all_statuses(**{name: value}))
    except Unreadable:
        assert name in ("waybill", "additional", "clickpost_status_code")


@given(st.binary())
def test_bytes_are_read_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read_delivery(Source.WEBHOOK, body, received_at=RECEIVED, zone=INDIA)
