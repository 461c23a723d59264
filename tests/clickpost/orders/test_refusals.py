"""The meaning of a refusal's text, in the spellings of different couriers."""

from __future__ import annotations

import pytest

from awbridge.clickpost.orders.create import parse_create_order
from awbridge.clickpost.orders.refusals import courier_did_not_answer, is_already_held, is_unknown_vendor_code
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import AlreadyHeld, Misconfigured, Rejected, TryLater

HELD = (
    *("AWB Already Exists", "Waybill already generated", "Order id already exists", "Shipment already manifested"),
    *("Error In Order Placing To Courier Partner: AWB Already Exists", "Duplicate order", "DUPLICATE  ORDER-ID"),
    *("duplicate_awb", "AWBAlreadyExists", "awb_already_exists", "Way bill all ready used", "Already Manifested!"),
    *("Order with reference number 77 already exists", "Reference number should be unique", "AWB has been used"),
    *("The waybill 123 is already in use", "Duplicate entry '77' for key 'orders.reference'", "Consignment exists"),
    *("order number 77 exists in system", "Order is a duplicate", "You have already placed this order"),
    *("Reference No. has been already used", '{"awb": ["already exists"]}', "Client order id already exists"),
    *("Order has been booked already", "Existing shipment found for reference", "Waybill number not unique"),
    *("Customer already exists. Shipment already created for this customer", "Duplicate Order Number for client"),
)
NOT_HELD = (
    *("", "Waybill does not exist", "AWB doesn't exist", "No such order exists", "awb is not present"),
    *("Drop pincode is not serviceable", "Invalid AWB number", "Duplicate SKU in items", "duplicate item in order"),
    *("Pickup already scheduled for today", "Warehouse already exists", "Clickpost Account: Does not exist"),
    *("ClientWarehouse matching query does not exist.", "Order weight must be greater than 0"),
    *("Error In Order Placing To Courier Partner", "AWB series has been used up", "Shipment already cancelled"),
    *("order can not exist without items", "Given AWB number not exists", "phone number is required"),
)


def refusal(code: int, message: str, **beside: object) -> Reply:
    body: JsonObject = {"meta": {"status": code, "success": False, "message": message}, **beside}
    return Reply(http_status=200, body=body)


@pytest.mark.parametrize("words", HELD)
def test_texts_that_mean_that_the_order_is_already_held(words: str) -> None:
    assert is_already_held(words)
    assert words == "AWBAlreadyExists" or is_already_held(words.upper())
    assert is_already_held(words.replace(" ", "\u00a0 "))


@pytest.mark.parametrize("words", NOT_HELD)
def test_texts_that_do_not_mean_that_the_order_is_already_held(words: str) -> None:
    assert not is_already_held(words)


@pytest.mark.parametrize("code", [319, 354, 329, 322, 400, 303, 420, 500, 999])
@pytest.mark.parametrize("words", ["AWB Already Exists", "Duplicate order"])
def test_an_already_held_order_is_no_refusal_under_any_code(code: int, words: str) -> None:
    outcome = parse_create_order(refusal(code, f"Error In Order Placing To Courier Partner: {words}"), "R")
    if code == 303:  # a code of its own for this: asked again, it may give the waybill
        assert isinstance(outcome, TryLater)
        assert outcome.maybe_placed
    else:
        assert isinstance(outcome, AlreadyHeld)
        assert words in outcome.message


def test_the_text_may_be_in_the_result() -> None:
    refused = refusal(319, "Error In Order Placing To Courier Partner", result={"errors": ["Order id already exists"]})
    assert isinstance(parse_create_order(refused, "R"), AlreadyHeld)


def test_a_waybill_in_such_a_refusal_is_reported_and_not_used() -> None:
    outcome = parse_create_order(refusal(319, "AWB Already Exists", result={"waybill": "AWB77"}), "R")
    assert isinstance(outcome, AlreadyHeld)
    assert "AWB77" in outcome.message


@pytest.mark.parametrize(
    "words", ["Read timed out", "Connection reset by peer", "No response from courier", "504 Gateway"]
)
def test_a_courier_that_did_not_answer_did_not_refuse(words: str) -> None:
    assert courier_did_not_answer(words)
    outcome = parse_create_order(refusal(319, f"Error In Order Placing To Courier Partner: {words}"), "R")
    assert isinstance(outcome, TryLater)
    assert outcome.courier_silent
    assert not outcome.refused


@pytest.mark.parametrize("code", [329, 322, 500, 502, 503, 504, 408, 999])
def test_an_unclear_answer_does_not_prove_that_no_order_was_placed(code: int) -> None:
    outcome = parse_create_order(refusal(code, "no idea"), "R")
    assert isinstance(outcome, TryLater)
    assert outcome.courier_silent
    assert not outcome.refused


@pytest.mark.parametrize("code", [319, 354, 420])
def test_an_explicit_refusal_is_a_refusal(code: int) -> None:
    outcome = parse_create_order(refusal(code, "Drop pincode is not serviceable", reference_number="R"), "R")
    assert isinstance(outcome, TryLater)
    assert outcome.refused
    assert not (outcome.courier_silent)
    assert not (outcome.silent)
    assert not (outcome.maybe_placed)


@pytest.mark.parametrize("code", [319, 354, 355, 400])
def test_an_unknown_pickup_place_is_a_configuration_error_of_the_account(code: int) -> None:
    words = "ClientWarehouse matching query does not exist."
    assert is_unknown_vendor_code(words)
    assert is_unknown_vendor_code("client_warehouse matching  query doesn't exist")
    outcome = parse_create_order(refusal(code, words), "R")
    assert isinstance(outcome, Misconfigured)
    assert "vendor_code" in outcome.message


@pytest.mark.parametrize("code", [325, 326])
def test_account_and_courier_configuration(code: int) -> None:
    assert isinstance(parse_create_order(refusal(code, ""), "R"), Misconfigured)


def test_355_itself_stays_the_orders_own() -> None:
    assert isinstance(parse_create_order(refusal(355, "Vendor code not found"), "R"), Rejected)
