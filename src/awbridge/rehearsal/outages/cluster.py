"""A PostgreSQL of the drill's own: a fresh cluster on loopback, deleted afterwards, and its streaming replica.

It does not wait for the disk (`fsync=off`): a killed process loses no commit by that, only a power failure would.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from awbridge.rehearsal.outages.servers import ServerPlace, end, free_port, listens, wait_for

DATABASE = "postgres"  # exists in every new cluster
STANDBY = "standby"  # the application_name by which the primary knows its replica


class Cluster:
    """One server. `folder` is new and empty; `place` is where its processes run."""

    def __init__(self, binaries: Path, folder: Path, place: ServerPlace | None = None) -> None:
        self.name = folder.name
        self.port = free_port()
        self._binaries = binaries
        self._folder = folder
        self._place = place or ServerPlace()
        self._log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._place.give(folder)

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://awbridge@{self.host}/{DATABASE}"

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self.port}"

    def create(self) -> None:
        """Make the cluster and start it."""
        options = ["-U", "awbridge", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        self._run("initdb", *options)
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers. Raises AwbridgeError if it does not."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "100",
            "fsync": "off",
            "min_wal_size": "32MB",
            "max_wal_size": "128MB",
            "wal_keep_size": "64MB",
            "restart_after_crash": "on",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *settings]
        self._process = self._place.start(command, self._log)
        wait_for("PostgreSQL", self._process, self._log, self.answers)

    def create_from(self, primary: Cluster) -> None:
        """Become the streaming replica of another, from a copy of its data. What was here before is deleted."""
        conninfo = f"host=127.0.0.1 port={primary.port} user=awbridge application_name={STANDBY}"
        self._place.run(["rm", "-rf", str(self._data)])
        self._run("pg_basebackup", "-d", conninfo, "-X", "stream", "-c", "fast", "-R")
        self.wait_for_standby(False)
        self.start()

    def wait_for_standby(self, yes: bool) -> None:
        """Whether a commit is acknowledged only when the replica has it on its disk. Not yet read if it runs."""
        names = STANDBY if yes else ""
        setting = f"synchronous_standby_names = '{names}'"
        file = self._data / "postgresql.auto.conf"
        self._place.run(["sh", "-c", 'printf "%s\\n" "$1" >> "$2"', "sh", setting, str(file)])
        if self.running:
            self._run("pg_ctl", "reload")

    def promote(self) -> None:
        """Become a primary; returns when it accepts writes."""
        self._run("pg_ctl", "promote", "-w")

    @property
    def running(self) -> bool:
        """Whether its first process lives."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return listens(self.port) and subprocess.run(ready, check=False).returncode == 0  # noqa: S603

    def times_out_of_space(self) -> int:
        """How often its log says that a write found no space."""
        return self._log.read_text(errors="replace").count("No space left on device")

    def crash(self) -> None:
        """Stop at once, without a clean shutdown: pg_ctl's immediate mode."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End all sessions and shut down cleanly: pg_ctl's fast mode."""
        self._end(signal.SIGINT)

    def delete(self) -> None:
        """Stop it and delete its files."""
        self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _end(self, number: int) -> None:
        if self._process:
            end(self._process, number)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        self._place.run([str(self._binaries / program), "-D", str(self._data), *arguments])
