"""A PgBouncer of the tests' own in front of their PostgreSQL: the system's binary, loopback only, stopped after."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.absent import absent
from tests.support.ports import free_port


def find_pgbouncer() -> str | None:
    """The binary; None where PgBouncer is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def pgbouncer(url: str, *, pool_mode: str, servers: int = 3, more: str = "") -> Iterator[str]:
    """The address of a pooler in front of `url`, which shares that many server connections among all clients."""
    binary = find_pgbouncer()
    if not binary:
        missing = "PgBouncer is not installed (apt-get install pgbouncer)"
        absent(missing)
    parts, port = urlsplit(url), free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        file = Path(folder, "pgbouncer.ini")
        file.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port} user={parts.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
            f"pool_mode = {pool_mode}\ndefault_pool_size = {servers}\nmax_client_conn = 200\n"
            f"unix_socket_dir = {folder}\nlogfile = {folder}/log\n{more}\n"
        )
        user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        process = subprocess.Popen(
            [binary, "-q", str(file)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(process, port, Path(folder, "log"))
            yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended at once: {log.read_text()[-1000:] if log.exists() else ''}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("PgBouncer did not start within 15 s")
