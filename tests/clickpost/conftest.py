"""A small real HTTP server with scripted answers, and payloads as a shop would send them."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

JsonObject = dict[str, Any]


@dataclass
class Canned:
    """One answer: what to send, after how long, and where to cut the connection."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: str = ""  # "before" the answer, or "within" its body
    trickle: int = 0  # pieces in which the body is sent, 50 ms apart

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    port: int


class Vendor:
    """The server's script and its memory."""

    def __init__(self) -> None:
        self.answers: deque[Canned] = deque()
        self.seen: list[Seen] = []
        self.url = ""

    def say(self, body: Any = None, **how: Any) -> Vendor:
        self.answers.append(Canned(body, **how))
        return self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vendor: Vendor

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.vendor.seen.append(
            Seen(
                method=self.command,
                path=parts.path,
                query=query,
                body=json.loads(raw) if raw else None,
                headers={name.lower(): value for name, value in self.headers.items()},
                port=self.client_address[1],
            )
        )
        answer = self.vendor.answers.popleft()
        time.sleep(answer.delay)
        if answer.cut == "before":
            self.close_connection = True
            return
        data = answer.data()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self._write(answer, data)

    def _write(self, answer: Canned, data: bytes) -> None:
        if answer.cut == "within":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        if not answer.trickle:
            self.wfile.write(data)
            return
        size = max(len(data) // answer.trickle, 1)
        for start in range(0, len(data), size):
            try:
                self.wfile.write(data[start : start + size])
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    do_GET = do_POST = do_PUT = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # some tests close the connection early


@pytest.fixture(scope="session")
def loopback() -> Iterator[tuple[str, type[_Handler]]]:
    """The server, started once."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", _Handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def vendor(loopback: tuple[str, type[_Handler]]) -> Vendor:
    """A vendor with an empty script."""
    url, handler = loopback
    handler.vendor = Vendor()
    handler.vendor.url = url
    return handler.vendor


_INDIA: JsonObject = {
    "pickup_info": {
        "pickup_name": "Kanda Warehouse",
        "pickup_phone": "8000000001",
        "pickup_address": "Plot 4, Industrial Area",
        "pickup_city": "Pune",
        "pickup_state": "Maharashtra",
        "pickup_pincode": "411001",
        "pickup_country": "IN",
    },
    "drop_info": {
        "drop_name": "A Customer",
        "drop_phone": "8000000002",
        "drop_address": "12 Lake View",
        "drop_city": "Bengaluru",
        "drop_state": "Karnataka",
        "drop_pincode": 560001,
    },
    "shipment_details": {
        "courier_partner": "4",
        "account_code": "main",
        "reference_number": "REF-1001",
        "order_id": 77,
        "order_type": "COD",
        "delivery_type": "FORWARD",
        "cod_value": "499.50",
        "invoice_value": 499.5,
        "invoice_number": "INV-1",
        "invoice_date": "2026-11-02",
        "length": 10,
        "breadth": "12.5",
        "height": 4,
        "weight": 350,
        "items": [{"sku": "TEA-1", "description": "Tea", "quantity": 2, "price": 249.75, "colour": "green"}],
    },
    "additional": {"label": True},
}


@pytest.fixture
def india() -> JsonObject:
    """A good order within India."""
    return copy.deepcopy(_INDIA)


@pytest.fixture
def world() -> JsonObject:
    """A good order across borders."""
    order = copy.deepcopy(_INDIA)
    place = {
        "name": "N",
        "phone": "500000001",
        "address": "Street 9",
        "city": "Dubai",
        "state": "",
        "country_code": "AE",
    }
    order["pickup_info"] = dict(place)
    order["drop_info"] = {**place, "postal_code": "Al Quoz 3"}
    order["shipment_details"]["currency_code"] = "AED"
    return order
