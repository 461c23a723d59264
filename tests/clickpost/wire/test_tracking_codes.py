from __future__ import annotations

import pytest

from awbridge.clickpost.wire.tracking_codes import STATUSES, ndr_name, status_info, status_name
from awbridge.domain.tracking.lifecycle import Bucket

ON_THE_WAY = (28, 1, 2, 25, 4, 1005, 1006, 5, 1004, 6, 9, 8)
ON_THE_WAY_BACK = (11, 12, 21, 13, 15, 14)
ENDS = (23, 10, 17, 16)


def test_steps_grow_along_the_journey_and_its_ends_come_last() -> None:
    steps = [status_info(code).step for code in (*ON_THE_WAY, *ON_THE_WAY_BACK, *ENDS)]
    assert steps == sorted(set(steps))


def test_final_codes_are_those_after_which_polling_stops() -> None:
    assert {code for code, info in STATUSES.items() if info.final} == {8, 10, 14, 16, 17, 23, 32}


@pytest.mark.parametrize(
    ("bucket", "codes"),
    [
        (Bucket.ORDER_PLACED, (1, 2, 3, 10, 25, 28)),
        (Bucket.SHIPPED, (4,)),
        (Bucket.IN_TRANSIT, (5, 18, 19, 20)),
        (Bucket.OUT_FOR_DELIVERY, (6,)),
        (Bucket.FAILED_DELIVERY, (7, 9)),
        (Bucket.DELIVERED, (8,)),
        (Bucket.RETURNED, (11, 12, 13, 14, 15, 21, 26, 27)),
        (Bucket.LOST, (16,)),
        (Bucket.DAMAGED, (17,)),
    ],
)
def test_buckets_are_the_vendors(bucket: Bucket, codes: tuple[int, ...]) -> None:
    assert {status_info(code).bucket for code in codes} == {bucket}


@pytest.mark.parametrize("code", [43, 50, 0, -7, 999999])
def test_an_unknown_status_stays_visible_and_harmless(code: int) -> None:
    info = status_info(code)
    assert (info.name, info.bucket, info.final, info.known) == (f"Unknown({code})", Bucket.IN_TRANSIT, False, False)
    assert info.code == code
    assert info.step == status_info(5).step


def test_codes_that_pages_leave_out_have_names() -> None:
    assert [status_info(code).name for code in (1005, 1006)] == ["OriginCityIn", "OriginCityOut"]
    assert ndr_name(13) == "Misrouted by Courier"


def test_an_unpublished_code_is_named_by_the_vendors_description() -> None:
    assert (status_info(43, "RiderAllocated").name, status_name(43, "RiderAllocated")) == ("RiderAllocated",) * 2
    assert status_info(8, "Handed over").name == "Delivered", "a published code keeps its published name"
    assert (status_name(None), status_name(43, None)) == ("", "Unknown(43)")
    assert [ndr_name(99, words) for words in ("OTP Mismatch", "")] == ["OTP Mismatch", "Unknown(99)"]
    assert (ndr_name(99, unknown=""), ndr_name(None, "x")) == ("", "")


@pytest.mark.parametrize("code", range(101, 107))
def test_returns_that_customers_request_are_not_a_status_of_the_parcel(code: int) -> None:
    info = status_info(code, "its own words")
    assert (info.about_return, info.final, info.step) == (True, False, 0)
    assert info.name == {101: "Return Request Placed", 102: "Return Request Approved"}.get(code, "its own words")
