from __future__ import annotations

import pytest

from awbridge.clickpost.codes import ANSWER_NAMES, ANSWERS, STATUSES, Answer, classify, status_info
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


@pytest.mark.parametrize(
    ("http_status", "business_status", "answer"),
    [
        (200, 200, Answer.SUCCESS),
        (200, 323, Answer.SUCCESS),
        (201, 200, Answer.UNCLEAR),
        (400, 200, Answer.UNCLEAR),
        (200, 303, Answer.REGISTERED),
        (400, 303, Answer.UNCLEAR),
        (200, 102, Answer.PENDING),
        (202, 202, Answer.PENDING),
        (400, 202, Answer.UNCLEAR),
        (200, 322, Answer.TRANSIENT),
        (200, 329, Answer.TRANSIENT),
        (200, 500, Answer.TRANSIENT),
        (500, 200, Answer.TRANSIENT),
        (504, None, Answer.TRANSIENT),
        (408, None, Answer.TRANSIENT),
        (429, None, Answer.THROTTLED),
        (429, 200, Answer.THROTTLED),
        (200, 319, Answer.UNCLEAR),
        (200, 354, Answer.UNCLEAR),
        (200, None, Answer.UNCLEAR),
        (302, None, Answer.UNCLEAR),
        (404, None, Answer.UNCLEAR),
        (405, 400, Answer.UNCLEAR),
        (200, 777, Answer.UNCLEAR),
        (401, None, Answer.CONFIGURATION),
        (403, 200, Answer.CONFIGURATION),
        (400, None, Answer.PERMANENT),
        (400, 301, Answer.CONFIGURATION),
        *((200, code, Answer.CONFIGURATION) for code in (301, 306, 316, 320, 324, 351, 352, 353)),
        *((200, code, Answer.PERMANENT) for code in (302, *range(307, 316), 321, 328, 330, 350, 355, 400, 422)),
    ],
)
def test_answers_are_classed(http_status: int, business_status: int | None, answer: Answer) -> None:
    assert classify(http_status, business_status) is answer


def test_no_answer_code_is_in_two_classes_and_each_of_the_vendors_has_a_name() -> None:
    assert {code for code in ANSWERS if 300 <= code < 400} <= set(ANSWER_NAMES)
