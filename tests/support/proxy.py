"""A proxy on loopback that drops header names with an underscore, as nginx does by default, or rejects the request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

OF_ONE_CONNECTION = {"host", "content-length", "connection"}


@contextmanager
def dropping_proxy(target: str, *, rejects: bool = False) -> Iterator[str]:
    """A proxy that forwards to `target` within the block; its URL.

    `rejects`: it answers such a request with 400 itself, as Traefik and Envoy can be set to do.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept = {n: v for n, v in self.headers.items() if "_" not in n and n.lower() not in OF_ONE_CONNECTION}
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if rejects and any("_" in name for name in self.headers):
                self.send_error(400)
                return
            answer = httpx2.post(f"{target}{self.path}", headers=kept, content=body, timeout=5)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
