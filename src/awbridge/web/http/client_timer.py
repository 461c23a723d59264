"""How long a connection has waited for its client, and which limit that exceeds."""

from __future__ import annotations

from enum import StrEnum

from awbridge.web.http.limits import ConnectionState, Limits


class Late(StrEnum):
    """What a client is late with; the names by which refusals are counted."""

    REQUEST = "request_late"  # the next one, or the first
    HEAD = "head_late"  # the rest of a request's head
    BODY = "body_late"  # the rest of a request's body
    UNREAD = "answer_unread"  # reading its response
    LEAVING = "refusal_unread"  # reading why it was refused


class ClientTimer:
    """The times of one connection, in seconds of the loop's clock. Time during which nothing is read does not count."""

    __slots__ = ("_limits", "paused", "paused_at", "received", "received_at", "since", "unsent_at")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self.since = now  # when the state, the head or the body began
        self.received_at = now  # when the last bytes arrived
        self.received = 0  # bytes of a body
        self.unsent_at = 0.0  # since when the client reads nothing; 0: it reads
        self.paused: bool = False  # whether we read nothing
        self.paused_at = now

    def pause(self, now: float) -> None:
        """Nothing is read from now on."""
        self.paused, self.paused_at = True, now

    def resume(self, now: float) -> None:
        """Reading goes on."""
        self.paused = False
        self.since += now - self.paused_at
        self.received_at = now

    def late(self, now: float, state: ConnectionState, head_complete: bool | None) -> Late | None:
        """What the client is late with, if anything. `head_complete`: of the request that arrives; None: none does.

        A connection that is busy or paused waits for us, not for its client.
        """
        limits, waited = self._limits, now - self.since
        if state is ConnectionState.LEAVING:
            return Late.LEAVING if waited > limits.linger else None
        if self.unsent_at:
            return Late.UNREAD if now - self.unsent_at > limits.write_pause else None
        if self.paused or state is ConnectionState.BUSY:
            return None
        if head_complete is False:
            return Late.HEAD if waited > limits.head_within else None
        if head_complete:
            allowed = limits.body_grace + self.received / limits.body_rate
            return Late.BODY if now - self.received_at > limits.body_pause or waited > allowed else None
        idle_for = limits.idle_for if state is ConnectionState.IDLE else limits.head_within
        return Late.REQUEST if waited > idle_for else None
