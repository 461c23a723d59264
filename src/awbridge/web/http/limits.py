"""Limits of one client and of all clients together: sizes, times, numbers of connections."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import structlog

log = structlog.get_logger()

OWN_FILES = 128  # file descriptors reserved for the database, ClickPost, files and logs
REPORT_EVERY = 60.0  # seconds between log lines about refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one connection, then of all connections. Times in seconds, sizes in bytes."""

    line: int = 8 * 1024  # of the URL in the request line
    head: int = 32 * 1024
    head_lines: int = 100
    pipelined: int = 64  # requests that may wait while one is being answered

    # Between two requests. Longer than proxies keep an idle connection, so that the proxy closes it: nginx and AWS ALB
    # 60, Traefik 90, Caddy 120. Otherwise a proxy sends a delivery on a connection that is just being closed.
    idle_for: float = 130.0
    head_within: float = 10.0
    body_pause: float = 10.0  # between two parts of a body
    body_grace: float = 60.0  # for every body, plus
    body_rate: int = 64 * 1024  # one second for this many bytes
    write_pause: float = 60.0  # during which a client reads nothing of its response
    linger: float = 2.0  # for a refused client to read the reason
    drain: float = 0.5  # for a request on an idle connection, once the server stops

    connections: int = 2_000
    idle: int = 1_000

    @property
    def check_every(self) -> float:
        """Seconds between two checks of all connections."""
        times = (self.idle_for, self.head_within, self.body_pause, self.body_grace, self.write_pause, self.linger)
        return min(1.0, min(times) / 4)


class ConnectionState(IntEnum):
    """What a connection does, in the order in which they are closed if there are too many."""

    LEAVING = 0  # refused; the client may still read the reason
    FRESH = 1  # has not sent a complete request yet
    IDLE = 2  # between two requests
    READING = 3  # another request is arriving
    BUSY = 4  # waits for a response; never closed for another connection


class Client(Protocol):
    """A connection, as far as the limits are concerned. `evict` closes it to make room for another."""

    state: ConnectionState

    def close_if_late(self, now: float) -> None: ...
    def evict(self) -> None: ...


class Connections:
    """All connections of a server. `refused` counts refusals and early closes by reason."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.refused: Counter[str] = Counter()
        self._by_state: dict[ConnectionState, dict[Client, None]] = {state: {} for state in ConnectionState}
        self._timer: asyncio.TimerHandle | None = None
        self._reported: Counter[str] = Counter()
        self._reported_at = float("-inf")

    @property
    def number(self) -> int:
        """The number of connections."""
        return sum(len(clients) for clients in self._by_state.values())

    def count(self, state: ConnectionState) -> int:
        """The number of connections in this state."""
        return len(self._by_state[state])

    def admit(self, client: Client) -> bool:
        """Add a new connection, closing one that waits for its client if necessary. False: all are busy."""
        fits = self.number < self.limits.connections or self._make_room()
        self._by_state[client.state][client] = None
        if self._timer is None:
            self._start_timer()
        return fits

    def move(self, client: Client, state: ConnectionState) -> None:
        """Record the new state of a connection."""
        self._by_state[client.state].pop(client, None)
        client.state = state
        self._by_state[state][client] = None
        if state is ConnectionState.IDLE and len(self._by_state[state]) > self.limits.idle:
            self._close_oldest(state)

    def remove(self, client: Client) -> None:
        """Remove a closed connection."""
        self._by_state[client.state].pop(client, None)

    def _make_room(self) -> bool:
        for state in ConnectionState:
            if state is not ConnectionState.BUSY and self._by_state[state]:
                self._close_oldest(state)
                return True
        return False

    def _close_oldest(self, state: ConnectionState) -> None:
        self.refused["connections"] += 1
        next(iter(self._by_state[state])).evict()

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.limits.check_every, self._check)

    def _check(self) -> None:
        now = asyncio.get_running_loop().time()
        for clients in self._by_state.values():
            for client in list(clients):
                client.close_if_late(now)
        self._report(now)
        self._timer = None
        if self.number:
            self._start_timer()

    def _report(self, now: float) -> None:
        """Log refusals at intervals: a flood of requests must not flood the log."""
        if self.refused != self._reported and now - self._reported_at >= REPORT_EVERY:
            log.warning("http.refused", **(self.refused - self._reported))
            self._reported, self._reported_at = self.refused.copy(), now


def connections_within_files(wanted: int) -> int:
    """The number of connections that the limit of open files allows. Raises the soft limit as far as possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    fits = max(allowed - OWN_FILES, 1)
    if fits < wanted:
        log.warning("http.fewer_connections", wanted=wanted, connections=fits, problem="raise ulimit -n")
    return fits
