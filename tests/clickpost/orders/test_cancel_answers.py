"""What ClickPost's answers to cancel-order mean."""

from __future__ import annotations

import json

import pytest

from awbridge.clickpost.wire.answers import CancelAnswer, parse_cancel_order
from awbridge.clickpost.wire.lenient_json import Reply, read_json
from awbridge.domain.call import Call


def answer(http: int, code: int | None, message: str) -> CancelAnswer:
    body = {"meta": {"message": message, "success": False} | ({} if code is None else {"status": code})}
    text = json.dumps(body)
    reply = Reply(http_status=http, body=read_json(text.encode()), text=text)
    return parse_cancel_order(reply, Call(api="cancel-order", method="GET", url="u"))


@pytest.mark.parametrize(("http", "code"), [(400, 400), (400, None), (200, 400)])
@pytest.mark.parametrize(
    "message", ["Order is already in a deleted state", "Already cancelled", "AWB already in deleted state."]
)
def test_an_already_deleted_order_is_cancelled(http: int, code: int | None, message: str) -> None:
    assert answer(http, code, message).cancelled


@pytest.mark.parametrize(
    ("http", "code", "message"),
    [
        (400, 350, "Invalid Waybill/ Waybill cannot be cancelled"),
        (400, 400, "Order is already delivered"),
        (400, 400, "account_code is required"),
        (200, 351, "Clickpost Account: Does not exist"),
    ],
)
def test_any_other_refusal_is_none(http: int, code: int, message: str) -> None:
    assert not answer(http, code, message).cancelled


def test_throttling_does_not_count() -> None:
    assert (answer(429, None, "slow down").again, answer(429, None, "slow down").counts) == (True, False)
    assert answer(500, None, "broken").counts
