#!/usr/bin/env bash
# standardwebhooks 1.1.0 (Python): a secret in URL-safe Base64 is accepted, and every signature made with it is another one.
#
# Versions: standardwebhooks 1.1.0 and svix 2.9.1 (PyPI), standardwebhooks 1.1.1 (npm), Node.js 20, Python 3.11.
# Guess: a secret that is not standard Base64 is refused, as the JavaScript library of the same project does; or it is
#   decoded as what it is.
# Behaviour: Python's decoder skips - and _, so the key has fewer bytes than were meant. Signer and verifier in Python agree
#   with each other; a receiver in another language, or one who changes - and _ to + and / first, refuses every delivery.
#   svix for Python has the same decoder. A secret that a tool made with token_urlsafe() or "openssl rand | tr" works by
#   luck: only if it has none of the two. Python takes a secret without padding, too.
# Output seen:
#   Python: standard and URL-safe secret sign alike: False
#   Python: without padding signs alike: True
#   JavaScript signs as Python with the standard secret: True
#   JavaScript with the URL-safe secret: Base64Coder: incorrect characters for decoding
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund standardwebhooks@1.1.1 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1
cat > run.cjs <<'JS'
const { Webhook } = require("standardwebhooks");
try {
  console.log(new Webhook(process.argv[2]).sign("msg_1", new Date(1796000000000), '{"waybill":"4048770000001"}'));
} catch (error) {
  console.log(error.message);
}
JS
cat > run.py <<'PYTHON'
import base64
import subprocess
from datetime import datetime, timezone

import standardwebhooks
from svix.webhooks import Webhook as Svix

KEY = bytes(range(232, 256))
standard, url_safe = base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()
body, time = '{"waybill":"4048770000001"}', datetime.fromtimestamp(1796000000, timezone.utc)


def python(secret, kind=standardwebhooks.Webhook):
    return kind(f"whsec_{secret}").sign("msg_1", time, body)


def javascript(secret):
    return subprocess.run(["node", "run.cjs", f"whsec_{secret}"], capture_output=True, text=True, check=True).stdout.strip()


assert python(url_safe, Svix) == python(url_safe)
print("Python: standard and URL-safe secret sign alike:", python(url_safe) == python(standard))
unpadded = base64.b64encode(KEY[:23]).decode()
print("Python: without padding signs alike:", python(unpadded.rstrip("=")) == python(unpadded))
print("JavaScript signs as Python with the standard secret:", javascript(standard) == python(standard))
print("JavaScript with the URL-safe secret:", javascript(url_safe))
PYTHON
seen=$(venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "Python: standard and URL-safe secret sign alike: False
Python: without padding signs alike: True
JavaScript signs as Python with the standard secret: True
JavaScript with the URL-safe secret: Base64Coder: incorrect characters for decoding" ]
