from __future__ import annotations

import pytest

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, ANSWERS, AnswerKind, advice_for, classify


@pytest.mark.parametrize(
    ("http_status", "business_status", "answer"),
    [
        (200, 200, AnswerKind.SUCCESS),
        (200, 323, AnswerKind.SUCCESS),
        (201, 200, AnswerKind.UNCLEAR),
        (400, 200, AnswerKind.UNCLEAR),
        (200, 303, AnswerKind.REGISTERED),
        (400, 303, AnswerKind.UNCLEAR),
        (200, 102, AnswerKind.PENDING),
        (202, 202, AnswerKind.PENDING),
        (400, 202, AnswerKind.UNCLEAR),
        (200, 322, AnswerKind.TRANSIENT),
        (200, 329, AnswerKind.TRANSIENT),
        (200, 500, AnswerKind.TRANSIENT),
        (500, 200, AnswerKind.TRANSIENT),
        (504, None, AnswerKind.TRANSIENT),
        (408, None, AnswerKind.TRANSIENT),
        (429, None, AnswerKind.THROTTLED),
        (429, 200, AnswerKind.THROTTLED),
        (200, 319, AnswerKind.UNCLEAR),
        (200, 354, AnswerKind.UNCLEAR),
        (200, None, AnswerKind.UNCLEAR),
        (302, None, AnswerKind.UNCLEAR),
        (404, None, AnswerKind.UNCLEAR),
        (405, 400, AnswerKind.UNCLEAR),
        (200, 777, AnswerKind.UNCLEAR),
        (401, None, AnswerKind.CONFIGURATION),
        (403, 200, AnswerKind.CONFIGURATION),
        (400, None, AnswerKind.PERMANENT),
        (400, 301, AnswerKind.CONFIGURATION),
        *((200, code, AnswerKind.CONFIGURATION) for code in (301, 306, 316, 320, 324, 351, 352, 353)),
        *((200, code, AnswerKind.PERMANENT) for code in (302, *range(307, 316), 321, 328, 330, 350, 355, 400, 422)),
    ],
)
def test_answers_are_classified(http_status: int, business_status: int | None, answer: AnswerKind) -> None:
    assert classify(http_status, business_status) is answer


def test_no_answer_code_is_in_two_classes_and_each_of_the_vendors_has_a_name() -> None:
    assert {code for code in ANSWERS if 300 <= code < 400} <= set(ANSWER_NAMES)


@pytest.mark.parametrize("code", sorted(set(ANSWERS) - {200}))
def test_every_code_has_advice(code: int) -> None:
    advice = (
        advice_for(code, None) if code in (401, 403, 404, 405, 406, 408, 429, 502, 503, 504) else advice_for(200, code)
    )
    assert advice.endswith(".")


@pytest.mark.parametrize(
    ("http_status", "business_status", "word"),
    [
        (None, None, "Repeat"),
        (200, 777, "not understood"),
        (200, None, "not understood"),
        (400, None, "Correct"),
        (401, 200, "key"),
        (429, 200, "Retry-After"),
        (503, 301, "passed"),
        (599, None, "passed"),
        (200, 301, "key"),
        (400, 315, "cod_value"),
    ],
)
def test_the_advice_is_for_the_code_that_decided(
    http_status: int | None, business_status: int | None, word: str
) -> None:
    assert word in advice_for(http_status, business_status)


def test_a_success_needs_no_advice() -> None:
    assert advice_for(200, 200) == ""


def test_only_outcomes_that_may_change_are_retried() -> None:
    assert {answer for answer in AnswerKind if answer.again} == {
        AnswerKind.PENDING,
        AnswerKind.TRANSIENT,
        AnswerKind.THROTTLED,
        AnswerKind.UNCLEAR,
    }
