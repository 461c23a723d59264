"""Which time limit a client exceeds, and from what each is counted."""

from __future__ import annotations

import pytest

from awbridge.web.http.client_timer import ClientTimer, Late
from awbridge.web.http.limits import ConnectionState, Limits

LIMITS = Limits()


@pytest.mark.parametrize(
    ("state", "head_complete", "limit", "late"),
    [
        (ConnectionState.FRESH, None, LIMITS.head_within, Late.REQUEST),
        (ConnectionState.IDLE, None, LIMITS.idle_for, Late.REQUEST),
        (ConnectionState.READING, False, LIMITS.head_within, Late.HEAD),
        (ConnectionState.READING, True, LIMITS.body_pause, Late.BODY),
        (ConnectionState.LEAVING, None, LIMITS.linger, Late.LEAVING),
    ],
)
def test_each_wait_has_its_limit(state: ConnectionState, head_complete: bool | None, limit: float, late: Late) -> None:
    timer = ClientTimer(LIMITS, 100.0)
    assert timer.late(100.0 + limit, state, head_complete) is None
    assert timer.late(100.1 + limit, state, head_complete) is late


def test_a_steady_body_is_late_once_it_is_slower_than_its_rate() -> None:
    timer = ClientTimer(LIMITS, 0.0)
    timer.received = 30 * LIMITS.body_rate
    allowed = LIMITS.body_grace + 30
    timer.received_at = allowed
    assert timer.late(allowed, ConnectionState.READING, True) is None
    assert timer.late(allowed + 1, ConnectionState.READING, True) is Late.BODY


def test_time_in_which_nothing_is_read_does_not_count() -> None:
    timer = ClientTimer(LIMITS, 0.0)
    timer.pause(5.0)
    assert timer.late(1_000.0, ConnectionState.READING, False) is None
    timer.resume(1_000.0)
    assert timer.late(1_000.0 + LIMITS.head_within - 5, ConnectionState.READING, False) is None
    assert timer.late(1_000.1 + LIMITS.head_within - 5, ConnectionState.READING, False) is Late.HEAD


def test_a_busy_connection_is_late_only_where_its_client_does_not_read() -> None:
    timer = ClientTimer(LIMITS, 0.0)
    assert timer.late(1_000.0, ConnectionState.BUSY, None) is None
    timer.unsent_at = 900.0
    assert timer.late(900.0 + LIMITS.write_pause, ConnectionState.BUSY, None) is None
    assert timer.late(900.1 + LIMITS.write_pause, ConnectionState.BUSY, None) is Late.UNREAD
