"""A webhook subscriber of the pages: keeps the newest event in `event.json`, and its headers beside it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Keep(BaseHTTPRequestHandler):
    """Answers every POST with 204."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Path("event.json").write_bytes(body)
        Path("event.headers.json").write_text(json.dumps({name.lower(): value for name, value in self.headers.items()}))
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 9000), Keep).serve_forever()
