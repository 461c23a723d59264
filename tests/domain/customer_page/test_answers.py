"""The shop's rules for customers' answers, what may be answered when, and what becomes of an answer."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awbridge.domain.customer_page.answer_rules import AnswerHandling, AnswerRules, read_rules
from awbridge.domain.customer_page.answerable import answerable
from awbridge.domain.customer_page.answers import (
    AFTER_FAILURE,
    NOT_RECEIVED_WITHIN,
    TASKS,
    AnswerState,
    CustomerAnswer,
    CustomerAnswerKind,
    answer_id,
    days_to_choose,
    followed,
    instruction_day,
)
from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.milestones import Failure
from awbridge.domain.tracking.pieces import PieceStatus
from tests.support.rows import T0

TODAY = date(2026, 11, 2)
NONE = AnswerRules()


def test_without_rules_an_operator_is_asked() -> None:
    assert {read_rules("").handling(4, 1, kind) for kind in CustomerAnswerKind} == {AnswerHandling.ASK}


def test_the_last_rule_that_matches_decides() -> None:
    rules = read_rules("*/*/*=ask, 4/*/deliver_again=send, 4/6/deliver_again=ask, */*/refuse=off")
    assert rules.handling(4, 1, CustomerAnswerKind.DELIVER_AGAIN) is AnswerHandling.SEND
    assert rules.handling(4, 6, CustomerAnswerKind.DELIVER_AGAIN) is AnswerHandling.ASK
    assert rules.handling(4, None, CustomerAnswerKind.DELIVER_AGAIN) is AnswerHandling.SEND
    assert rules.handling(6, 1, CustomerAnswerKind.DELIVER_AGAIN) is AnswerHandling.ASK
    assert rules.handling(4, 1, CustomerAnswerKind.REFUSE) is AnswerHandling.OFF
    assert read_rules("4/6/*=off,*/*/*=ask").handling(4, 6, CustomerAnswerKind.REFUSE) is AnswerHandling.ASK


def test_a_rule_sends_nothing_for_which_there_is_no_instruction() -> None:
    rules = read_rules("*/*/*=send")
    assert {kind for kind in CustomerAnswerKind if rules.handling(4, 1, kind) is AnswerHandling.ASK} == set(TASKS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("deliver_again=send", "is not courier/reason/answer=send"),
        ("4/1/deliver_again", "is not courier/reason/answer=send"),
        ("4/1/deliver_again=maybe", "write one of send, ask, off"),
        ("4/1/redeliver=ask", "'redeliver' is no answer; write one of deliver_again"),
        ("delhivery/1/refuse=ask", "the courier is its courier_partner_id"),
        ("4/x/refuse=ask", "the reason is an NDR code"),
        ("*/*/pick_up=send", "has no instruction for pick_up"),
    ],
)
def test_a_wrong_rule_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_rules(text)


@settings(deadline=None)
@given(st.text(alphabet="*/=,4 abask_sendo", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rules = read_rules(text)
    except ValueError:
        return
    assert read_rules(",".join(map(str, rules.rules))) == rules


def a_shipment(**changes: Any) -> Shipment:
    values = dict.fromkeys(Shipment.__struct_fields__)
    values |= {"reference_number": "R", "state": State.PLACED, "waybill": "AWB1", "delivery_type": "FORWARD"}
    values |= {"courier_partner_id": 4, "final": False, "children": (), "created_at": T0, "ndr_at": T0, "ndr_code": 1}
    values |= {"status_bucket": Bucket.FAILED_DELIVERY, "status_at": T0}
    return Shipment(**cast("Any", values | changes))


def an_answer(**changes: Any) -> CustomerAnswer:
    values: dict[str, Any] = {
        **{"id": answer_id("R"), "reference_number": "R", "waybill": "", "kind": CustomerAnswerKind.DELIVER_AGAIN},
        **{"day": TODAY, "body": {}, "state": AnswerState.RECEIVED, "why": None, "about_at": T0},
        **{"courier_partner_id": 4, "ndr_code": 1, "action": None, "settled_by": None, "received_at": T0},
        **{"settled_at": None, "updated_at": T0},
    }
    return CustomerAnswer(**values | changes)


def kinds(
    shipment: Shipment, *answers: CustomerAnswer, rules: str = "", now: Any = T0
) -> list[tuple[CustomerAnswerKind, ...]]:
    return [one.kinds for one in answerable(shipment, (), answers, read_rules(rules), now)]


def test_a_failed_delivery_may_be_answered() -> None:
    assert kinds(a_shipment()) == [AFTER_FAILURE]


@pytest.mark.parametrize(
    "changes",
    [
        {"status_bucket": Bucket.OUT_FOR_DELIVERY},
        {"status_bucket": Bucket.RETURNED},
        {"delivery_type": "RVP"},
        {"state": State.CANCELLED},
        {"cancel_requested_at": T0},
        {"replaced_by": "R-2"},
        {"waybill": None},
    ],
    ids=str,
)
def test_nothing_may_be_answered_where_no_delivery_failed_or_the_parcel_is_none_to_deliver(
    changes: dict[str, Any],
) -> None:
    assert kinds(a_shipment(**changes)) == []


def test_a_rule_hides_an_answer() -> None:
    [offered] = kinds(a_shipment(), rules="4/1/refuse=off,*/*/pick_up=off")
    assert CustomerAnswerKind.REFUSE not in offered
    assert CustomerAnswerKind.PICK_UP not in offered
    assert CustomerAnswerKind.REFUSE in kinds(a_shipment(ndr_code=6), rules="4/1/refuse=off")[0]


@pytest.mark.parametrize("state", AnswerState)
def test_an_answer_may_be_replaced_until_it_is_sent_and_repeated_if_nothing_came_of_it(state: AnswerState) -> None:
    [offered] = kinds(a_shipment(), an_answer(state=state))
    assert bool(offered) is (state not in (AnswerState.SENT, AnswerState.DONE))


def test_the_next_failed_delivery_may_be_answered_again() -> None:
    later = a_shipment(ndr_at=T0 + timedelta(days=1))
    assert kinds(later, an_answer(state=AnswerState.DONE)) == [AFTER_FAILURE]
    [one] = answerable(later, (), [an_answer(state=AnswerState.RECEIVED)], NONE, T0)
    assert one.last is not None, "one that is not sent yet stands for it as well"


def test_each_box_has_its_own_answer() -> None:
    failed = Failure(at=T0, ndr_code=6, ndr_name="", remark="")
    boxes = [
        PieceStatus(waybill="B1", ndr_at=T0, failures=(failed,)),
        PieceStatus(waybill="B2"),
        PieceStatus(waybill="B3", ndr_at=T0, failures=(failed,)),
    ]
    on_its_way = a_shipment(status_bucket=Bucket.IN_TRANSIT)
    sent = an_answer(waybill="B1", state=AnswerState.SENT)
    found = answerable(on_its_way, boxes, [sent], NONE, T0)
    assert [(one.waybill, one.ndr_code, bool(one.kinds), one.last) for one in found] == [
        ("B1", 6, False, sent),
        ("B3", 6, True, None),
    ]


def test_a_parcel_that_did_not_arrive_is_reported_within_a_week_and_once() -> None:
    delivered = a_shipment(status_bucket=Bucket.DELIVERED, final=True)
    until = T0 + NOT_RECEIVED_WITHIN
    assert kinds(delivered, now=until) == [(CustomerAnswerKind.NOT_RECEIVED,)]
    assert kinds(delivered, now=until + timedelta(seconds=1)) == []
    assert kinds(delivered, an_answer(kind=CustomerAnswerKind.NOT_RECEIVED)) == [()]
    assert kinds(delivered, an_answer(state=AnswerState.DONE)) == [(CustomerAnswerKind.NOT_RECEIVED,)]


def test_the_next_seven_days_may_be_chosen() -> None:
    days = days_to_choose(TODAY)
    assert (days[0], days[-1], len(days)) == (TODAY + timedelta(days=1), TODAY + timedelta(days=7), 7)


def test_a_day_that_is_over_is_not_asked_for() -> None:
    after = TODAY + timedelta(days=1)
    assert instruction_day(an_answer(), TODAY) == TODAY
    assert instruction_day(an_answer(), after) is None
    assert instruction_day(an_answer(kind=CustomerAnswerKind.NEW_PHONE), after) == after + timedelta(days=1)
    assert instruction_day(an_answer(kind=CustomerAnswerKind.REFUSE, day=None), TODAY) is None


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (ActionState.DUE, None),
        (ActionState.WAITING, None),
        (ActionState.UNCLEAR, None),
        (ActionState.DONE, AnswerState.DONE),
        (ActionState.REFUSED, AnswerState.REFUSED),
        (ActionState.GAVE_UP, AnswerState.REFUSED),
        (ActionState.OVERTAKEN, AnswerState.OVERTAKEN),
        (None, AnswerState.OVERTAKEN),
    ],
)
def test_a_sent_answer_follows_its_action(action: ActionState | None, state: AnswerState | None) -> None:
    ending = followed(an_answer(state=AnswerState.SENT), action, "why", may_still=True, today=TODAY)
    assert (ending and ending.state) == state


def test_a_refused_answer_is_sent_again_with_its_action() -> None:
    refused = an_answer(state=AnswerState.REFUSED)
    again = followed(refused, ActionState.DUE, None, may_still=True, today=TODAY)
    assert again
    assert again.state is AnswerState.SENT
    assert followed(refused, ActionState.REFUSED, "no", may_still=True, today=TODAY) is None


def test_an_answer_that_waits_ends_with_its_failed_delivery_or_its_day() -> None:
    waiting = an_answer()
    assert followed(waiting, None, None, may_still=True, today=TODAY) is None
    for may_still, today in ((False, TODAY), (True, TODAY + timedelta(days=1))):
        ending = followed(waiting, None, None, may_still=may_still, today=today)
        assert ending
        assert ending.state is AnswerState.OVERTAKEN
    missing = replace(waiting, kind=CustomerAnswerKind.NOT_RECEIVED, day=None)
    assert followed(missing, None, None, may_still=False, today=TODAY + timedelta(days=9)) is None


def test_an_id_shows_the_shard_and_nothing_else() -> None:
    ids = {answer_id("R") for _ in range(50)}
    assert len(ids) == 50
    assert {int(number[:2], 16) for number in ids} == {shard_of("R")}
