"""A TCP relay on loopback in front of a server, which can lose answers, be silent, or refuse connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from enum import Enum

from tests.support.ports import free_port


class Mode(Enum):
    """What a relay does with a POST that the server has answered. Other requests, such as checks, are passed."""

    PASS = "pass"
    SWALLOW = "swallow"  # closes the connection instead of passing the answer on
    SILENT = "silent"  # never passes the answer on


class Relay:
    """Relays to the port `target`. `received`: everything that came from clients, in one piece for each read."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.mode = Mode.PASS
        self.received: list[bytes] = []
        self._target = target
        self._listening: socket.socket | None = None
        self._sockets: set[socket.socket] = set()
        self._posts: dict[socket.socket, bool] = {}  # whether the latest request to the server is a POST

    def open(self) -> None:
        """Accept connections."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections, and close those that are open."""
        for one in (self._listening, *self._sockets):
            if one:
                _close(one)
        self._listening = None

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                _close(client)
                continue
            server.settimeout(None)
            self._sockets |= {client, server}
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._to_client, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        for piece in _pieces(client):
            self.received.append(piece)
            if piece.startswith((b"GET", b"POST", b"OPTIONS")):
                self._posts[server] = piece.startswith(b"POST")
            with contextlib.suppress(OSError):
                server.sendall(piece)
        self._end(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        for piece in _pieces(server):
            mode = self.mode if self._posts.get(server) else Mode.PASS
            if mode is Mode.SWALLOW:
                break
            if mode is Mode.PASS:
                with contextlib.suppress(OSError):
                    client.sendall(piece)
            else:
                return  # until the client hangs up
        self._end(client, server)

    def _end(self, *both: socket.socket) -> None:
        for one in both:
            self._sockets.discard(one)
            _close(one)


def _pieces(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            yield piece


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
