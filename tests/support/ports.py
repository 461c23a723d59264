"""Ports for servers that take a number: the kernel gives them to no other socket, and no other test gets them."""

from __future__ import annotations

import itertools
import os
import socket
import zlib
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 10_000
_EACH = 1_000  # ports that a worker gives out before it comes to those of the next


def _last() -> int:
    """What the kernel chooses for sockets that bind port 0 or connect begins above."""
    return int(_EPHEMERAL.read_text().split()[0]) - 1 if _EPHEMERAL.exists() else 32_767


def _order() -> itertools.cycle[int]:
    """All ports, in an order of this worker's own: runs beside each other begin elsewhere, and workers side by side."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    span = max(_last() - _FIRST, _EACH)
    begin = zlib.crc32(run.encode()) + worker * _EACH
    return itertools.cycle(_FIRST + (begin + number) % span for number in range(span))


_ports = _order()


def free_port() -> int:
    """A port that nothing listens on. Another socket may only take it by its number."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("every port is taken")
