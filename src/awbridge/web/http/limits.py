"""What one client may take of the server, and all of them together: sizes, times, numbers of connections."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import structlog

log = structlog.get_logger()

OWN_FILES = 128  # file descriptors kept for the database, ClickPost, files and logs
REPORT_EVERY = 60.0  # seconds between lines in the log about what was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one connection, then those of all of them. Times in seconds, sizes in bytes."""

    line: int = 8 * 1024  # of a request line's target
    head: int = 32 * 1024
    head_lines: int = 100
    pipelined: int = 64  # requests that may wait behind the one that is answered

    idle_for: float = 5.0  # between two requests
    head_within: float = 10.0
    body_pause: float = 10.0  # between two parts of a body
    body_grace: float = 60.0  # what every body has; a longer one has more:
    body_rate: int = 64 * 1024  # bytes for which it has one second more
    write_pause: float = 60.0  # that a client takes nothing of its answer
    farewell: float = 2.0  # in which a client that was refused can read why

    connections: int = 2_000
    idle: int = 1_000

    @property
    def look_every(self) -> float:
        """Seconds between two looks at all connections."""
        times = (self.idle_for, self.head_within, self.body_pause, self.body_grace, self.write_pause, self.farewell)
        return min(1.0, min(times) / 4)


class ConnectionSlot(IntEnum):
    """What a connection does; in the order in which they are closed where there are too many."""

    LEAVING = 0  # refused; it may still read why
    FRESH = 1  # has not sent a whole request yet
    IDLE = 2  # between two requests
    READING = 3  # a further request has begun to come
    BUSY = 4  # waits for us; never closed for another one


class Client(Protocol):
    """A connection, as those who count them see it."""

    place: ConnectionSlot

    def look(self, now: float) -> None:
        """Close it where its time is up."""
        ...

    def give_way(self) -> None:
        """Close it for another one."""
        ...


class Connections:
    """All connections of a server. `refused` counts by reason what was refused or closed early."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.refused: Counter[str] = Counter()
        self._at: dict[ConnectionSlot, dict[Client, None]] = {place: {} for place in ConnectionSlot}
        self._timer: asyncio.TimerHandle | None = None
        self._reported: Counter[str] = Counter()
        self._reported_at = float("-inf")

    @property
    def number(self) -> int:
        """How many there are."""
        return sum(len(clients) for clients in self._at.values())

    def at(self, place: ConnectionSlot) -> int:
        """How many are there."""
        return len(self._at[place])

    def admit(self, client: Client) -> bool:
        """Take in a new connection, if need be in the place of one that waits for its client. False: all are busy."""
        fits = self.number < self.limits.connections or self._make_room()
        self._at[client.place][client] = None
        if self._timer is None:
            self._start_timer()
        return fits

    def move(self, client: Client, place: ConnectionSlot) -> None:
        """It does something else now."""
        self._at[client.place].pop(client, None)
        client.place = place
        self._at[place][client] = None
        if place is ConnectionSlot.IDLE and len(self._at[place]) > self.limits.idle:
            self._close_oldest(place)

    def remove(self, client: Client) -> None:
        """It has ended."""
        self._at[client.place].pop(client, None)

    def _make_room(self) -> bool:
        for place in ConnectionSlot:
            if place is not ConnectionSlot.BUSY and self._at[place]:
                self._close_oldest(place)
                return True
        return False

    def _close_oldest(self, place: ConnectionSlot) -> None:
        self.refused["connections"] += 1
        next(iter(self._at[place])).give_way()

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.limits.look_every, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for clients in self._at.values():
            for client in list(clients):
                client.look(now)
        self._report(now)
        self._timer = None
        if self.number:
            self._start_timer()

    def _report(self, now: float) -> None:
        """Whoever floods us must not flood the log."""
        if self.refused != self._reported and now - self._reported_at >= REPORT_EVERY:
            log.warning("http.refused", **(self.refused - self._reported))
            self._reported, self._reported_at = self.refused.copy(), now


def connections_within_files(wanted: int) -> int:
    """So many connections as this process may have files open; the soft limit is raised as far as the hard one goes."""
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
