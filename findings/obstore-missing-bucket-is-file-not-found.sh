#!/usr/bin/env bash
# obstore 0.12.1: a missing bucket is a FileNotFoundError about the object, also for a put.
#
# Versions: obstore 0.12.1, Python 3.11.
# Guess: a missing bucket is an error of its own (or a general one), so FileNotFoundError means that the object does
#   not exist.
# Behaviour: every 404 for one object is the same FileNotFoundError, "Object at location ... not found". Only the
#   service's body, which is in the message, says NoSuchBucket. Code that treats the exception as a missing object
#   reads and deletes in a bucket that does not exist. Listing the same bucket raises a GenericError.
# Output seen:
#   put into a missing bucket: FileNotFoundError, names the object: True
#   get of a missing bucket: FileNotFoundError
#   get of a missing object: FileNotFoundError
#   list of a missing bucket: GenericError
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


ERROR = b"<Error><Code>%s</Code><Message>The specified one does not exist</Message></Error>"


async def attempt(name, doing, shows=False):
    try:
        await doing
    except Exception as error:
        more = f", names the object: {'Object at location files/k not found' in str(error)}" if shows else ""
        print(f"{name}: {type(error).__name__}{more}")


async def main():
    away = await opened(lambda head, body: (404, "", ERROR % b"NoSuchBucket"))
    there = await opened(lambda head, body: (404, "", ERROR % b"NoSuchKey"))
    await attempt("put into a missing bucket", obstore.put_async(away, "k", b"x"), shows=True)
    await attempt("get of a missing bucket", obstore.get_async(away, "k"))
    await attempt("get of a missing object", obstore.get_async(there, "k"))
    await attempt("list of a missing bucket", obstore.list(away).collect_async())


asyncio.run(main())
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "put into a missing bucket: FileNotFoundError, names the object: True
get of a missing bucket: FileNotFoundError
get of a missing object: FileNotFoundError
list of a missing bucket: GenericError" ]
