#!/usr/bin/env bash
# httptools 0.9.0 under uvicorn 0.54.0: a POST that also offers an upgrade to h2c reaches the app without its body.
#
# Versions: uvicorn 0.54.0, httptools 0.9.0, h11 0.16.0, granian 2.8.9, Python 3.11.
# Guess: a server without HTTP/2 ignores "Upgrade: h2c", as HTTP allows, and the app reads the body as usual.
# Behaviour: httptools treats the end of such a head as the end of the request, whatever Content-Length says. The
#   app gets an empty body, and the bytes of the body are not read as one. h11 under the same uvicorn, and Granian,
#   pass the body on. `curl --http2 -d ...` (7.88.1) sends these headers over plain HTTP. A server on httptools must
#   let a new parser continue after such a head.
# Output seen:
#   uvicorn, httptools: plain 13 bytes, with Upgrade: h2c 0 bytes
#   uvicorn, h11: plain 13 bytes, with Upgrade: h2c 13 bytes
#   Granian: plain 13 bytes, with Upgrade: h2c 13 bytes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0 granian==2.8.9
cat > "$folder/app.py" <<'PYTHON'
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    said = b"%d bytes" % len(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})
PYTHON
cat > "$folder/run.py" <<'PYTHON'
import socket, subprocess, sys, time

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


def ask(port, more):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n%bContent-Length: 13\r\n\r\n{\"order\": 42}" % more)
        answer = b""
        while not answer.endswith(b" bytes") and (part := line.recv(4096)):
            answer += part
    return answer.rpartition(b"\r\n\r\n")[2].decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seen(name, *command):
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", *command, "--port", str(port)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        print(f"{name}: plain {ask(port, b'')}, with Upgrade: h2c {ask(port, H2C)}")
    finally:
        server.terminate()
        server.wait(20)


seen("uvicorn, httptools", "uvicorn", "app:app", "--http", "httptools")
seen("uvicorn, h11", "uvicorn", "app:app", "--http", "h11")
seen("Granian", "granian", "app:app", "--interface", "asgi")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "uvicorn, httptools: plain 13 bytes, with Upgrade: h2c 0 bytes
uvicorn, h11: plain 13 bytes, with Upgrade: h2c 13 bytes
Granian: plain 13 bytes, with Upgrade: h2c 13 bytes" ]
