#!/usr/bin/env bash
# apprise 2.3.0: "not sent" may mean sent. A gateway that takes five seconds got the message, and notify() is False.
#
# Versions: apprise 2.3.0, requests 2.32.5, Python 3.11.
# Guess: notify() returns False where a message did not go out, so that trying again is right; the read timeout of an
#   HTTP library is half a minute or none.
# Behaviour: the read timeout is 4 s. A service that answers 200 after 5 s got the message once, and notify() says False,
#   as it does for a refusal. rto=30 in the URL lifts the timeout.
# Output seen:
#   plain False, received 1
#   rto=30 True, received 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apprise==2.3.0 requests==2.32.5
cat > "$folder/send.py" <<'PYTHON'
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import apprise

received = []


class Gateway(BaseHTTPRequestHandler):
    def do_POST(self):
        received.append(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(5)
        try:
            self.send_response(200)
            self.end_headers()
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
for query in ("", "?rto=30"):
    received.clear()
    url = f"json://127.0.0.1:{server.server_port}/sms{query}"
    sent = apprise.Apprise.instantiate(url).notify(body="Hello")
    print(f"{query[1:] or 'plain'} {sent}, received {len(received)}")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/send.py" 2> /dev/null)
echo "$seen"
[ "$seen" = "plain False, received 1
rto=30 True, received 1" ]
