"""What polling costs: a day of 1,000,000 open shipments, by the rules that the steps use.

`pytest -s tests/domain/tracking/test_polling_cost.py` prints the figures of docs/how-to/operate/operations.md. The
rules are those of domain/tracking/asking.py, called with hours in place of datetimes: they only add and compare.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from awbridge.domain.tracking import asking
from awbridge.domain.tracking.asking import WAYBILLS_A_CALL, calls_a_day
from awbridge.domain.tracking.polling_mode import PollingMode

pytestmark = pytest.mark.slow  # seconds of processor time

SHIPMENTS = 1_000_000
SIMULATED = SHIPMENTS // 5  # a fifth: within 0.5 % of all of them, in a fifth of the time
POLLING_ALL = SHIPMENTS // WAYBILLS_A_CALL
COURIERS = 20
QUIET = 0.3  # the share of shipments with few scans: waiting for pickup, lost, forgotten
SCANS_A_DAY = {False: 2.5, True: 0.2}  # of a moving shipment, of a quiet one
LOST = 0.02  # of the webhooks
OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "operate" / "operations.md"
PAGE_SIZE = 100  # of updated-order; the vendor does not publish it
DAY, ASK_AFTER, ASK_AGAIN = 24.0, 24.0, 2.0  # hours
MINUTE = 1 / 60

rules = cast("Any", asking)


def polling(mode: PollingMode) -> Any:
    return rules.PollingRules(mode=mode, ask_after=ASK_AFTER, ask_again=ASK_AGAIN)


def simulate(shipments: int, lost: float, mode: PollingMode) -> tuple[list[list[float]], int]:
    """(the hours at which each courier's shipments are due for polling on one day, scans on that day).

    `lost`: the share of webhooks that never come. The day before runs too, so that the day begins as any other.
    """
    dice, schedule = random.Random(1), polling(mode)
    due: list[list[float]] = [[] for _ in range(COURIERS)]
    scans = 0
    for number in range(shipments):
        rate = SCANS_A_DAY[number < shipments * QUIET] / DAY
        mine = due[int(COURIERS * dice.random() ** 2)]  # a few large couriers, many small ones
        ask_at, polled_at = -DAY * dice.random(), None
        scan_at = -DAY + dice.expovariate(rate)
        while min(scan_at, ask_at) < DAY:
            if scan_at < ask_at:
                scans += scan_at >= 0
                ask_at = schedule.after_update(
                    last_tracked_at=scan_at,
                    polled_at=polled_at,
                    due_at=ask_at,
                    final=False,
                    was_final=False,
                    gap=dice.random() < lost,
                )
                scan_at += dice.expovariate(rate)
            else:
                if ask_at >= 0:
                    mine.append(ask_at)
                polled_at, ask_at = ask_at, schedule.after_poll(ask_at)
    return due, scans


def track_calls(due: list[float]) -> int:
    """Calls of track-order for one courier: full ones a little early, the rest when the first is due."""
    due.sort()
    calls = first = 0
    while first < len(due):
        soon = 1
        while soon < WAYBILLS_A_CALL and first + soon < len(due) and due[first + soon] <= due[first] + EARLY:
            soon += 1
        first += rules.how_many(soon, first_at=due[first], now=due[first])
        calls += 1
    return calls


EARLY = polling(PollingMode.GUIDE).early


def windows() -> Iterator[tuple[float, float]]:
    """The windows of updated-order on one day, checked every minute, with a lag of one minute."""
    watermark = 0.0
    for minute in range(24 * 60 + 1):
        following = rules.next_window(watermark, end=(minute - 1) * MINUTE, longest=10 * MINUTE, shortest=5 * MINUTE)
        if following:
            watermark = following[1]
            yield following


def updated_calls(scans: int) -> int:
    """Calls of updated-order: every window, page by page."""
    each = list(windows())
    return sum(max(1, -(-round(scans * (end - start) / DAY) // PAGE_SIZE)) for start, end in each)


@pytest.mark.parametrize(("mode", "least", "most"), [(PollingMode.GUIDE, 1.0, 1.2), (PollingMode.ECONOMICAL, 0.4, 0.6)])
def test_a_day_of_a_million_open_shipments_and_the_figure_in_the_documents(
    mode: PollingMode, least: float, most: float
) -> None:
    due, simulated = simulate(SIMULATED, LOST, mode)
    times = SHIPMENTS // SIMULATED
    asked, scans = times * sum(len(d) for d in due), times * simulated
    track, updated = times * sum(track_calls(d) for d in due), updated_calls(scans)
    print(  # noqa: T201
        f"\n{mode}: {scans:,} scans, {LOST:.0%} of their webhooks lost; {asked:,} questions; "
        f"{track:,} calls of track-order + {updated:,} of updated-order = {track + updated:,} "
        f"(all five a call: {POLLING_ALL:,})"
    )
    assert asked / track > 0.99 * WAYBILLS_A_CALL, "calls are full"
    assert least * POLLING_ALL < track + updated < most * POLLING_ALL
    if mode is PollingMode.GUIDE:
        assert track == pytest.approx(calls_a_day([SHIPMENTS]), rel=0.05), "what the doctor reports"
    row = re.search(rf"^\| `{mode}`: .* \| ([\d,]+) \|$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert row
    assert int(row[1].replace(",", "")) == pytest.approx(track + updated, rel=0.005)


def test_a_day_without_any_webhook_stays_within_bounds() -> None:
    """updated-order finds every scan, and each triggers a poll of its timeline, at most every two hours."""
    due, scans = simulate(SHIPMENTS // 20, 1.0, PollingMode.ECONOMICAL)
    calls = 20 * sum(track_calls(d) for d in due) + updated_calls(20 * scans)
    assert POLLING_ALL < calls < 2.5 * POLLING_ALL


def test_few_shipments_are_polled_together_with_others() -> None:
    assert track_calls([1.0, 1.1, 1.2, 1.2, 1.2, 9.0]) == 2
    assert track_calls([1.0, 2.0, 3.0]) == 3
