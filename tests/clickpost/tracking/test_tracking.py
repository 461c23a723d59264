from __future__ import annotations

from typing import Any

from hypothesis import given

from awbridge.clickpost.tracking.track import parse_track_order, parse_updated_order
from awbridge.clickpost.wire.lenient_json import Reply
from tests.clickpost.strategies import json_values


def reply(result: Any, **meta: Any) -> Reply:
    return Reply(http_status=200, body={"meta": {"status": 200, **meta}, "result": result})


def test_only_known_waybills_are_returned_in_both_shapes() -> None:
    scan = {"clickpost_status_code": 5, "timestamp": "2026-11-01 10:00:00"}
    timeline = {"latest_status": scan, "scans": [scan], "valid": True, "additional": {"courier_partner_id": 4}}
    result = {
        "W1": timeline,
        "W2": {"valid": False},
        "W3": {**timeline, "valid": "false"},
        "W4": [scan, None],
        "W5": [],
        "W6": None,
        "W7": {"valid": True, "scans": []},
    }
    assert parse_track_order(reply(result), 4) == [
        {"waybill": "W1", "cp_id": 4, "result": timeline},
        {"waybill": "W4", "cp_id": 4, "result": {"scans": [scan]}},
    ]
    assert [item["cp_id"] for item in parse_track_order(reply(result))] == [4, None]


def test_an_answer_without_results_is_empty() -> None:
    assert parse_track_order(reply(None), 4) == []
    assert parse_track_order(reply([]), 4) == []


def test_a_page_of_updated_order_and_its_next() -> None:
    page = parse_updated_order(reply([{"waybill": "W1"}, None, {}], next="https://h/api?page=2&key=secret"))
    assert (page.items, page.unread, page.is_list) == ([{"waybill": "W1"}], 2, True)
    assert page.next_url == "https://h/api?page=2&key=secret"
    assert "secret" not in repr(page)


def test_the_last_page_has_no_next() -> None:
    for link in ("", None, "null", " ", 7):
        assert parse_updated_order(reply([], next=link)).next_url is None
    nothing = parse_updated_order(reply(None))
    assert (nothing.items, nothing.is_list) == ([], True)
    assert not parse_updated_order(reply({"shipments": [{"waybill": "W1"}]})).is_list


@given(json_values)
def test_no_answer_makes_them_raise(value: Any) -> None:
    for body in (value, {"result": value}, {"meta": value, "result": {"W": value}}):
        answer = Reply(http_status=200, body=body)
        parse_track_order(answer, 4)
        parse_updated_order(answer)
