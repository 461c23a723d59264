"""nginx as others set it up: where it drops the key, how the doctor says so, and the way round."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from awbridge.app.doctor.diagnosis import OK, PROBLEM
from awbridge.app.doctor.webhook_header import CURES, IN_PLACES, knock
from awbridge.sandbox import SandboxConfig
from awbridge.sandbox import running as running_sandbox
from awbridge.store import Store
from awbridge.web.webhook.endpoint import PATH
from tests.support.absent import absent
from tests.support.app import Web, web_on
from tests.support.ports import free_port
from tests.support.rows import T0, count
from tests.support.stores import sqlite_only
from tests.support.tls import certificate
from tests.support.world import webhook

pytestmark = pytest.mark.slow

ON = "underscores_in_headers on;"
PLACES = {  # where it stands: in http {}, in the default server, in the named server
    "nowhere": ("", "", ""),
    "http": (ON, "", ""),
    "default server": ("", ON, ""),
    "named server": ("", "", ON),
    "both servers": ("", ON, ON),
}
DROPS_BOTH, DROPS_AFTER_HOST, DROPS_BEFORE_HOST = (
    "drops the header webhook_key",
    "unless it comes",
    "if it comes before",
)
EXPECTED = {  # over http, over https with SNI
    "nowhere": (DROPS_BOTH, DROPS_BOTH),
    "http": ("passes", "passes"),
    "default server": (DROPS_AFTER_HOST, DROPS_BOTH),
    "named server": (DROPS_BEFORE_HOST, "passes"),
    "both servers": ("passes", "passes"),
}


@pytest.fixture
async def web(store: Store) -> AsyncGenerator[Web]:
    async with web_on(store, served=True) as running:
        yield running


def _server(ports: tuple[int, int], files: tuple[Path, Path], upstream: str, name: str, inside: str) -> str:
    return (
        f"server {{ listen 127.0.0.1:{ports[0]}; listen 127.0.0.1:{ports[1]} ssl; server_name {name}; {inside}\n"
        f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]};\n"
        f"location / {{ proxy_pass {upstream}; }} }}\n"
    )


@contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[None]:
    binary = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not binary:
        absent(f"{command[0]} is not installed (apt-get install {command[0]})")
    with log.open("wb") as output:
        process = subprocess.Popen([binary, *command[1:]], stdout=output, stderr=output)
    try:
        while _is_closed(port):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _is_closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def nginx(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, int]]]:
    """One nginx for each place of the setting; the ports of each, http and https. `localhost` is no default server."""
    upstream = str(web.http.base_url).rstrip("/")
    files = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    ports = {place: (free_port(), free_port()) for place in PLACES}
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(f"{k}_temp_path {tmp_path}/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    started = ExitStack()
    for place, (in_http, in_default, in_named) in PLACES.items():
        config = tmp_path / f"{place.replace(' ', '-')}.conf"
        servers = _server(ports[place], files, upstream, "other.example", in_default) + _server(
            ports[place], files, upstream, "localhost", in_named
        )
        config.write_text(
            f"{user} daemon off; worker_processes 1; pid {config}.pid; error_log {config}.log;\n"
            f"events {{}}\nhttp {{ {temporary} access_log off; {in_http}\n{servers} }}\n"
        )
        started.enter_context(_running(["nginx", "-c", str(config)], config.with_suffix(".out"), ports[place][0]))
    with started:
        yield ports


@sqlite_only
async def test_the_doctor_sees_where_nginx_has_the_setting(web: Web, nginx: dict[str, tuple[int, int]]) -> None:
    for place, expected in EXPECTED.items():
        for scheme, port, words in zip(("http", "https"), nginx[place], expected, strict=True):
            found = await knock(f"{scheme}://localhost:{port}{PATH}")
            assert words in found.found, (place, scheme, found)
            assert found.level == (OK if words == "passes" else PROBLEM)
            if words != "passes":
                assert found.do == (CURES if words == DROPS_BOTH else IN_PLACES)
                assert ("Host" in found.found) == (words != DROPS_BOTH)

    # A sender that puts the key before Host meets what the doctor saw.
    plain = nginx["named server"][0]
    for first, status in ((False, 200), (True, 401)):
        config = SandboxConfig(webhook_key="right", webhook_key_first=first)
        async with running_sandbox(config) as sandbox:
            url = f"http://localhost:{plain}{PATH}"
            assert await sandbox.webhooks.post(url, webhook("AWB1", 5, T0, order_status_id=int(first) + 1)) == status


@sqlite_only
async def test_a_proxy_in_front_copies_the_key_past_one_that_drops_it(
    web: Web, nginx: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    port = free_port()
    config = tmp_path / "copy.cfg"
    config.write_text(
        "defaults\n mode http\n timeout connect 1s\n timeout client 10s\n timeout server 10s\n"
        f"frontend in\n bind 127.0.0.1:{port}\n"
        " http-request set-header X-Api-Key %[req.hdr(webhook_key)] if { req.hdr(webhook_key) -m found }\n"
        f" default_backend dropping\nbackend dropping\n server one 127.0.0.1:{nginx['nowhere'][0]}\n"
    )
    url = f"http://localhost:{port}{PATH}"
    with _running(["haproxy", "-db", "-f", str(config)], tmp_path / "copy.log", port):
        found = await knock(url)
        delivery = webhook("AWB1", 5, T0, order_status_id=1)
        async with httpx2.AsyncClient(verify=False) as http:
            answer = await http.post(url, json=delivery, headers={"webhook_key": "right"})
    assert (found.level, found.found) == (OK, "every proxy passes webhook_key"), found
    assert (answer.status_code, await count(web.store, "inbox")) == (200, 1)
