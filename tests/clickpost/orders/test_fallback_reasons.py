"""Which refusals allow another courier."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awbridge.clickpost.orders.fallback_reasons import all_were_refused, fallback_reason
from awbridge.domain.call import Call

PLAIN: dict[str, Any] = {"shipment_details": {"reference_number": "R"}}


def answered(code: int | None, message: str = "", *, http: int | None = 200, api: str = "create-order") -> Call:
    body = "" if code is None else json.dumps({"meta": {"status": code, "success": False, "message": message}})
    return Call(api=api, method="POST", url="u", http_status=http, response=body)


def why(*calls: Call, at_least: int = 1, payload: dict[str, Any] = PLAIN) -> str | None:
    return fallback_reason(calls, payload, at_least=at_least)


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (311, "", "takes no returns"),
        (321, "", "used up"),
        (330, "Waybill does not exist", "used up"),
        (319, "Drop pincode is not serviceable", "not serviceable (319)"),
        (354, "NON-SERVICEABLE area", "not serviceable (354)"),
        (319, "Service is not available at 560001", "not serviceable (319)"),
        (319, "The courier refused the order", "refused by the courier (319)"),
        (354, "", "refused by the courier (354)"),
    ],
)
def test_these_refusals_allow_another_courier(code: int, message: str, reason: str) -> None:
    assert reason in (why(answered(code, message)) or "")


@pytest.mark.parametrize(
    "call",
    [
        answered(319, "Invalid pincode"),
        answered(319, "consignee phone is mandatory"),
        answered(354, "drop_phone should have 10 digits"),
        answered(314, "not serviceable"),
        answered(302),
        answered(315),
        answered(324),
        answered(353),
        answered(322),
        answered(329),
        answered(200),
        answered(323),
        answered(202),
        answered(None),
        answered(319, "not serviceable", http=500),
        answered(319, "not serviceable", http=429),
        answered(None, http=None),
    ],
)
def test_bad_data_account_errors_and_transient_failures_stay_with_the_courier(call: Call) -> None:
    assert why(call) is None


def test_an_unclear_refusal_must_repeat_and_a_clear_one_need_not() -> None:
    unclear = answered(319, "not serviceable")
    assert why(unclear, unclear, at_least=3) is None
    assert why(unclear, answered(329), unclear, unclear, at_least=3)
    assert why(answered(311), at_least=3)


def test_only_the_last_answer_to_create_order_counts() -> None:
    assert why(answered(319), answered(500, http=500)) is None
    assert why(answered(319), answered(330, api="fetch-order"))
    assert why() is None


def test_a_refused_waybill_that_the_order_named_is_no_reason_for_another_courier() -> None:
    assert why(answered(330), payload={"shipment_details": {"awb_number": "A1"}}) is None


def test_all_were_refused_only_without_lost_broken_or_good_answers() -> None:
    refused = [answered(319), answered(354, "x"), answered(311), answered(353), answered(330, api="fetch-order")]
    assert all_were_refused(refused)
    for other in (
        answered(None, http=None),
        answered(322),
        answered(202),
        answered(303),
        answered(200),
        answered(404),
        answered(319, http=500),
        answered(None),
    ):
        assert not all_were_refused([*refused, other])
    assert not all_were_refused([])
