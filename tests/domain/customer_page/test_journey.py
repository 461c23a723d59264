"""What a customer is told, by table for every state; and any scans in any order make a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from awbridge.clickpost.tracking.meanings import MEANINGS, meaning_of, reason_of
from awbridge.clickpost.wire.tracking_codes import STATUSES, status_info
from awbridge.domain.customer_page.journey import MOST_EVENTS, journey_of
from awbridge.domain.customer_page.ladder import StepState
from awbridge.domain.customer_page.meanings import Meaning, Reason, ReturnMeaning
from awbridge.domain.customer_page.parcel import CustomerOrder, CustomerParcel, ReturnSeen, Sighted
from awbridge.domain.customer_page.stage import ParcelStage, Tone
from awbridge.domain.customer_page.view import PageView, page_view
from awbridge.sinks.page_languages import load_languages

ZONE = ZoneInfo("Asia/Kolkata")
T0 = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)
TODAY = date(2026, 11, 25)
LANGUAGES = load_languages()
ENGLISH = LANGUAGES["en"]


def seen(code: int, day: float = 2, place: str = "Pune", **changes: object) -> Sighted:
    info = status_info(code)
    at = T0 + timedelta(days=day)
    given: dict[str, object] = {"meaning": meaning_of(code), "step": info.step, "final": info.final, "at": at}
    return Sighted(**{**given, "place": place, **changes})  # pyright: ignore[reportArgumentType]


def parcel(*scans: Sighted, **changes: object) -> CustomerParcel:
    """A parcel of which these scans are known; the last one is its status."""
    values: dict[str, object] = {"ordered_at": T0, "placed_at": T0, "scans": scans, "courier": "Delhivery"}
    if scans:
        values |= {"status": scans[-1].meaning, "status_at": scans[-1].at, "reason": scans[-1].reason}
    return CustomerParcel(**{**values, **changes})  # pyright: ignore[reportArgumentType]


def view(*parcels: CustomerParcel, today: date = TODAY, language: str = "en") -> PageView:
    return page_view(CustomerOrder(parcels=parcels), LANGUAGES[language], today=today)


HEADLINES = {
    28: "Ready for the courier",
    1: "Ready for the courier",
    2: "Ready for the courier",
    25: "The courier is picking it up",
    3: "The courier could not pick it up yet",
    4: "The courier has your parcel",
    1005: "On its way",
    1006: "On its way",
    5: "On its way",
    18: "Delayed",
    20: "On hold at the courier",
    19: "The courier has a question",
    1004: "Near you",
    6: "Out for delivery today",
    7: "The courier does not deliver to this address",
    9: "The delivery did not work out",
    8: "Delivered today",
    30: "The courier has your exchange",
    31: "Your exchange is on its way",
    32: "Your exchange is complete",
    11: "It may go back to us",
    12: "On its way back to us",
    21: "On its way back to us",
    27: "On its way back to us",
    26: "On its way back to us",
    13: "On its way back to us",
    15: "On its way back to us",
    14: "Back with us",
    23: "This delivery has ended",
    10: "Cancelled",
    17: "Damaged on the way",
    16: "Lost on the way",
    43: "On its way",
    4711: "On its way",
}
OF_RETURNS = {
    28: "Your return is arranged",
    25: "The courier is coming for your return",
    3: "Your return was not picked up",
    7: "Your return was not picked up",
    4: "Your return is on its way to us",
    5: "Your return is on its way to us",
    6: "Your return is on its way to us",
    9: "Your return is on its way to us",
    8: "We have your return",
    10: "Your return was cancelled",
    21: "On its way back to you",
    14: "Back with you",
    16: "Lost on the way",
    4711: "Your return is on its way to us",
}


def test_every_status_of_the_vendor_has_a_meaning():
    assert set(MEANINGS) == set(STATUSES)
    assert set(HEADLINES) >= set(STATUSES)


@pytest.mark.parametrize(("code", "headline"), HEADLINES.items())
def test_where_a_parcel_stands(code: int, headline: str):
    page = view(parcel(seen(4, 1), seen(code)))
    assert page.headline == headline
    assert page.parcels[0].next


@pytest.mark.parametrize(("code", "headline"), OF_RETURNS.items())
def test_where_a_return_stands(code: int, headline: str):
    assert view(parcel(seen(code), is_return=True)).headline == headline


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"is_placed": False, "placed_at": None}, "We are preparing your parcel"),
        ({}, "Ready for the courier"),
        ({"is_cancelled": True, "cancelled_at": T0}, "Cancelled"),
        ({"is_return": True}, "Your return is arranged"),
        ({"is_return": True, "is_cancelled": True}, "Your return was cancelled"),
        ({"is_replaced": True}, "Replaced by a new parcel"),
    ],
)
def test_where_a_parcel_without_scans_stands(changes: dict[str, object], headline: str):
    assert view(parcel(**changes)).headline == headline


def test_a_delivery_wins_over_a_cancellation_that_came_too_late():
    assert view(parcel(seen(8), is_cancelled=True, cancelled_at=T0)).headline == "Delivered today"


@pytest.mark.parametrize(
    ("promised", "headline", "expected"),
    [
        (date(2026, 11, 25), "Arriving today", "Today, by evening"),
        (date(2026, 11, 26), "Arriving tomorrow", "Tomorrow, by evening"),
        (date(2026, 12, 1), "Arriving Tuesday, 1 December", "Tuesday, 1 December, by evening"),
        (date(2027, 1, 4), "Arriving Monday, 4 January 2027", "Monday, 4 January 2027, by evening"),
        (date(2026, 11, 24), "On its way, but late", ""),
    ],
)
def test_the_expected_day_in_words(promised: date, headline: str, expected: str):
    page = view(parcel(seen(5), promised=(promised,)))
    assert (page.headline, page.parcels[0].expected) == (headline, expected)
    assert bool(page.parcels[0].promise) is (not expected)


@pytest.mark.parametrize(
    ("days", "promise"),
    [
        ((27,), ""),
        ((26, 27), "First expected tomorrow; the courier now says Friday, 27 November."),
        ((26, 28, 27), "First expected tomorrow, then changed 2 times; the courier now says Friday, 27 November."),
        ((27, 28, 27), ""),
        ((24, 23), "It was expected Monday, 23 November."),
    ],
)
def test_a_changed_day_is_explained(days: tuple[int, ...], promise: str):
    promised = tuple(date(2026, 11, day) for day in days)
    assert view(parcel(seen(5), promised=promised)).parcels[0].promise == promise


@pytest.mark.parametrize("code", [8, 10, 14, 16, 17, 21, 23, 32])
def test_nothing_is_expected_of_a_parcel_that_will_not_come(code: int):
    shown = view(parcel(seen(code), promised=(date(2026, 11, 20), date(2026, 11, 27)))).parcels[0]
    assert (shown.promise, shown.expected_label in ("", "Delivered", "Received")) == ("", True)


def test_the_day_of_a_failed_delivery_is_not_expected_any_more():
    today, later = ((TODAY,), (TODAY, date(2026, 11, 27)))
    assert view(parcel(seen(9), promised=today)).parcels[0].expected == ""
    assert view(parcel(seen(9), promised=later)).parcels[0].expected == "Friday, 27 November, by evening"


def test_out_for_delivery_yesterday_is_not_today():
    shown = view(parcel(seen(6, 1)))
    assert shown.headline == "Out for delivery"
    assert "how it went" in shown.parcels[0].next


@pytest.mark.parametrize("code", [4, 5, 6, 9, 18, 20, 1004])
def test_a_parcel_without_news_is_said_so(code: int):
    assert view(parcel(seen(code), is_stuck=True)).headline == "No news for some days"


def test_a_parcel_that_waits_for_its_pickup_is_with_the_shop_however_long():
    assert view(parcel(seen(2), is_stuck=True)).headline == "Ready for the courier"


@pytest.mark.parametrize("reason", Reason)
def test_a_failed_delivery_says_why_and_what_to_do(reason: Reason):
    shown = view(parcel(seen(9, reason=reason))).parcels[0]
    assert shown.next == ENGLISH.text(f"advice.{reason}")
    assert bool(shown.reason) is (reason is not Reason.UNKNOWN)
    assert shown.can_answer


def test_an_unknown_reason_is_none():
    assert [reason_of(code) for code in (None, 0, 99)] == [Reason.UNKNOWN] * 3


def steps(one: CustomerParcel, *, refund: bool = False) -> str:
    marks = {StepState.DONE: "+", StepState.NOW: ">", StepState.TO_COME: ".", StepState.WRONG: "!"}
    return " ".join(marks[step.state] + step.key for step in journey_of(one, today=TODAY, refund=refund).steps)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            parcel(is_placed=False, placed_at=None),
            ">ordered .handed_over .picked_up .on_the_way .out_for_delivery .delivered",
        ),
        (parcel(), "+ordered >handed_over .picked_up .on_the_way .out_for_delivery .delivered"),
        (parcel(seen(5)), "+ordered +handed_over +picked_up >on_the_way .out_for_delivery .delivered"),
        (parcel(seen(6)), "+ordered +handed_over +picked_up +on_the_way >out_for_delivery .delivered"),
        (parcel(seen(9)), "+ordered +handed_over +picked_up +on_the_way !failed .delivered"),
        (parcel(seen(8)), "+ordered +handed_over +picked_up +on_the_way +out_for_delivery +delivered"),
        (parcel(seen(9, 1), seen(21)), "+ordered +handed_over +picked_up +on_the_way >going_back .back"),
        (parcel(seen(14)), "+ordered +handed_over +picked_up +on_the_way +going_back +back"),
        (parcel(seen(5, 1), seen(16)), "+ordered +handed_over +picked_up +on_the_way !lost"),
        (parcel(seen(4, 1), seen(17)), "+ordered +handed_over +picked_up !damaged"),
        (parcel(seen(10)), "+ordered +handed_over !cancelled"),
        (parcel(is_cancelled=True, is_placed=False, placed_at=None), "+ordered !cancelled"),
        (parcel(is_replaced=True), "+ordered +handed_over !replaced"),
        (
            parcel(seen(8, 1), seen(31)),
            "+ordered +handed_over +picked_up +on_the_way +exchange_picked_up >exchange_on_the_way .exchange_done",
        ),
        (parcel(is_return=True), ">return_arranged .return_collected .return_on_the_way .return_received"),
        (parcel(seen(4), is_return=True), "+return_arranged >return_collected .return_on_the_way .return_received"),
        (
            parcel(seen(21), is_return=True),
            "+return_arranged +return_collected +return_on_the_way >return_going_back .return_back",
        ),
    ],
)
def test_the_steps_of_a_journey(one: CustomerParcel, expected: str):
    assert steps(one) == expected


def test_the_refund_is_the_last_step_of_a_return_that_has_one():
    assert steps(parcel(seen(5), is_return=True), refund=True).endswith(">return_on_the_way .return_received .refund")
    assert steps(parcel(seen(8), is_return=True), refund=True).endswith("+return_received >refund")
    assert steps(parcel(seen(8)), refund=True).endswith("+delivered")


def test_a_return_that_was_asked_for_is_told_on_the_forward_parcel():
    events = (
        ReturnSeen(news=ReturnMeaning.RETURN_PLACED, at=T0),
        ReturnSeen(news=ReturnMeaning.RETURN_APPROVED, at=T0 + timedelta(days=1), refund=True),
    )
    forward, back = view(parcel(seen(8), returns=events), parcel(seen(8), is_return=True)).parcels
    assert [event.text for event in forward.returns] == ["Your return was approved", "You asked for a return"]
    assert back.steps[-1].text == "Money back"
    assert back.next == "We look at it and send your money back."


def test_scans_are_folded_by_day_newest_first():
    days = view(parcel(seen(4, 0), seen(5, 1, "Nagpur"), seen(5, 1.1, "Nagpur"), seen(5, 2, "Pune"))).parcels[0].days
    assert [day.text for day in days] == ["Today", "Yesterday", "Monday, 23 November"]
    assert [(scan.text, scan.place, scan.time) for scan in days[1].scans] == [("On its way", "Nagpur", "11:24")]


def test_a_long_history_is_cut():
    many = [seen(5, n / 100, f"Hub {n}") for n in range(300)]
    days = view(parcel(*many)).parcels[0].days
    assert sum(len(day.scans) for day in days) == MOST_EVENTS
    assert days[0].scans[0].place == "Hub 299"


def test_each_box_has_its_own_state():
    scans = (seen(8, 1, "Pune", box="A"), seen(5, 2, "Nagpur", box="B"))
    one = replace(parcel(*scans), boxes=("A", "B", "C"))
    shown = view(one).parcels[0].boxes
    assert [(box.title, box.headline, box.place) for box in shown] == [
        ("Box 1 of 3", "Delivered", ""),
        ("Box 2 of 3", "On its way", "Nagpur"),
        ("Box 3 of 3", "Ready for the courier", ""),
    ]


def test_several_parcels_have_one_headline():
    done, moving = parcel(seen(8)), parcel(seen(5))
    assert view(done, moving, moving).headline == "1 of 3 parcels delivered"
    assert view(done, done).headline == "All 2 parcels delivered"
    assert view(parcel(seen(6)), moving).headline == "2 parcels"
    assert view(moving, moving).headline == "On its way"
    assert view(done, parcel(is_return=True)).headline == "Delivered today"
    assert [one.title for one in view(done, moving, parcel(is_return=True)).parcels] == [
        "Parcel 1 of 2",
        "Parcel 2 of 2",
        "Your return",
    ]


def test_a_replaced_parcel_stands_beside_its_successor():
    page = view(parcel(seen(5), replaces=True), parcel(seen(16), is_replaced=True))
    assert page.headline == "On its way"
    assert [one.title for one in page.parcels] == ["The new parcel", ""]
    assert page.parcels[1].headline == "Replaced by a new parcel"


def test_where_it_is_now():
    shown = view(parcel(seen(5, 1, "Nagpur"), seen(5, 1.2, ""))).parcels[0]
    assert (shown.where, shown.where_moment) == ("Nagpur", "Yesterday, 09:00")
    assert view(parcel()).parcels[0].where == "It is still with us."
    assert view(parcel(is_return=True)).parcels[0].where == "It is with you."
    assert view(parcel(seen(5, 1, ""))).parcels[0].where == "The courier has not named a place."
    assert view(parcel(seen(8))).parcels[0].where == ""


def test_a_delivery_says_when():
    shown = view(parcel(seen(8, 1))).parcels[0]
    assert (shown.expected_label, shown.expected, shown.tone) == ("Delivered", "Yesterday, 09:00", Tone.GOOD)


_MOMENTS = st.datetimes(datetime(2026, 10, 1), datetime(2026, 12, 31), timezones=st.just(ZONE))  # noqa: DTZ001
_SCANS = st.builds(
    Sighted,
    meaning=st.sampled_from(Meaning),
    at=_MOMENTS,
    step=st.integers(0, 230),
    final=st.booleans(),
    place=st.sampled_from(["", "Pune", "Nagpur"]),
    reason=st.sampled_from(Reason),
    box=st.sampled_from(["", "A", "B", "X"]),
)
_PARCELS = st.builds(
    CustomerParcel,
    ordered_at=_MOMENTS,
    is_return=st.booleans(),
    is_placed=st.booleans(),
    is_cancelled=st.booleans(),
    is_replaced=st.booleans(),
    is_stuck=st.booleans(),
    placed_at=st.none() | _MOMENTS,
    cancelled_at=st.none() | _MOMENTS,
    status=st.none() | st.sampled_from(Meaning),
    status_at=st.none() | _MOMENTS,
    reason=st.sampled_from(Reason),
    scans=st.lists(_SCANS, max_size=6).map(tuple),
    boxes=st.sampled_from([(), ("A", "B")]),
    promised=st.lists(st.dates(date(2026, 11, 1), date(2026, 12, 1)), max_size=4).map(tuple),
    returns=st.lists(
        st.builds(ReturnSeen, news=st.sampled_from(ReturnMeaning), at=_MOMENTS, refund=st.booleans()), max_size=3
    ).map(tuple),
)


@settings(max_examples=40)
@given(parcels=st.lists(_PARCELS, min_size=1, max_size=3), language=st.sampled_from(sorted(LANGUAGES)))
def test_any_scans_make_a_page(parcels: list[CustomerParcel], language: str):
    page = view(*parcels, language=language)
    assert page.headline
    for one in page.parcels:
        assert one.headline
        assert one.next
        assert one.stage in ParcelStage
        assert 2 <= len(one.steps) <= 8
        assert all(step.text for step in one.steps)


@settings(max_examples=25)
@given(one=_PARCELS, data=st.data())
def test_the_order_of_scans_makes_no_difference(one: CustomerParcel, data: st.DataObject):
    shuffled = replace(one, scans=tuple(data.draw(st.permutations(one.scans))))
    assert view(one).parcels[0].headline == view(shuffled).parcels[0].headline
    assert [d.date for d in view(one).parcels[0].days] == [d.date for d in view(shuffled).parcels[0].days]
