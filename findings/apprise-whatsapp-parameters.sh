#!/usr/bin/env bash
# apprise 2.3.0: the numbers of a WhatsApp template's parameters are ignored, and its text can be dropped silently.
#
# Versions: apprise 2.3.0, requests 2.32.5, Python 3.11.
# Guess: in whatsapp://TEMPLATE:TOKEN@PHONE_ID/TO?:body=2&:1=Acme the message's body is parameter 2 and Acme
#   parameter 1; a template URL without :body= is refused, or sends the body as the template's only parameter.
# Behaviour: parameters are sent in the order in which the URL names them, whatever their numbers (the plugin calls
#   sorted() and discards the result). A gap in the numbers closes. Without :body= the template is sent without
#   parameters. notify() returns True each time, because the service may accept the template.
# Output seen:
#   ?:1=Acme&:body=2 True ['Acme', 'WORDS']
#   ?:body=2&:1=Acme True ['WORDS', 'Acme']
#   ?:body=1&:3=Acme True ['WORDS', 'Acme']
#   (none) True no parameters
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apprise==2.3.0 requests==2.32.5
cat > "$folder/send.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import apprise
from apprise.plugins.whatsapp import NotifyWhatsApp

bodies = []


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"messages": [{"id": "wamid.1"}]}')

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
NotifyWhatsApp.notify_url = f"http://127.0.0.1:{server.server_port}/"
for query in ("?:1=Acme&:body=2", "?:body=2&:1=Acme", "?:body=1&:3=Acme", ""):
    url = "whatsapp://order:" + "t" * 30 + "@123456789012345/919000000001" + query
    sent = apprise.Apprise.instantiate(url).notify(body="WORDS")
    parts = bodies[-1]["template"].get("components")
    print(query or "(none)", sent, [p["text"] for p in parts[0]["parameters"]] if parts else "no parameters")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/send.py")
echo "$seen"
[ "$seen" = "?:1=Acme&:body=2 True ['Acme', 'WORDS']
?:body=2&:1=Acme True ['WORDS', 'Acme']
?:body=1&:3=Acme True ['WORDS', 'Acme']
(none) True no parameters" ]
