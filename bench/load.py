"""Load for the webhook endpoint, from its own process: keep-alive connections that each wait for their response.

    python -m bench.load PORT CONNECTIONS SECONDS KEY SHIPMENTS RATE FIRST FILE [PATH]  ->  one line of JSON

It stops after its seconds and uses loopback only. The numbers of the deliveries answered with 200 are written to FILE.
With a RATE above 0 it sends at most that many per second, evenly spread. Each delivery brings a scan of the second in
which it is sent, as a courier's newest scan is.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from array import array
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import uvloop

PATH = "/webhooks/clickpost"
AT_MOST = 20_000  # shipments that the deliveries of one run are about
WARM_UP = 0.5  # seconds not counted
FIRST_ID = 10**11  # of order_status_id; all ids have as many digits
FIRST_WAYBILL = "4600000000"  # all have as many digits
ZONE = ZoneInfo("Asia/Kolkata")  # of the times in deliveries, whatever their Z says
PROMISED = timedelta(days=4)


def second_text(at: datetime) -> str:
    """A time as deliveries have it, to the second."""
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%SZ}"


def body(number: int) -> bytes:
    """A delivery of about 900 bytes, as ClickPost sends for all statuses, with a scan of this second."""
    now = datetime.now(ZONE)
    latest = {
        "timestamp": second_text(now),
        "status": "In Transit",
        "remark": "Shipment received at facility, connected to destination hub",
        "location": "Bengaluru_Hoskote_GW (Karnataka)",
        "clickpost_status_code": 5,
        "clickpost_status_description": "InTransit",
        "clickpost_status_bucket": 3,
        "clickpost_status_bucket_description": "In Transit",
        "reference_number": "BENCH-4600",
        "clickpost_city": "Bengaluru",
    }
    return json.dumps(
        {
            "waybill": FIRST_WAYBILL,
            "cp_id": 4,
            "account_code": "Delhivery_Surface_B2C",
            "order_status_id": number,
            **{k: latest[k] for k in ("timestamp", "status", "remark", "location", "clickpost_status_code")},
            "clickpost_status_description": "InTransit",
            "clickpost_city": "Bengaluru",
            "rto_awb": None,
            "additional": {
                "latest_status": latest,
                "order_id": "BENCH-4600",
                "is_rvp": False,
                "courier_partner_edd": f"{now + PROMISED:%Y-%m-%d}",
                "ndr_status_code": None,
                "ndr_status_description": None,
            },
        }
    ).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._sent_at = 0.0
        self._answer = b""
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit from asyncio's
        self._next(time.perf_counter())

    def _next(self, now: float) -> None:
        pause = self._run.pause(now)
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        self._sent_at = time.perf_counter()
        self._number, request = self._run.next_request()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        # Head and body may arrive separately. One response is in flight at a time, and its body is a JSON object.
        self._answer += data
        if not self._answer.endswith(b"}"):
            return
        now = time.perf_counter()
        self._run.answered(int(self._answer[9:12]), self._number, now - self._sent_at, now)
        self._answer = b""
        if now < self._run.ends_at:
            self._next(now)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.closed(exc)


class _Run:
    def __init__(
        self, connections: int, seconds: float, key: str, shipments: int, rate: float, first: int, path: str
    ) -> None:
        self.started_at = time.perf_counter()
        self.counted_from = self.started_at + WARM_UP
        self.ends_at = self.counted_from + seconds
        self.statuses: dict[int, int] = {}
        self.counted = 0
        self.times: list[float] = []
        self.acknowledged: array[int] = array("q")
        self._rate = rate
        self._open = connections
        self._number = first
        self._asked = 0
        payload = body(FIRST_ID)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: localhost\r\nwebhook_key: {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
        )
        before, between, after = _around(head.encode() + payload)
        # The load must cost less than what it measures: parts are concatenated, nothing is encoded.
        dice = random.Random(1)
        self._heads = [before + b"46%08d" % n + between for n in dice.sample(range(shipments), min(shipments, AT_MOST))]
        self._after = after
        self._scanned_at = str(json.loads(payload)["timestamp"]).encode()
        self._changes_at = 0.0  # when the second of the scans is over
        self.all_closed = asyncio.get_running_loop().create_future()
        self.errors = 0

    def pause(self, now: float) -> float:
        """Seconds until the next request is due."""
        if not self._rate:
            return 0.0
        self._asked += 1
        return self.started_at + self._asked / self._rate - now

    def next_request(self) -> tuple[int, bytes]:
        self._number += 1
        if (now := time.time()) >= self._changes_at:
            self._changes_at = now // 1 + 1
            scanned_at = second_text(datetime.fromtimestamp(now, ZONE)).encode()
            self._after, self._scanned_at = self._after.replace(self._scanned_at, scanned_at), scanned_at
        head = self._heads[self._number % len(self._heads)]
        return self._number, b"%b%d%b" % (head, FIRST_ID + self._number, self._after)

    def answered(self, status: int, number: int, seconds: float, now: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            self.acknowledged.append(FIRST_ID + number)
        if self.counted_from <= now < self.ends_at:
            self.counted += status == 200
            self.times.append(seconds)

    def closed(self, error: Exception | None) -> None:
        self.errors += error is not None
        self._open -= 1
        if self._open == 0:
            self.all_closed.set_result(None)


def _around(request: bytes) -> tuple[bytes, bytes, bytes]:
    before, rest = request.split(FIRST_WAYBILL.encode())
    between, after = rest.split(str(FIRST_ID).encode())
    return before, between, after


async def run(
    port: int, connections: int, seconds: float, key: str, shipments: int, rate: float, first: int, path: str
) -> _Run:
    """Send until time is up; the responses and their latency."""
    this = _Run(connections, seconds, key, shipments, rate, first, path)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(this), "127.0.0.1", port)
    await asyncio.wait_for(this.all_closed, seconds + 30)
    return this


def report(this: _Run, seconds: float) -> dict[str, object]:
    """The result; times in ms."""
    times = sorted(this.times)
    return {
        "per_second": round(this.counted / seconds),
        "p50": round(times[len(times) // 2] * 1000, 1),
        "p99": round(times[int(len(times) * 0.99)] * 1000, 1),
        "longest": round(times[-1] * 1000, 1),
        "statuses": this.statuses,
        "errors": this.errors,
    }


if __name__ == "__main__":
    port, connections, seconds, key, shipments, rate, first, file, *rest = sys.argv[1:]
    sent_to = rest[0] if rest else PATH
    this_run = run(int(port), int(connections), float(seconds), key, int(shipments), float(rate), int(first), sent_to)
    done = uvloop.run(this_run)
    Path(file).write_bytes(done.acknowledged.tobytes())
    sys.stdout.write(json.dumps(report(done, float(seconds))) + "\n")
