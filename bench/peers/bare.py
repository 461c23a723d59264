"""The ceiling: the same server with an app that reads the body and answers 200. No key, no JSON, no database.

python -m bench.peers.bare PORT
"""

from __future__ import annotations

import sys
from typing import Any

from bench.peers.serving import serve

BODY = b'{"status":"stored"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer 200."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    serve(app, int(sys.argv[1]))
