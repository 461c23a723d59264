"""PgBouncer in transaction mode before the drill's PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from awbridge.rehearsal.outages.cluster import DATABASE, Cluster
from awbridge.rehearsal.outages.servers import ServerPlace, end, free_port, listens, wait_for

SERVERS = 8  # connections to PostgreSQL, shared by all clients


class PgBouncer:
    """A pooler that gives each transaction whichever server connection is free."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        self._binary = binary
        self._folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        ServerPlace().give(folder)

    @property
    def url(self) -> str:
        """The database through the pooler."""
        return f"postgresql://awbridge@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, primary: Cluster) -> None:
        """Start it before this server."""
        self._write(primary)
        place = ServerPlace()
        self._process = place.start([self._binary, "-q", str(self._folder / "ini")], self._folder.with_suffix(".log"))
        wait_for("PgBouncer", self._process, self._folder.with_suffix(".log"), lambda: listens(self.port))

    def point_to(self, primary: Cluster) -> None:
        """Send everything to another server, as a failover manager does: change the file, then reload."""
        self._write(primary)
        if self._process:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        if self._process:
            end(self._process, signal.SIGTERM)
            self._process = None

    def _write(self, primary: Cluster) -> None:
        file = self._folder / "ini"
        file.write_text(
            f"[databases]\n{DATABASE} = host=127.0.0.1 port={primary.port} user=awbridge\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVERS}\nmax_client_conn = 200\n"
            f"server_login_retry = 1\nunix_socket_dir =\nlogfile = {self._log}\n"
        )
        os.chmod(file, 0o644)
