"""What this process counted since it started: orders, calls, deliveries, messages. /metrics renders it.

Plain numbers without locks: everything here runs on one event loop, some of it on the path of every webhook. Labels
take few values: names from our own tables, never a reference number, an address or a text of ClickPost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

OTHER = "other"  # the label of a code that our tables lack


class Meter:
    """A counter with labels; `values`: by the values of its labels. `known`: combinations that are shown from zero."""

    def __init__(self, name: str, text: str, labels: Sequence[str], *, known: Iterable[Sequence[str]] = ()) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.values: Counter[tuple[str, ...]] = Counter({tuple(values): 0 for values in known})

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

ORDERS_RECEIVED = Meter(
    "awbridge_orders_received",
    "Orders that were sent to this process, by what intake did.",
    ["result"],
    known=[["new"], ["known"], ["refused"]],
)
ORDERS = Meter(
    "awbridge_orders", "Answers to create-order recorded by this process, by outcome and code.", ["outcome", "code"]
)
ORDER_PLACED = Durations(
    "awbridge_order_placed_seconds", "Seconds from accepting an order until its shipment was placed.", _LONG
)
CALLS = Meter("awbridge_vendor_calls", "Calls to ClickPost by this process.", ["api", "outcome"])
CALL_SECONDS = Durations(
    "awbridge_vendor_call_seconds",
    "Seconds of the calls to ClickPost, until the last byte of the answer.",
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0),
    label="api",
)
WEBHOOK_SECONDS = Durations(
    "awbridge_webhook_seconds", "Seconds from a complete webhook until it was committed and answered.", _SHORT
)
APPLIED = Meter("awbridge_deliveries_applied", "Deliveries that apply took from the inbox, by source.", ["source"])
APPLY_LAG = Durations(
    "awbridge_apply_lag_seconds", "Seconds from receiving a delivery until apply first took it.", _LONG
)
MESSAGES = Meter("awbridge_messages", "Messages to customers and chats by how they ended.", ["channel", "state"])
EVENTS_POSTED = Meter("awbridge_events_posted", "Events posted to webhook subscribers, by the result.", ["state"])

METERS = (ORDERS_RECEIVED, ORDERS, CALLS, APPLIED, MESSAGES, EVENTS_POSTED)
DURATIONS = (ORDER_PLACED, CALL_SECONDS, WEBHOOK_SECONDS, APPLY_LAG)
