#!/usr/bin/env bash
# apprise 2.3.0: an SMS that MSG91 or Vonage refuses in the body of an HTTP 200 counts as sent; Gupshup's does not.
#
# Versions: apprise 2.3.0, requests 2.32.5, Python 3.11.
# Guess: a plugin for one SMS service reads that service's response, so notify() returns False if the body reports
#   an error.
# Behaviour: msg91:// and vonage:// check only the HTTP status and return True. gupshup:// reads the body and
#   returns False. Each plugin has to be tested to know which one it does. The bodies are from the services'
#   manuals.
# Output seen:
#   msg91 True {"type": "error", "message": "template id missing"}
#   vonage True {"message-count": "1", "messages": [{"status": "4", "error-text": "Bad Credentials"}]}
#   gupshup False {"status": "error", "message": "Authentication Failed"}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apprise==2.3.0 requests==2.32.5
cat > "$folder/send.py" <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import apprise
from apprise.plugins.gupshup import NotifyGupshup
from apprise.plugins.msg91 import NotifyMSG91
from apprise.plugins.vonage import NotifyVonage

answers = []


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(answers[-1].encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
for plugin in (NotifyMSG91, NotifyVonage, NotifyGupshup):
    plugin.notify_url = f"http://127.0.0.1:{server.server_port}/"
for url, answer in (
    ("msg91://1107160000000000001@" + "k" * 23 + "/919000000001?:body=VAR1",
     '{"type": "error", "message": "template id missing"}'),
    ("vonage://abcdef12:abcdefghijklmnop@15551230000/919000000001",
     '{"message-count": "1", "messages": [{"status": "4", "error-text": "Bad Credentials"}]}'),
    ("gupshup://app:key@15551230000/919000000001",
     '{"status": "error", "message": "Authentication Failed"}'),
):
    answers.append(answer)
    print(url.partition(":")[0], apprise.Apprise.instantiate(url).notify(body="Hello"), answer)
PYTHON
seen=$("$folder/venv/bin/python" "$folder/send.py" 2> /dev/null)
echo "$seen"
[ "$(echo "$seen" | cut -d' ' -f1,2 | tr '\n' ';')" = "msg91 True;vonage True;gupshup False;" ]
