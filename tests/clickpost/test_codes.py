from __future__ import annotations

import pytest

from awbridge.clickpost.codes import STATUSES, status_info
from awbridge.domain.lifecycle import Bucket

ON_THE_WAY = (28, 1, 2, 25, 4, 5, 1004, 6, 9, 8)
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


@pytest.mark.parametrize("code", [43, 1005, 0, -7, 999999])
def test_an_unknown_status_stays_visible_and_harmless(code: int) -> None:
    info = status_info(code)
    assert (info.name, info.bucket, info.final, info.known) == (f"Unknown({code})", Bucket.IN_TRANSIT, False, False)
    assert info.code == code
    assert info.step == status_info(5).step
