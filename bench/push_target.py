"""A server that answers create-order at once, at the lowest cost.

python -m bench.push_target  ->  prints its port, serves until its input closes
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_REFERENCE = re.compile(rb'"reference_number": ?"([^"]+)"')


def answer(reference: str) -> bytes:
    """A placed order, as ClickPost answers."""
    result = {
        "waybill": f"AWB{reference}",
        "reference_number": reference,
        "label": f"https://labels.example/{reference}.pdf",
        "sort_code": "MH/WHH/BMF",
        "security_key": "s3cur1ty",
        "courier_name": "Delhivery",
        "courier_partner_id": 4,
    }
    meta = {"status": 200, "success": True, "message": "SUCCESS"}
    body = json.dumps({"meta": meta, "result": result, "order_id": 77, "tracking_id": 77}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


class _Answers(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._heard, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._heard) < whole:
                return
            request, self._heard = self._heard[:whole], self._heard[whole:]
            reference = _REFERENCE.search(request, end)
            self._transport.write(answer(reference[1].decode() if reference else ""))


async def main() -> None:
    """Serve until standard input closes."""
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
