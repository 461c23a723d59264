"""The account throttle: how many shipments of each courier account may go to ClickPost now. Pure, no clock.

An account is in one of these conditions:

  free ──(key, credentials, account refused)──> incident: account ──┐
   ^ │                                                             ├──(a probe gets through)──> ramp: 1, 2, 4, ...
   │ └──(too many calls fail)──> incident: breaker ─────────────────┘                              │
   └──────────────────────────────(the ramp is complete)──────────────────────────────────────────┘

During an incident one shipment at a time probes the account, once per interval. A declared downtime holds the account
entirely and also ends in a ramp. The account's shipments are not changed: they are not claimed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_REST = 300.0  # seconds; the longest Retry-After that is honoured
WRONGS_IN_A_ROW = 3  # refusals of the account that outweigh a recent success
_SLOT_SHARE = 3  # an account may hold this many times the free slots


class AccountIncident(StrEnum):
    """What is wrong with an account."""

    NONE = "none"
    ACCOUNT = "account"  # key, credentials or subscription: a person must correct it
    BREAKER = "breaker"  # too many calls failed with transient failures


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountThrottlePolicy:
    """When an account incident begins, and how the account recovers.

    The breaker opens after `failures` failed calls within `window` if they are at least the share `rate` of all calls.
    `probe` is the time between two probes of an open breaker, `hold` that of an account with wrong credentials. The
    ramp doubles up to `ramp_until` shipments a step. A step without answers is abandoned after `patience`; so is the
    whole ramp if no shipment has waited for that long.
    """

    failures: int = 10
    rate: float = 0.5
    window: timedelta = timedelta(seconds=60)
    probe: timedelta = timedelta(seconds=60)
    hold: timedelta = timedelta(minutes=5)
    ramp_until: int = 64
    patience: timedelta = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The state of an account. `account` is its key; times are aware, UTC.

    `since_at`, `problem` and `probe_at` describe the current incident. `rest_until_at`: ClickPost requested a pause.
    `window_at`, `calls` and `failures` are the breaker's counters. `good_at` is the last successful call, `wrongs` the
    refusals of the account since. `ramp` (None: unrestricted) is the size of the current step: `ramp_left` may still
    go, `ramp_done` were answered. `rate_per_second` (None: unlimited) refills `tokens`.
    """

    account: str
    incident: AccountIncident = AccountIncident.NONE
    problem: str | None = None
    since_at: datetime | None = None
    probe_at: datetime | None = None
    rest_until_at: datetime | None = None
    window_at: datetime | None = None
    calls: int = 0
    failures: int = 0
    good_at: datetime | None = None
    wrongs: int = 0
    ramp: int | None = None
    ramp_left: int = 0
    ramp_done: int = 0
    ramp_at: datetime | None = None
    rate_per_second: float | None = None
    tokens: float = 0.0
    tokens_at: datetime | None = None
    served_at: datetime | None = None

    @property
    def has_incident(self) -> bool:
        """Whether only probes may go."""
        return self.incident is not AccountIncident.NONE

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing limits it, so that claims are not counted."""
        return not self.has_incident and self.ramp is None and self.rate_per_second is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An account with due shipments; `urgent` if one of them is urgent."""

    state: AccountState
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The counted answers of one account's calls.

    `good` calls got an answer that does not blame the account, `failed` calls failed transiently, `other` calls say
    neither. `probe_good` are the `good` calls that were probes. `wrong` is the message of the last refusal of the
    account, `problem` that of the last failure. `wrongs` counts the refusals. `retry_after`: requested pause in
    seconds.
    """

    good: int = 0
    probe_good: int = 0
    failed: int = 0
    other: int = 0
    wrongs: int = 0
    wrong: str = ""
    problem: str = ""
    retry_after: float | None = None


def allowance(state: AccountState, now: datetime, policy: AccountThrottlePolicy, most: int) -> int:
    """How many shipments of this account may go now, regardless of other accounts; at most `most`."""
    if state.rest_until_at and now < state.rest_until_at:
        return 0
    if state.has_incident:
        most = min(most, 1) if state.probe_at is None or now >= state.probe_at else 0
    elif state.ramp is not None and not _is_idle(state, now, policy):
        most = min(most, state.ramp if _step_is_stale(state, now, policy) else state.ramp_left)
    return min(most, _whole_tokens(state, now)) if state.rate_per_second else most


def shares(
    due: Sequence[Due],
    *,
    now: datetime,
    policy: AccountThrottlePolicy,
    free: int,
    in_use: Mapping[str, int],
    down: Collection[str] = (),
    overall: AccountState | None = None,
) -> dict[str, int]:
    """How many shipments of each account go now. Slots are dealt one by one: no backlog starves another.

    Accounts with urgent shipments come first, then those served longest ago. An account that holds three times as many
    slots as are free gets no more, so a slow courier never occupies all of them. `in_use` counts occupied slots, `down`
    names accounts in a declared downtime, `overall` carries the rate limit over all accounts.
    """
    most = {d.state.account: allowance(d.state, now, policy, free) for d in due if d.state.account not in down}
    if overall and overall.rate_per_second:
        free = min(free, _whole_tokens(overall, now))
    order = [d.state.account for d in sorted(due, key=_turn) if most.get(d.state.account)]
    dealt = dict.fromkeys(order, 0)
    while order and free > 0:
        still: list[str] = []
        for account in order:
            if free <= 0:
                break
            if dealt[account] + in_use.get(account, 0) < _SLOT_SHARE * free:
                dealt[account] += 1
                free -= 1
                if dealt[account] < most[account]:
                    still.append(account)
        order = still
    return {account: number for account, number in dealt.items() if number}


def still_allowed(
    turns: Mapping[str, int],
    states: Mapping[str, AccountState],
    *,
    now: datetime,
    policy: AccountThrottlePolicy,
    overall: AccountState | None = None,
) -> dict[str, int]:
    """Of the `turns` that were dealt, in their order, those that the accounts allow now that they are locked."""
    left = _whole_tokens(overall, now) if overall and overall.rate_per_second else sum(turns.values())
    allowed: dict[str, int] = {}
    for account, number in turns.items():
        going = min(left, allowance(states[account], now, policy, number)) if account in states else 0
        if going:
            allowed[account] = going
            left -= going
    return allowed


def _turn(due: Due) -> tuple[bool, float, str]:
    served = due.state.served_at
    return (not due.urgent, served.timestamp() if served else -math.inf, due.state.account)


def after_claim(state: AccountState, number: int, now: datetime, policy: AccountThrottlePolicy) -> AccountState:
    """The account after `number` of its shipments were claimed."""
    state = replace(state, served_at=now)
    if state.rate_per_second:
        state = replace(state, tokens=_tokens(state, now) - number, tokens_at=now)
    if state.has_incident:
        return replace(state, probe_at=now + _interval(state.incident, policy))
    if state.ramp is None:
        return state
    if _is_idle(state, now, policy):
        return _without_ramp(state)
    if _step_is_stale(state, now, policy):
        state = replace(state, ramp_left=state.ramp, ramp_done=0, ramp_at=now)
    return replace(state, ramp_left=max(state.ramp_left - number, 0), ramp_at=state.ramp_at or now)


def during_downtime(state: AccountState) -> AccountState:
    """The account during a declared downtime: it will resume with a ramp. Unchanged if that is set already."""
    return state if state.has_incident or (state.ramp, state.ramp_left) == (1, 1) else _start_ramp(state)


def after_answers(state: AccountState, tally: Tally, now: datetime, policy: AccountThrottlePolicy) -> AccountState:
    if tally.retry_after is not None:
        rest = now + timedelta(seconds=min(max(tally.retry_after, 1.0), LONGEST_REST))
        state = replace(state, rest_until_at=max(rest, state.rest_until_at or rest))
    if state.has_incident:
        return _after_probe(state, tally, now, policy)
    if tally.wrong and _is_broken(state, tally, now, policy):
        return _begin(state, AccountIncident.ACCOUNT, tally.wrong, now, policy)
    if tally.good:
        state = replace(state, good_at=now, wrongs=0)
    state = replace(_counted(state, tally, now, policy), wrongs=state.wrongs + tally.wrongs)
    ramp_failed = state.ramp is not None and tally.failed > tally.good
    if ramp_failed or (state.failures >= policy.failures and state.failures >= policy.rate * state.calls):
        return _begin(state, AccountIncident.BREAKER, tally.problem, now, policy)
    return _after_ramp_answers(state, tally, now, policy)


def only_works(state: AccountState, tally: Tally) -> bool:
    """Whether these answers show no more than that the account works, of which there was no doubt.

    Nothing of it is counted then: `good_at` is all that changes.
    """
    counts = state.failures or state.wrongs or tally.failed or tally.wrongs or tally.retry_after is not None
    return not state.has_incident and state.ramp is None and not counts


def _after_probe(state: AccountState, tally: Tally, now: datetime, policy: AccountThrottlePolicy) -> AccountState:
    """Only a probe ends an incident: other successful calls were sent before it was known."""
    if tally.probe_good:
        state = replace(state, incident=AccountIncident.NONE, problem=None, since_at=None, probe_at=None, good_at=now)
        return _start_ramp(_without_counters(state))
    if tally.wrong and state.incident is AccountIncident.BREAKER:
        return replace(state, incident=AccountIncident.ACCOUNT, problem=tally.wrong, probe_at=now + policy.hold)
    return replace(state, problem=tally.wrong or tally.problem or state.problem)


def _is_broken(state: AccountState, tally: Tally, now: datetime, policy: AccountThrottlePolicy) -> bool:
    """Whether the account itself is at fault, not a single order that names it wrongly."""
    if tally.good:
        return False
    known_good = state.good_at is not None and now - state.good_at < policy.hold
    return not known_good or state.wrongs + tally.wrongs >= WRONGS_IN_A_ROW


def _begin(
    state: AccountState, incident: AccountIncident, problem: str, now: datetime, policy: AccountThrottlePolicy
) -> AccountState:
    probe_at = now + _interval(incident, policy)
    state = replace(state, incident=incident, problem=problem, since_at=now, probe_at=probe_at)
    return _without_ramp(_without_counters(state))


def _without_counters(state: AccountState) -> AccountState:
    return replace(state, calls=0, failures=0, window_at=None, wrongs=0)


def _counted(state: AccountState, tally: Tally, now: datetime, policy: AccountThrottlePolicy) -> AccountState:
    if not tally.failed and not state.failures:
        return state  # a healthy account needs no counters
    if state.window_at is None or now - state.window_at >= policy.window:
        state = replace(state, window_at=now, calls=0, failures=0)
    calls = state.calls + tally.good + tally.failed
    return replace(state, calls=calls, failures=state.failures + tally.failed)


def _after_ramp_answers(
    state: AccountState, tally: Tally, now: datetime, policy: AccountThrottlePolicy
) -> AccountState:
    if state.ramp is None:
        return state
    done = state.ramp_done + tally.good + tally.failed + tally.other + tally.wrongs
    if done < state.ramp or (not tally.good and not tally.failed):
        return replace(state, ramp_done=done)
    step = state.ramp * 2
    if step > policy.ramp_until:
        return _without_ramp(state)
    return replace(state, ramp=step, ramp_left=step, ramp_done=0, ramp_at=None)


def reset(state: AccountState) -> AccountState:
    """The account after a person ended its incident: no pause, and a ramp from 1, as after a probe got through.

    If the cause persists, the first failures begin the incident again.
    """
    ended = replace(
        state,
        incident=AccountIncident.NONE,
        problem=None,
        since_at=None,
        probe_at=None,
        rest_until_at=None,
        good_at=None,
        wrongs=0,
    )
    return _start_ramp(_without_counters(ended))


def _start_ramp(state: AccountState) -> AccountState:
    return replace(state, ramp=1, ramp_left=1, ramp_done=0, ramp_at=None)


def _without_ramp(state: AccountState) -> AccountState:
    return replace(state, ramp=None, ramp_left=0, ramp_done=0, ramp_at=None)


def _is_idle(state: AccountState, now: datetime, policy: AccountThrottlePolicy) -> bool:
    """Whether the ramp is over: the account works and no shipment has waited for a slot for a while.

    Otherwise an account with few orders would ramp for hours, and a single failure would open the breaker again.
    """
    ramping = state.ramp is not None and state.ramp > 1 and state.ramp_left > 0
    return ramping and state.good_at is not None and now - state.good_at >= policy.patience


def _step_is_stale(state: AccountState, now: datetime, policy: AccountThrottlePolicy) -> bool:
    """Whether a step's shipments went out long ago without all answers: a worker died, or answers were inconclusive."""
    return state.ramp_left == 0 and state.ramp_at is not None and now - state.ramp_at >= policy.patience


def _interval(incident: AccountIncident, policy: AccountThrottlePolicy) -> timedelta:
    return policy.hold if incident is AccountIncident.ACCOUNT else policy.probe


def _tokens(state: AccountState, now: datetime) -> float:
    """The tokens in the bucket now. It holds one second's worth, at least one."""
    rate = state.rate_per_second or 0.0
    full = max(rate, 1.0)
    if state.tokens_at is None:
        return full
    passed = max((now - state.tokens_at).total_seconds(), 0.0)
    return min(full, state.tokens + passed * rate)


def _whole_tokens(state: AccountState, now: datetime) -> int:
    return max(int(_tokens(state, now) + 1e-9), 0)
