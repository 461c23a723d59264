"""What this process counted since it started: orders, calls, deliveries, messages. /metrics renders it.

Plain numbers without locks: everything here runs on one event loop, some of it on the path of every webhook. Labels
take few values: names from our own tables and of accounts, never a reference number, an address or a text of ClickPost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar

from awbridge.clickpost.wire.answer_codes import AnswerKind
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.tracking.scan import Source

OTHER = "other"  # the label of a code that our tables lack
NO_ANSWER = "no_answer"  # the label of a call that got none


class Meter:
    """A counter with labels. `values`: its numbers, by the values of its labels.

    `labels`: the values that each label may take; empty where they are not fixed. `from_zero`: all of them are shown
    before anything is counted, for a meter of one label.
    """

    def __init__(self, name: str, text: str, labels: Mapping[str, Sequence[str]], *, from_zero: bool = False) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.label_values = dict(labels)
        (known, *_) = labels.values()
        self.values: Counter[tuple[str, ...]] = Counter({(value,): 0 for value in known} if from_zero else {})

    def add(self, *values: str, number: int = 1) -> None:
        """Count `number` more under these values of the labels."""
        self.values[values] += number


class Durations:
    """A histogram of seconds, with at most one label. `bounds`: the upper bounds of its buckets, ascending."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], *, label: str = "") -> None:
        self.name = name
        self.text = text
        self.bounds = tuple(bounds)
        self.labels = (label,) if label else ()
        self.buckets: dict[tuple[str, ...], list[int]] = {} if label else {(): self._empty()}
        self.sums: dict[tuple[str, ...], float] = dict.fromkeys(self.buckets, 0.0)

    def observe(self, seconds: Sequence[float], *values: str) -> None:
        """Count these durations, many at once where they come in batches. One below 0 (a clock was set) counts as 0."""
        buckets = self.buckets.get(values)
        if buckets is None:
            buckets, self.sums[values] = self._empty(), 0.0
            self.buckets[values] = buckets
        bounds = self.bounds
        for one in seconds:
            buckets[bisect_left(bounds, one)] += 1
        self.sums[values] += max(sum(seconds), 0.0)

    def _empty(self) -> list[int]:
        return [0] * (len(self.bounds) + 1)


_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.2)
_LONG = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)

_OUTCOMES = (
    *(AttemptOutcome.PLACED, AttemptOutcome.PENDING, AttemptOutcome.TRY_LATER, AttemptOutcome.UNKNOWN),
    *(AttemptOutcome.ALREADY_HELD, AttemptOutcome.REJECTED, AttemptOutcome.MISCONFIGURED),
)

ORDERS_RECEIVED = Meter(
    "awbridge_orders_received",
    "Orders that were sent to this process: stored, stored before, refused by field. Nothing of a batch with a refused "
    "order is stored, and only the refused ones are counted.",
    {"result": ("new", "known", "refused")},
    from_zero=True,
)
ORDERS = Meter(
    "awbridge_orders",
    "Answers to create-order that this process recorded, by outcome and code: ClickPost's, else the HTTP status. "
    "other: no table has the code. no_answer: none came.",
    {"outcome": _OUTCOMES, "code": ()},
)
ORDER_PLACED = Durations(
    "awbridge_order_placed_seconds", "Seconds from accepting an order until its shipment was placed.", _LONG
)
CALLS = Meter(
    "awbridge_vendor_calls",
    "Calls to ClickPost by this process, by what the answer means.",
    {"api": (), "outcome": (*(kind.value for kind in AnswerKind), NO_ANSWER)},
)
CALL_SECONDS = Durations(
    "awbridge_vendor_call_seconds",
    "Seconds of the calls to ClickPost, until the last byte of the answer.",
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0),
    label="api",
)
WEBHOOK_SECONDS = Durations(
    "awbridge_webhook_seconds",
    "Seconds from a complete webhook until it was committed and answered. 503s are not in it.",
    _SHORT,
)
APPLIED = Meter(
    "awbridge_deliveries_applied",
    "Deliveries that apply took from the inbox, also those that then wait for their shipment.",
    {"source": tuple(Source)},
)
APPLY_LAG = Durations(
    "awbridge_apply_lag_seconds", "Seconds from receiving a delivery until apply first took it.", _LONG
)
MESSAGES = Meter(
    "awbridge_messages",
    "Messages to customers and chats by how they ended.",
    {
        "channel": tuple(Channel),
        "state": (NoticeState.SENT, NoticeState.SUPPRESSED, NoticeState.FAILED, NoticeState.MAYBE_SENT),
    },
)
EVENTS_POSTED = Meter(
    "awbridge_events_posted",
    "Events posted to webhook subscribers, by the result. due: it is tried again.",
    {"state": ("delivered", "due", "failed")},
)

ACCOUNT_ORDERS = Meter(
    "awbridge_account_orders",
    "Answers to create-order that this process recorded for an account beside the home, by outcome.",
    {"account": (), "outcome": _OUTCOMES},
)
ACCOUNT_WEBHOOKS = Meter(
    "awbridge_account_webhooks",
    "Webhooks of an account beside the home that this process answered, by the HTTP status.",
    {"account": (), "status": ()},
)

ACCOUNTS: dict[str, int] = {"awake": 0, "asleep": 0, "closed": 0}
"""The accounts beside the home, by what this process does with them now."""

account: ContextVar[str] = ContextVar("account", default="")
"""The account that a task works for; "" for the home."""

METERS = (ORDERS_RECEIVED, ORDERS, CALLS, APPLIED, MESSAGES, EVENTS_POSTED, ACCOUNT_ORDERS, ACCOUNT_WEBHOOKS)
DURATIONS = (ORDER_PLACED, CALL_SECONDS, WEBHOOK_SECONDS, APPLY_LAG)


def count_order(outcome: str, code: str) -> None:
    """Count an answer to create-order, for the account that the task works for too."""
    ORDERS.add(outcome, code)
    if of := account.get():
        ACCOUNT_ORDERS.add(of, outcome)


def keep_accounts(names: Collection[str]) -> None:
    """Forget what was counted for accounts that are none of these."""
    for meter in (ACCOUNT_ORDERS, ACCOUNT_WEBHOOKS):
        for labels in [labels for labels in meter.values if labels[0] not in names]:
            del meter.values[labels]
