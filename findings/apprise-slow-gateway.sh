#!/usr/bin/env bash
# apprise 2.3.0: notify() returns False for a message that a slow gateway accepted.
#
# Versions: apprise 2.3.0, requests 2.32.5, Python 3.11.
# Guess: notify() returns False only if the message was not sent, so a retry is safe; the HTTP read timeout is half
#   a minute or none.
# Behaviour: the read timeout is 4 s. A service that answers 200 after 5 s received the message once, and notify()
#   returns False, as for a refusal. rto=30 in the URL raises the timeout.
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
