#!/usr/bin/env bash
# obstore 0.12.1: virtual_hosted_style_request with an endpoint of one's own sends the bucket nowhere.
#
# Versions: obstore 0.12.1, Python 3.11.
# Guess: the bucket is put before the host of the endpoint, as boto3 does with addressing_style "virtual".
# Behaviour: the endpoint is used as it is: the request has no bucket, and a service that takes buckets from the path
#   takes the prefix for one. Nothing is reported when the store is opened. The endpoint itself has to name the bucket.
#   Without an endpoint (AWS), the bucket is put before the host.
# Output seen:
#   path: PUT http://s3.example.com/acme/calls/1
#   virtual: PUT http://s3.example.com/calls/1
#   virtual, endpoint with the bucket: PUT http://acme.s3.example.com/calls/1
#   virtual, no endpoint: CONNECT acme.s3.us-east-1.amazonaws.com:443
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
cat > "$folder/run.py" <<'PYTHON'
import socketserver
import threading

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

lines = []


class Proxy(socketserver.StreamRequestHandler):
    """Is asked for whole addresses, so that no host has to exist."""

    def handle(self):
        lines.append(self.rfile.readline().decode().rpartition(" ")[0])
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
for name, more in (
    ("path", {"endpoint": "http://s3.example.com"}),
    ("virtual", {"endpoint": "http://s3.example.com", "virtual_hosted_style_request": "true"}),
    ("virtual, endpoint with the bucket", {"endpoint": "http://acme.s3.example.com", "virtual_hosted_style_request": "true"}),
    ("virtual, no endpoint", {"virtual_hosted_style_request": "true"}),
):
    config = {"region": "us-east-1", "access_key_id": "a", "secret_access_key": "b", **more}
    http = {"allow_http": True, "proxy_url": f"http://127.0.0.1:{server.server_address[1]}"}
    store = from_url("s3://acme/calls", config=config, client_options=http, retry_config={"max_retries": 0})
    lines.clear()
    try:
        obstore.put(store, "1", b"x")
    except BaseError:
        pass
    print(f"{name}: {lines[0]}")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "path: PUT http://s3.example.com/acme/calls/1
virtual: PUT http://s3.example.com/calls/1
virtual, endpoint with the bucket: PUT http://acme.s3.example.com/calls/1
virtual, no endpoint: CONNECT acme.s3.us-east-1.amazonaws.com:443" ]
