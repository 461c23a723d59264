from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.orders.create import parse_create_order, parse_fetch_order
from awbridge.clickpost.wire.lenient_json import Reply, read_reply
from awbridge.domain.orders.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.steps.registration.verdict import tally
from tests.clickpost.strategies import json_values

REFERENCE = "REF-1001"


def parse(body: Any, http_status: int = 200, retry_after: float | None = None) -> Outcome:
    return parse_create_order(Reply(http_status=http_status, body=body, retry_after=retry_after), REFERENCE)


def answer(status: Any, message: str = "", **result: Any) -> dict[str, Any]:
    return {"meta": {"status": status, "success": status == 200, "message": message}, "result": result or None}


def test_a_placed_order_has_every_field_of_the_answer() -> None:
    body = answer(
        200,
        waybill=590010001,
        reference_number=REFERENCE,
        label="https://labels.example/1.pdf?sig=1",
        sort_code="PNQ/1",
        security_key="s-1",
        courier_name="Delhivery",
        courier_partner_id="4",
        account_code="main",
        order_id="77",
    )
    body |= {"order_id": 123456, "tracking_id": 99}
    assert parse(body) == Placed(
        waybill="590010001",
        courier_partner_id=4,
        account_code="main",
        label_url="https://labels.example/1.pdf?sig=1",
        sort_code="PNQ/1",
        security_key="s-1",
        courier_name="Delhivery",
        vendor_order_id="123456",
        shown_reference=REFERENCE,
        shown_order_id="77",
    )


def test_323_is_success_with_the_earlier_waybill() -> None:
    placed = parse(answer(323, "You have already placed this order", waybill="W1", courier_partner=5, order_id=7))
    assert placed == Placed(waybill="W1", already=True, courier_partner_id=5, vendor_order_id="7")


def test_children_are_found_in_each_place_and_once() -> None:
    children = [
        {"waybill": "W1-1", "item": {"waybill": "W1-1"}},
        {"waybill": None, "item": {"waybill": "W1-2"}},
        {"waybill": "W1", "sku": "main itself"},
        {"waybill": "", "item": None},
        None,
        {"sku": "a", "waybill": "W1-1"},
    ]
    placed = parse(answer(200, waybill="W1", children=children))
    assert isinstance(placed, Placed)
    assert placed.children == ("W1-1", "W1-2")


def test_the_second_waybill_of_a_multi_modal_shipment_is_kept_with_its_label() -> None:
    body = answer(200, waybill="W1", waybill1="W2", label1="https://labels.example/W2.pdf", DestinationArea="BLR")
    placed = parse(body)
    assert isinstance(placed, Placed)
    assert (placed.waybill, placed.children) == ("W1", ("W2",))
    assert [piece.label_url for piece in placed.pieces] == ["https://labels.example/W2.pdf"]


@pytest.mark.parametrize(("code", "kind"), [(102, Pending), (202, Pending), (323, Placed)])
def test_success_false_does_not_override_these_codes(code: int, kind: type) -> None:
    body = {"meta": {"status": code, "success": False}, "result": {"waybill": "W1", "reference_number": REFERENCE}}
    assert isinstance(parse(body), kind)


def test_the_status_is_read_from_each_place() -> None:
    result = {"waybill": "W1"}
    for body in (
        {"meta": {"status_code": 200}, "result": result},
        {"meta": {"status": "200"}, "result": result},
        {"status_code": 200, "message": "ok", "result": result},
        {"meta": {"status": 200}, "result": [{"waybill": "W2"}, {**result, "reference_number": REFERENCE}]},
        {"meta": {"status": 200}, "waybill": "W1", "result": None},
    ):
        placed = parse(body)
        assert isinstance(placed, Placed), body
        assert placed.waybill == "W1"


def test_success_needs_more_than_the_word_success() -> None:
    for body in (
        {"meta": {"success": True}, "result": {"waybill": "W1"}},
        {"success": True, "result": {"waybill": "W1"}},
        answer(200),
        answer(323, waybill="null"),
        answer(200, waybill=None),
    ):
        outcome = parse(body)
        assert isinstance(outcome, TryLater), body
        assert outcome.unclear
    assert isinstance(parse(answer(200, waybill="W1"), http_status=201), TryLater)


def test_303_is_success_only_with_the_waybill_of_this_reference() -> None:
    placed = parse(answer(303, waybill="W1", reference_number=REFERENCE))
    assert isinstance(placed, Placed)
    assert placed.already
    assert isinstance(parse(answer(303, waybill="W1")), Placed)
    for body in (answer(303, waybill="W1", reference_number="OTHER"), answer(303)):
        outcome = parse(body)
        assert isinstance(outcome, TryLater)
        assert outcome.unclear


@pytest.mark.parametrize("code", [102, 202])
def test_queued_is_neither_success_nor_failure(code: int) -> None:
    assert isinstance(parse(answer(code, "queued")), Pending)
    assert isinstance(parse(answer(code, "queued"), http_status=202), Pending)


def test_throttling_uses_up_no_attempt() -> None:
    outcome = parse(None, http_status=429, retry_after=17.0)
    assert isinstance(outcome, TryLater)
    assert (outcome.counts, outcome.retry_after) == (False, 17.0)


@pytest.mark.parametrize("body", [None, "text", [], answer(200, waybill="W1"), {"meta": None}])
@pytest.mark.parametrize("http_status", [500, 502, 503, 504])
def test_a_server_error_is_transient_with_any_body(http_status: int, body: Any) -> None:
    outcome = parse(body, http_status=http_status)
    assert isinstance(outcome, TryLater)
    assert (outcome.counts, outcome.unclear) == (True, False)


@pytest.mark.parametrize("http_status", [200, 201, 302])
@pytest.mark.parametrize("content", [b"<html>Please wait</html>", b"", b"null", b"OK"])
def test_an_answer_not_from_clickpost_is_transient_counts_for_the_breaker_and_leaves_the_outcome_open(
    http_status: int, content: bytes
) -> None:
    outcome = parse_create_order(read_reply(http_status, content, now=datetime.now(UTC)), "R")
    assert isinstance(outcome, TryLater)
    assert (outcome.counts, outcome.unclear, outcome.silent, outcome.refused) == (True, False, True, False)
    assert tally([(outcome, False)] * 10).failed == 10


@pytest.mark.parametrize("code", [322, 329, 500])
def test_server_errors_of_the_courier_are_transient(code: int) -> None:
    outcome = parse(answer(code, "courier is down"))
    assert isinstance(outcome, TryLater)
    assert not outcome.unclear


@pytest.mark.parametrize(
    ("http_status", "body"),
    [
        (200, answer(319, "pincode not serviceable")),
        (200, answer(354)),
        (200, answer(999)),
        (200, {}),
        (200, "<html>"),
        (404, None),
        (405, {"detail": "no"}),
        (406, None),
    ],
)
def test_an_unforeseen_answer_is_unclear(http_status: int, body: Any) -> None:
    outcome = parse(body, http_status=http_status)
    assert isinstance(outcome, TryLater)
    assert (outcome.unclear, outcome.counts) == (True, True)


@pytest.mark.parametrize("code", [301, 306, 316, 320, 324, 351, 352, 353])
def test_key_and_account_are_configuration(code: int) -> None:
    outcome = parse(answer(code, "the reason"))
    assert isinstance(outcome, Misconfigured)
    assert outcome.code == code
    assert "the reason" in outcome.message


@pytest.mark.parametrize("http_status", [401, 403])
def test_denied_access_is_a_configuration_error(http_status: int) -> None:
    assert isinstance(parse(None, http_status=http_status), Misconfigured)


@pytest.mark.parametrize("code", [302, *range(307, 316), 321, 328, 330, 355, 400, 422])
def test_the_payload_is_rejected(code: int) -> None:
    for http_status in (200, 400):
        outcome = parse(answer(code), http_status=http_status)
        assert isinstance(outcome, Rejected)
        assert outcome.code == code


def test_a_rejection_names_the_fields_by_code_and_by_message() -> None:
    outcome = parse(answer(315, "{'drop_info': {'drop_pincode': ['wrong']}, 'Weight': 'too high'}"))
    assert isinstance(outcome, Rejected)
    assert outcome.fields == (
        "shipment_details.cod_value",
        "drop_info",
        "drop_info.drop_pincode",
        "shipment_details.weight",
    )


def test_a_label_that_is_not_a_web_address_is_none() -> None:
    for label in ("javascript:alert(1)", "data:application/pdf;base64,AA", None, ""):
        placed = parse(answer(200, waybill="W1", label=label))
        assert isinstance(placed, Placed)
        assert placed.label_url is None


def test_a_fetched_order_is_there_or_not() -> None:
    found = parse_fetch_order(Reply(http_status=200, body=answer(200, waybill="W1")))
    assert found is not None
    assert found.waybill == "W1"
    for reply in (Reply(http_status=400, body={}), Reply(http_status=200, body=answer(330)), Reply(http_status=200)):
        assert parse_fetch_order(reply) is None


@given(json_values, st.integers(100, 599))
def test_no_answer_makes_it_raise(body: Any, http_status: int) -> None:
    assert isinstance(parse(body, http_status), Outcome)
    assert not isinstance(parse(body, http_status), Unknown)


@given(st.dictionaries(st.sampled_from(["waybill", "label", "children", "order_id", "courier_partner"]), json_values))
def test_no_result_makes_it_raise(result: dict[str, Any]) -> None:
    parse({"meta": {"status": 200}, "result": result})


@pytest.mark.parametrize(
    ("http_status", "body", "silent"),
    [
        (500, None, True),
        (502, None, True),
        (504, {"meta": {"status": 500, "message": "?"}}, True),
        (408, None, True),
        (200, None, True),
        (200, {"meta": {}}, True),
        (200, {"meta": {"status": 319, "message": "not serviceable"}}, False),
        (200, {"meta": {"status": 322, "message": "courier"}}, False),
        (404, None, False),
        (429, None, False),
    ],
)
def test_an_answer_not_from_clickpost_leaves_the_outcome_unknown(http_status: int, body: Any, silent: bool) -> None:
    outcome = parse_create_order(Reply(http_status=http_status, body=body), "R")
    assert isinstance(outcome, TryLater)
    assert outcome.silent is silent
