"""The proxies of deploy/ as real servers on loopback, each with the file of that folder and other paths and ports."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.absent import absent
from tests.support.ports import free_port
from tests.support.tls import certificate, client_context

_LARGE = 1024 * 1024
DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "localhost"


@dataclass(frozen=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Front:
    """A running proxy. `folder` has all its logs."""

    name: str
    folder: Path
    port: int  # https
    plain_port: int
    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"

    @property
    def logs(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    def line(self, source: str = "127.0.0.1", timeout: float = 10) -> socket.socket:
        """A TLS connection from this loopback address."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0))
        return self.context.wrap_socket(plain, server_hostname=NAME)

    def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request on a new connection. The headers are sent in this order; Host comes first unless given."""
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self.line(source)
        connection.putrequest(method, path, skip_host=any(name == "Host" for name, _ in headers))
        for name, value in headers:
            connection.putheader(name, value)
        if method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(None if len(body) > _LARGE else body)
            if len(body) > _LARGE:
                connection.sock.settimeout(0.5)
                with suppress(TimeoutError):
                    return _read(connection)  # refused by its length
                connection.sock.settimeout(10)
                connection.send(body)
            return _read(connection)
        finally:
            connection.close()


def _read(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())


@contextmanager
def front(name: str, folder: Path, upstreams: Sequence[int]) -> Iterator[Front]:
    """A proxy of deploy/ in front of these two ports."""
    proxy = _PROXIES[name]
    binary = shutil.which(proxy.binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not binary:
        absent(f"{name} is not installed (apt-get install {proxy.package})")
    folder.mkdir(mode=0o755)
    cert, key = certificate(folder)
    (folder / "both.pem").write_bytes(cert.read_bytes() + key.read_bytes())
    running = Front(name, folder, free_port(), free_port(), client_context(cert))
    text = (DEPLOY / proxy.file).read_text()
    changes = {
        "ship.example.com": NAME,
        "/etc/ssl/awbridge/fullchain.pem": str(cert),
        "/etc/ssl/awbridge/privkey.pem": str(key),
        "/etc/ssl/awbridge/haproxy.pem": str(folder / "both.pem"),
        "127.0.0.1:8000": f"127.0.0.1:{upstreams[0]}",
        "127.0.0.1:8001": f"127.0.0.1:{upstreams[1]}",
        **proxy.changes(running),
    }
    for before, after in changes.items():
        text = text.replace(before, after)
    config = folder / Path(proxy.file).name
    config.write_text(text)
    with (folder / "output.log").open("wb") as log:
        env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(
            [binary, *proxy.arguments(running, config)], env=env, cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait_for(process, running)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(process: subprocess.Popen[bytes], running: Front) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{running.name} ended at once: {running.logs[-3000:]}")
        with suppress(OSError, http.client.HTTPException):
            if running.ask("GET", "/healthz").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{running.name} does not answer: {running.logs[-3000:]}")


@dataclass(frozen=True)
class _Proxy:
    binary: str
    package: str
    file: str
    changes: Callable[[Front], Mapping[str, str]]
    arguments: Callable[[Front, Path], list[str]]


def _nginx_changes(running: Front) -> dict[str, str]:
    return {
        "listen 80;": f"listen 127.0.0.1:{running.plain_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{running.port} ssl;",
        "/var/log/nginx/": f"{running.folder}/",
    }


def _nginx_arguments(running: Front, config: Path) -> list[str]:
    """Debian's nginx.conf names a user, the logs, and reads conf.d inside `http {}`."""
    folder = running.folder
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{user} daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ {temporary} access_log {folder}/access.log; include {config}; }}\n"
    )
    return ["-c", str(main)]


def _caddy_changes(running: Front) -> dict[str, str]:
    changes = {
        "http_port 80\n": f"http_port {running.plain_port}\n\tdefault_bind 127.0.0.1\n",
        "https_port 443\n": f"https_port {running.port}\n",
        "localhost:2019": f"localhost:{free_port()}",
        "/var/log/caddy/": f"{running.folder}/",
    }
    if _caddy_version() >= (2, 11, 5):
        block = ("servers {", "\texpected_underscore_headers webhook_key", "}")
        changes["".join(f"\t# {line}\n" for line in block)] = "".join(f"\t{line}\n" for line in block)
    return changes


def _caddy_version() -> tuple[int, ...]:
    said = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:3]))


def _haproxy_changes(running: Front) -> dict[str, str]:
    changes = {"bind :80\n": f"bind 127.0.0.1:{running.plain_port}\n", "bind :443 ": f"bind 127.0.0.1:{running.port} "}
    if os.geteuid():
        changes["    user haproxy\n    group haproxy\n"] = ""  # only root may become another user
    return changes


def _apache_changes(running: Front) -> dict[str, str]:
    return {"*:80>": f"*:{running.plain_port}>", "*:443>": f"*:{running.port}>"}


_DEBIANS_MODULES = ("mpm_event", "authz_core", "setenvif", "reqtimeout")  # of a new installation, as far as they matter


def _apache_arguments(running: Front, config: Path) -> list[str]:
    folder = running.folder
    named = re.search(r"a2enmod (.*)", config.read_text())
    assert named
    modules = [*_DEBIANS_MODULES, *named[1].split(), "socache_shmcb"]
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    main = folder / "httpd.conf"
    main.write_text(
        "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
        + f"{user}ServerName {NAME}\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\nErrorLog {folder}/error.log\n"
        f"Define APACHE_LOG_DIR {folder}\nListen 127.0.0.1:{running.plain_port}\nListen 127.0.0.1:{running.port}\n"
        f"Include {config}\n"
    )
    return ["-f", str(main), "-DFOREGROUND"]


_PROXIES = {
    "nginx": _Proxy("nginx", "nginx-light", "nginx/awbridge.conf", _nginx_changes, _nginx_arguments),
    "caddy": _Proxy(
        "caddy",
        "caddy",
        "caddy/Caddyfile",
        _caddy_changes,
        lambda _, config: ["run", "--adapter", "caddyfile", "--config", str(config)],
    ),
    "haproxy": _Proxy(
        "haproxy", "haproxy", "haproxy/haproxy.cfg", _haproxy_changes, lambda _, config: ["-db", "-f", str(config)]
    ),
    "apache": _Proxy("apache2", "apache2", "apache/awbridge.conf", _apache_changes, _apache_arguments),
}
PROXIES = tuple(_PROXIES)
