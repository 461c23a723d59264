from __future__ import annotations

import contextlib
import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.lookups.accounts import parse_fetch_accounts
from awbridge.clickpost.orders.create import parse_create_order
from awbridge.clickpost.reports.report_rows import read_report
from awbridge.clickpost.tracking.track import parse_track_order
from awbridge.clickpost.tracking.webhook_bodies import read_delivery
from awbridge.clickpost.wire.lenient_json import (
    Reply,
    as_bool,
    as_id,
    as_int,
    as_text,
    as_waybill,
    read_json,
    read_reply,
    read_retry_after,
)
from awbridge.domain.orders.outcome import TryLater
from awbridge.domain.tracking.scan import Source
from tests.clickpost.strategies import json_values

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (129, 129),
        ("129", 129),
        (" 129 ", 129),
        (129.0, 129),
        ("129.0", 129),
        ("-1", -1),
        (0, 0),
        (129.5, None),
        (None, None),
        ("", None),
        ("null", None),
        (True, None),
        ([], None),
        (10**12, None),
        ("1" * 400, None),
        (float("nan"), None),
        ("1e3", None),
    ],
)
def test_whole_numbers(value: Any, number: int | None) -> None:
    assert as_int(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  AWB1 ", "AWB1"),
        (4210610508756, "4210610508756"),
        (4210610508756.0, "4210610508756"),
        (1.5, "1.5"),
        (None, ""),
        (True, ""),
        ({}, ""),
        ("a\x00b", "a\ufffdb"),
        ("half \ud800", "half \ufffd"),
        ("नमस्ते", "नमस्ते"),
        (10**500, ""),
    ],
)
def test_text(value: Any, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", ["", None, "null", "None", " NaN ", "x" * 201, "न" * 67, {}, True])
def test_no_id(value: Any) -> None:
    assert as_id(value) == ""


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        (1, True),
        ("0", False),
        ("false", False),
        (None, None),
        ("", None),
        (7, None),
    ],
)
def test_truth(value: Any, truth: bool | None) -> None:
    assert as_bool(value) is truth


@given(json_values)
def test_readers_never_raise(value: Any) -> None:
    as_int(value), as_bool(value), as_id(value)
    assert "\x00" not in as_text(value)
    as_text(value).encode()


def test_json_that_only_the_lenient_parser_accepts_is_read() -> None:
    assert read_json(b'{"remark": "\\ud83d"}') == {"remark": "\ud83d"}
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xfe\xff", b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000])
def test_invalid_json_raises_a_value_error_that_does_not_quote_it(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_json(data)
    assert len(str(caught.value)) < 100


@given(st.binary())
def test_only_value_errors_are_raised(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_json(data)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"meta": {"status": 200, "message": "SUCCESS"}}, 200, "SUCCESS"),
        ({"meta": {"status_code": "323", "message": None}, "message": "again"}, 323, "again"),
        ({"message": "flat", "status_code": 305, "success": False}, 305, "flat"),
        ({"detail": "Method not allowed"}, None, "Method not allowed"),
        ({"meta": {"status": "", "message": {"drop_phone": ["wrong"]}}}, None, '{"drop_phone": ["wrong"]}'),
        ([], None, ""),
        (None, None, ""),
        ({"meta": []}, None, ""),
    ],
)
def test_a_replys_status_and_message_are_found_in_every_place(body: Any, status: int | None, message: str) -> None:
    reply = Reply(http_status=200, body=body)
    assert (reply.business_status, reply.message) == (status, message)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("30", 30.0),
        ("1.5", 1.5),
        ("999999999", 86400.0),
        ("-5", None),
        ("Mon, 02 Nov 2026 10:01:00 GMT", 60.0),
        ("Mon, 02 Nov 2026 09:00:00 GMT", 0.0),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_makes_it_raise(header: str) -> None:
    read_retry_after(header, NOW)


def test_html_and_empty_answers_are_replies_without_a_body() -> None:
    assert read_reply(502, b"<h1>Bad gateway</h1>", now=NOW).body is None
    assert read_reply(200, b"", now=NOW).text == ""


def test_a_reply_does_not_show_its_body() -> None:
    reply = read_reply(200, json.dumps({"phone": "8000000002"}).encode(), now=NOW)
    assert "8000000002" not in repr(reply)


def test_accounts_are_read_and_broken_ones_left_out() -> None:
    accounts = [
        {"courier_partner_id": "4", "courier_name": "Delhivery", "account_code": "Surface", "account_active": "False"},
        {"courier_partner_id": 5, "courier_name": None, "account_code": 12, "account_active": True},
        {"courier_partner_id": None, "account_code": "x"},
        "nonsense",
    ]
    for body in ({"result": {"accounts": accounts}}, {"accounts": accounts}, {"result": accounts}):
        read = parse_fetch_accounts(Reply(http_status=200, body=body))
        assert [(a.courier_partner_id, a.account_code, a.active) for a in read] == [
            (4, "Surface", False),
            (5, "12", True),
        ]
    assert parse_fetch_accounts(Reply(http_status=200, body={"result": None})) == []


NO_WAYBILLS = (
    *("", " ", None, "NA", "n/a", "N.A.", "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "-", "--", "\u2014", "null", "None"),
    *("0", 0, 0.0, "0.0", "000", "nan", "NIL", "Not Available", "not-assigned", False),
)


@pytest.mark.parametrize("value", NO_WAYBILLS)
def test_a_placeholder_is_not_a_waybill(value: Any) -> None:
    assert as_waybill(value) == ""


@pytest.mark.parametrize("value", ["00125", "AWB1", "NA123", "10", 77, "0-1", "PENDING-77", "REF77", 4.0e12])
def test_a_waybill_stays_as_it_is(value: Any) -> None:
    assert as_waybill(value) == as_id(value) != ""


@pytest.mark.parametrize("value", NO_WAYBILLS)
def test_no_reader_accepts_a_placeholder_as_a_waybill(value: Any, tmp_path: Path) -> None:
    meta = {"status": 200, "success": True}
    reply = Reply(http_status=200, body={"meta": meta, "result": {"waybill": value, "waybill1": value}})
    outcome = parse_create_order(reply, "R")
    assert isinstance(outcome, TryLater)
    assert outcome.maybe_placed
    polled = Reply(http_status=200, body={"meta": meta, "result": {str(value): {"scans": [{"status": "x"}]}}})
    assert parse_track_order(polled, 4) == []
    hook = {"waybill": value, "rto_awb": value, "reference_number": "R", "clickpost_status_code": 5}
    [update] = read_delivery(
        Source.WEBHOOK, json.dumps(hook).encode(), received_at=datetime(2026, 11, 1, tzinfo=UTC), zone=ZoneInfo("UTC")
    )
    assert (update.waybill, update.rto_waybill, update.reference_number) == ("", "", "R")
    file = tmp_path / "report.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([["AWB", "Reference Number"], [value, "R-1"]])
    [row] = read_report(file, file.name, zone=ZoneInfo("UTC"))
    assert (row.waybill, row.reference_number) == ("", "R-1")
