#!/usr/bin/env bash
# obstore 0.12.1: deleting one object of S3 is a DeleteObjects request.
#
# Versions: obstore 0.12.1, Python 3.11.
# Guess: one object is deleted by DELETE /bucket/key.
# Behaviour: it sends POST /bucket?delete with the key in an XML body, even for one object. Services, proxies and
#   test doubles that support only the plain DELETE refuse it. The response must name the key.
# Output seen:
#   POST /bucket?delete
#   one key in the body: True
#   answered DELETE never: True
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


def answer(head, body):
    return 200, "", b"<DeleteResult><Deleted><Key>files/k</Key></Deleted></DeleteResult>"


async def main():
    store = await opened(answer)
    await obstore.delete_async(store, "k")
    _, line, body = calls[0]
    print(line)
    print("one key in the body:", body.count(b"<Key>") == 1 and b"files/k" in body)
    print("answered DELETE never:", not any(line.startswith("DELETE") for _, line, _ in calls))


asyncio.run(main())
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "POST /bucket?delete
one key in the body: True
answered DELETE never: True" ]
