from __future__ import annotations

import contextlib
import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.tracking import webhook_registration
from awbridge.clickpost.tracking.webhook_registration import Registration, parse_registration, webhook_identity
from awbridge.clickpost.wire.lenient_json import Reply, read_json
from tests.clickpost.strategies import json_values


def identity(body: Any) -> str:
    return webhook_identity(json.dumps(body).encode())


def test_the_vendors_id_is_the_identity_in_every_place() -> None:
    assert identity({"order_status_id": 991, "waybill": "W"}) == "osid:991"
    assert identity({"order_status_id": "991"}) == "osid:991"
    assert identity({"order_status_id": None, "additional": {"order_status_id": 991}}) == "osid:991"


def test_one_scan_gives_several_events() -> None:
    assert identity({"order_status_id": 991, "notification_event_id": "4"}) == "osid:991:event:4"
    assert identity({"order_status_id": 991, "additional": {"notification_event_id": 5}}) == "osid:991:event:5"


@pytest.mark.parametrize("no_id", [None, "", 0, "0", "null", True, {}, "x" * 300])
def test_without_an_id_the_bytes_are_the_identity(no_id: Any) -> None:
    one, other = (
        identity({"order_status_id": no_id, "waybill": "A"}),
        identity({"order_status_id": no_id, "waybill": "B"}),
    )
    assert one.startswith("sha:")
    assert one != other
    assert one == identity({"order_status_id": no_id, "waybill": "A"})


def test_a_list_of_deliveries_is_accepted() -> None:
    assert identity([{"order_status_id": 1}, {"order_status_id": 2}]).startswith("sha:")


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b'"text"', b"null", b"[]", b"[1]", b"waybill=1", b"\xff"])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        webhook_identity(body)


@given(json_values)
def test_identities_are_short_and_fit_to_be_stored(value: Any) -> None:
    for body in (value, {"order_status_id": value}, {"additional": value}, {"additional": {"order_status_id": value}}):
        try:
            found = identity(body)
        except ValueError:
            continue
        assert len(found) < 300
        assert "\x00" not in found
        found.encode()


_id_values = st.sampled_from([1, 0, "7", " 8 ", "", None, 1.0, True, [], {}, "null", 10**30])
_ids = st.fixed_dictionaries(
    {}, optional={"order_status_id": _id_values, "notification_event_id": _id_values, "more": _id_values}
)


@given(_ids, st.none() | _id_values | _ids)
def test_reading_the_ids_alone_yields_the_same_identity_as_reading_all(outer: dict[str, Any], additional: Any) -> None:
    body = json.dumps({**outer, "additional": additional}).encode()
    with patch.object(webhook_registration, "_read", read_json):
        expected = webhook_identity(body)
    assert webhook_identity(body) == expected


@given(st.binary())
def test_only_value_errors_are_raised(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        webhook_identity(body)


def test_registrations_are_read_and_hide_their_key() -> None:
    body = {"message": "done", "webhook_key": "hush-1", "success": True, "status_code": 200}
    registration = parse_registration(Reply(http_status=200, body=body))
    assert registration == Registration(code=200, message="done", webhook_key="hush-1")
    assert registration.registered
    assert "hush" not in repr(registration)
    taken = parse_registration(Reply(http_status=200, body={"meta": {"status": 305, "message": "exists"}}))
    assert (taken.code, taken.registered, taken.webhook_key) == (305, False, "")
