#!/usr/bin/env bash
# obstore 0.12.1: the Retry-After of a 503 is ignored; its retries end within seconds.
#
# Versions: obstore 0.12.1, Python 3.11.
# Guess: an object storage client that retries waits at least as long as Retry-After says.
# Behaviour: it uses only its own backoff: the second call comes after about 0.1 s, and the ten default retries are
#   over in a few seconds (3 to 10 seen), although retry_timeout is 180 s. The error does not carry the header
#   either. To outlast a busy service, keep a schedule of your own.
# Output seen:
#   with retry-after: 5: 2 calls, the second within a second: True
#   with the defaults: 11 calls, all within 60 s: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
cat > "$folder/run.py" <<'PYTHON'
import asyncio, time
import obstore
from obstore.store import from_url

calls = []


def serving(answer):
    async def serve(reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(length[0])) if length else b""
                calls.append((time.monotonic(), head.split(" HTTP/")[0], body))
                status, headers, said = answer(head, body)
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(said)}\r\n{headers}\r\n".encode() + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve


async def opened(answer, **more):
    server = await asyncio.start_server(serving(answer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
    return from_url("s3://bucket/files", config=config, client_options={"allow_http": True}, **more)


async def attempt(name, **more):
    calls.clear()
    store = await opened(lambda head, body: (503, "retry-after: 5\r\n", b""), **more)
    try:
        await obstore.put_async(store, "k", b"x")
    except Exception:
        return [at - calls[0][0] for at, _, _ in calls]


async def main():
    times = await attempt("one", retry_config={"max_retries": 1})
    print(f"with retry-after: 5: {len(times)} calls, the second within a second: {times[1] < 1}")
    times = await attempt("default")
    print(f"with the defaults: {len(times)} calls, all within 60 s: {times[-1] < 60}")


asyncio.run(main())
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "with retry-after: 5: 2 calls, the second within a second: True
with the defaults: 11 calls, all within 60 s: True" ]
