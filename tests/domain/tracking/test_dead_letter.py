from __future__ import annotations

import pytest

from awbridge.domain.tracking.dead_letter import DeadLetterReason, problem_text, reason_of, text_of


@pytest.mark.parametrize("reason", DeadLetterReason)
def test_a_stored_problem_names_its_reason_and_reads_as_a_text(reason: DeadLetterReason) -> None:
    stored = reason.of("entry 1 of 2: it names none")
    assert reason_of(stored) is reason
    assert problem_text(stored) == text_of(reason, "entry 1 of 2: it names none")
    assert str(reason) not in problem_text(stored)
    assert "entry 1 of 2: it names none" in problem_text(stored)


def test_a_reason_needs_no_details() -> None:
    assert DeadLetterReason.EMPTY_LIST.of("") == "empty_list"
    assert problem_text("empty_list") == "the list is empty"


@pytest.mark.parametrize(
    "text", ["it is not JSON: Expecting value", "no shipment of ours: w:AWB1", "waybill 777 is in use by R1 and R2", ""]
)
def test_the_text_of_an_older_version_is_shown_as_it_is(text: str) -> None:
    assert (reason_of(text), problem_text(text)) == (None, text)
