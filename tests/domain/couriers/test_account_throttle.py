"""The account throttle: fair shares, breakers, ramps and limits, as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.couriers.account_throttle import (
    AccountIncident,
    AccountState,
    AccountThrottlePolicy,
    Due,
    Tally,
    after_answers,
    after_claim,
    allowance,
    during_downtime,
    shares,
)

T0 = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
POLICY = AccountThrottlePolicy()
FREE = AccountState(account="4:main")
SECOND = timedelta(seconds=1)


def broken(state: AccountState = FREE, now: datetime = T0) -> AccountState:
    return after_answers(state, Tally(failed=10, problem="away"), now, POLICY)


def test_the_breaker_opens_by_number_and_share_of_failures() -> None:
    assert after_answers(FREE, Tally(failed=9), T0, POLICY).incident is AccountIncident.NONE
    assert broken().incident is AccountIncident.BREAKER
    assert (broken().problem, broken().since_at, broken().probe_at) == ("away", T0, T0 + POLICY.probe)
    assert not after_answers(FREE, Tally(good=11, failed=10), T0, POLICY).has_incident
    assert after_answers(FREE, Tally(good=10, failed=10), T0, POLICY).has_incident


def test_failures_of_an_earlier_window_do_not_count() -> None:
    nine = after_answers(FREE, Tally(failed=9), T0, POLICY)
    assert after_answers(nine, Tally(failed=1), T0 + POLICY.window - SECOND, POLICY).has_incident
    assert not after_answers(nine, Tally(failed=1), T0 + POLICY.window, POLICY).has_incident


def test_an_open_breaker_lets_one_probe_through_per_interval() -> None:
    state = broken()
    assert allowance(state, T0, POLICY, 50) == 0
    at = T0 + POLICY.probe
    assert allowance(state, at, POLICY, 50) == 1
    state = after_claim(state, 1, at, POLICY)
    assert allowance(state, at, POLICY, 50) == 0
    assert allowance(state, at + POLICY.probe, POLICY, 50) == 1


def test_only_a_successful_probe_closes_the_breaker_and_a_ramp_follows() -> None:
    state = broken()
    assert after_answers(state, Tally(good=5), T0, POLICY).has_incident, "those calls were sent before the incident"
    assert after_answers(state, Tally(failed=1, problem="still"), T0, POLICY).problem == "still"
    assert after_answers(state, Tally(other=1), T0, POLICY).has_incident
    state = after_answers(state, Tally(good=1, probe_good=1), T0, POLICY)
    steps: list[int] = []
    while state.ramp is not None:
        step = allowance(state, T0, POLICY, 1000)
        steps.append(step)
        state = after_claim(state, step, T0, POLICY)
        assert allowance(state, T0, POLICY, 1000) == 0
        state = after_answers(state, Tally(good=step), T0, POLICY)
    assert steps == [1, 2, 4, 8, 16, 32, 64]
    assert allowance(state, T0, POLICY, 1000) == 1000


def test_a_ramp_that_fails_is_a_breaker_again() -> None:
    state = after_answers(broken(), Tally(good=1, probe_good=1), T0, POLICY)
    assert (
        after_answers(after_claim(state, 1, T0, POLICY), Tally(failed=1), T0, POLICY).incident
        is AccountIncident.BREAKER
    )


def test_a_ramp_ends_when_no_shipment_has_waited_for_a_while() -> None:
    """An account with few orders would stay in it for hours, and every lost response would open the breaker."""
    state = after_answers(broken(), Tally(good=1, probe_good=1), T0, POLICY)
    state = after_answers(after_claim(state, 1, T0, POLICY), Tally(good=1), T0, POLICY)
    soon, late = T0 + POLICY.patience - SECOND, T0 + POLICY.patience
    assert (allowance(state, soon, POLICY, 99), allowance(state, late, POLICY, 99)) == (2, 99)
    assert after_answers(after_claim(state, 1, soon, POLICY), Tally(failed=1), soon, POLICY).has_incident
    assert not after_answers(after_claim(state, 1, late, POLICY), Tally(failed=1), late, POLICY).has_incident
    waiting = after_claim(state, 2, T0, POLICY)
    assert allowance(waiting, soon, POLICY, 99) == 0, "waiting shipments go step by step"
    at_its_start = during_downtime(replace(FREE, good_at=T0 - POLICY.window * 99))
    assert allowance(at_its_start, T0, POLICY, 99) == 1, "a downtime has just ended"


def test_a_ramp_step_is_repeated_after_its_worker_died() -> None:
    state = after_claim(during_downtime(FREE), 1, T0, POLICY)
    assert allowance(state, T0 + POLICY.patience - SECOND, POLICY, 9) == 0
    assert allowance(state, T0 + POLICY.patience, POLICY, 9) == 1


def test_a_refused_account_has_an_incident_at_once_unless_it_just_worked() -> None:
    wrong = Tally(wrongs=1, wrong="bad key")
    state = after_answers(FREE, wrong, T0, POLICY)
    assert (state.incident, state.problem, state.probe_at) == (AccountIncident.ACCOUNT, "bad key", T0 + POLICY.hold)
    works = after_answers(FREE, Tally(good=1), T0, POLICY)
    assert not after_answers(works, Tally(good=3, wrongs=1, wrong="one order"), T0, POLICY).has_incident
    for number in range(3):
        works = after_answers(works, wrong, T0 + SECOND, POLICY)
        assert works.has_incident is (number == 2)
    late = after_answers(after_answers(FREE, Tally(good=1), T0, POLICY), wrong, T0 + POLICY.hold, POLICY)
    assert late.has_incident


def test_a_breaker_whose_probe_finds_wrong_credentials_becomes_an_account_incident() -> None:
    state = after_answers(broken(), Tally(wrongs=1, wrong="bad key"), T0, POLICY)
    assert (state.incident, state.problem, state.since_at) == (AccountIncident.ACCOUNT, "bad key", T0)


def test_a_requested_pause_is_honoured() -> None:
    state = after_answers(FREE, Tally(other=1, retry_after=7.0), T0, POLICY)
    assert allowance(state, T0 + 6 * SECOND, POLICY, 9) == 0
    assert allowance(state, T0 + 7 * SECOND, POLICY, 9) == 9


def test_a_limited_account_gets_what_its_rate_allows() -> None:
    state = replace(FREE, rate_per_second=2.0)
    assert allowance(state, T0, POLICY, 50) == 2
    state = after_claim(state, 2, T0, POLICY)
    assert allowance(state, T0, POLICY, 50) == 0
    assert allowance(state, T0 + SECOND / 2, POLICY, 50) == 1
    assert allowance(state, T0 + 60 * SECOND, POLICY, 50) == 2
    slow = after_claim(replace(FREE, rate_per_second=0.1), 1, T0, POLICY)
    assert [allowance(slow, T0 + n * SECOND, POLICY, 50) for n in (9, 10, 99)] == [0, 1, 1]


def test_urgent_work_and_the_longest_unserved_accounts_come_first() -> None:
    due = [
        Due(state=replace(FREE, account="a", served_at=T0)),
        Due(state=replace(FREE, account="b", served_at=T0 - SECOND)),
        Due(state=replace(FREE, account="c", served_at=T0), urgent=True),
    ]
    assert shares(due, now=T0, policy=POLICY, free=1, in_use={}) == {"c": 1}
    assert shares(due, now=T0, policy=POLICY, free=2, in_use={}) == {"c": 1, "b": 1}


def test_a_slow_account_never_takes_all_slots() -> None:
    due = [Due(state=FREE)]
    assert shares(due, now=T0, policy=POLICY, free=20, in_use={}) == {"4:main": 15}
    assert shares(due, now=T0, policy=POLICY, free=5, in_use={"4:main": 15}) == {}
    other = Due(state=replace(FREE, account="other"))
    assert shares([*due, other], now=T0, policy=POLICY, free=5, in_use={"4:main": 15})["other"] >= 1


names = st.sampled_from("abcdefgh")
moments = st.integers(-200, 200).map(lambda s: T0 + timedelta(seconds=s))
states = st.builds(
    AccountState,
    account=names,
    incident=st.sampled_from(AccountIncident),
    probe_at=moments,
    rest_until_at=st.none() | moments,
    ramp=st.none() | st.integers(1, 64),
    ramp_left=st.integers(0, 64),
    ramp_at=st.none() | moments,
    rate_per_second=st.none() | st.floats(0.01, 100),
    tokens=st.floats(-5, 100),
    tokens_at=st.none() | moments,
    served_at=st.none() | moments,
)
dues = st.lists(st.builds(Due, state=states, urgent=st.booleans()), unique_by=lambda d: d.state.account, max_size=8)


@given(dues, st.integers(0, 60), st.dictionaries(names, st.integers(0, 20)), st.sets(names))
def test_shares_never_exceed_slots_or_allowances_and_leave_no_allowed_account_out(
    due: list[Due], free: int, in_use: dict[str, int], down: set[str]
) -> None:
    turns = shares(due, now=T0, policy=POLICY, free=free, in_use=in_use, down=down)
    allowed = {d.state.account: allowance(d.state, T0, POLICY, free) for d in due if d.state.account not in down}
    assert sum(turns.values()) <= free
    assert all(0 < number <= allowed[account] for account, number in turns.items())
    idle = [a for a, most in allowed.items() if most and not in_use.get(a) and a not in turns]
    assert not idle or sum(turns.values()) == free, "an allowed account without a slot gets one while there are any"
    free_ones = [turns.get(a, 0) for a, most in allowed.items() if most >= free and not in_use.get(a)]
    assert max(free_ones, default=0) - min(free_ones, default=0) <= 1, "equal accounts get equal shares"


tallies = st.builds(
    Tally,
    good=st.integers(0, 30),
    failed=st.integers(0, 30),
    other=st.integers(0, 3),
    wrongs=st.just(0),
    retry_after=st.none() | st.floats(0, 1000),
)


@given(st.lists(st.tuples(tallies, st.integers(0, 300), st.integers(0, 60)), max_size=30))
def test_an_account_always_recovers(events: list[tuple[Tally, int, int]]) -> None:
    state, now = FREE, T0
    for tally, seconds, claimed in events:
        now += timedelta(seconds=seconds)
        number = min(claimed, allowance(state, now, POLICY, 60))
        probing = state.has_incident
        if number:
            state = after_claim(state, number, now, POLICY)
        probed = 1 if probing and tally.good and number else 0
        state = after_answers(state, replace(tally, probe_good=probed), now, POLICY)
        assert state.has_incident == (state.since_at is not None)
    for _ in range(40):
        now += POLICY.hold
        number = allowance(state, now, POLICY, 60)
        assert number > 0
        probing = state.has_incident
        state = after_claim(state, number, now, POLICY)
        state = after_answers(state, Tally(good=number, probe_good=number * probing), now, POLICY)
    assert (state.has_incident, state.ramp) == (False, None)
