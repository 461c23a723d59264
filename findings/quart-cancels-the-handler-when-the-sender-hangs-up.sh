#!/usr/bin/env bash
# Quart 0.22.0 and Django 5.2.19 (async views) cancel a handler when its client hangs up; Starlette does not.
#
# Versions: Quart 0.22.0, Django 5.2.19, Starlette 1.10.0, uvicorn 0.54.0, Python 3.11.
# Guess: an async handler runs to its end on all three, as a synchronous one does: the request was received in full.
# Behaviour: when the client closes the connection while the handler awaits something, Quart and Django raise
#   CancelledError in it, and nothing is logged. What the handler had not stored yet is lost. The server is the same,
#   so it is the framework's doing. A sender of webhooks that waits two seconds makes this happen whenever storing is
#   slow. asyncio.shield around the work lets it end.
# Output seen:
#   Quart: cancelled
#   Quart, shielded: ran to its end
#   Django: cancelled
#   Django, shielded: ran to its end
#   Starlette: ran to its end
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check quart==0.22.0 django==5.2.19 starlette==1.10.0 uvicorn==0.54.0
cat > "$folder/apps.py" <<'PYTHON'
import asyncio, pathlib

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
from quart import Quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def work(name):
    await asyncio.sleep(2)
    pathlib.Path(f"done-{name}").touch()


quart = Quart("quart")


@quart.post("/plain")
async def quart_plain():
    await work("quart-plain")
    return "ok"


@quart.post("/shielded")
async def quart_shielded():
    await asyncio.shield(asyncio.ensure_future(work("quart-shielded")))
    return "ok"


settings.configure(ROOT_URLCONF="apps", ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[])
django.setup()


async def django_plain(request):
    await work("django-plain")
    return HttpResponse("ok")


async def django_shielded(request):
    await asyncio.shield(asyncio.ensure_future(work("django-shielded")))
    return HttpResponse("ok")


urlpatterns = [path("plain", django_plain), path("shielded", django_shielded)]
django_app = get_asgi_application()


async def starlette_plain(request):
    await work("starlette-plain")
    return PlainTextResponse("ok")


starlette = Starlette(routes=[Route("/plain", starlette_plain, methods=["POST"])])
PYTHON
cat > "$folder/run.py" <<'PYTHON'
import pathlib, socket, subprocess, sys, time


def hang_up(app, paths):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "uvicorn", f"apps:{app}", "--port", str(port), "--lifespan", "off"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        for path in paths:
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(f"POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                time.sleep(1)
        time.sleep(4)
    finally:
        server.terminate()
        server.wait(20)


for name, app in (("Quart", "quart"), ("Django", "django_app"), ("Starlette", "starlette")):
    paths = ["plain"] if app == "starlette" else ["plain", "shielded"]
    hang_up(app, paths)
    for path in paths:
        ended = pathlib.Path(f"done-{name.lower()}-{path}").exists()
        print(f"{name}{', shielded' if path == 'shielded' else ''}: {'ran to its end' if ended else 'cancelled'}")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "Quart: cancelled
Quart, shielded: ran to its end
Django: cancelled
Django, shielded: ran to its end
Starlette: ran to its end" ]
