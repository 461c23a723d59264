"""Where pages run: a network of their own with a sandbox, and a fresh folder for each page.

In a network namespace the addresses of the pages, such as http://127.0.0.1:8000, are free, and nothing reaches the
outside. Where the system allows none, the pages run on the machine's loopback.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.docs.command_server import client
from tests.docs.pages import ROOT, Page
from tests.docs.shell import Shell
from tests.support.postgres import PostgresServer, find_binaries

PORT = 5432  # of PostgreSQL, in a network of its own
SANDBOX = "http://127.0.0.1:8100"
ACCOUNT = {
    "AWBRIDGE_CLICKPOST_USERNAME": "sandbox",
    "AWBRIDGE_CLICKPOST_KEY": "sandbox-key",
    **{f"AWBRIDGE_CLICKPOST_{host}URL": SANDBOX for host in ("", "TRACKING_", "SERVICEABILITY_", "EDD_")},
}
# What a reader's shell has, beside the programs of a page.
KEPT = ("LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TERM", "TMPDIR")


_numbers = itertools.count(1)


class Stage:
    """The server of the commands, and a database with the sandbox's courier accounts to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sandbox: Shell | None = None
        self.programs = folder / "programs"
        self.programs.mkdir()
        socket = folder / "commands"
        for program in ("awbridge", "given", "python", "python3"):
            client(self.programs, program, socket)
        command = [*_new_network(), sys.executable, "-m", "tests.docs.command_server", str(socket)]
        self._server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout
        if self._server.stdout.readline() != "ready\n":
            raise RuntimeError("the server of the commands did not start")
        self._prefix = ["nsenter", "-t", str(self._server.pid), *_kinds_of_namespaces()] if _new_network() else []
        self._database = self._make_database()

    def _make_database(self) -> Path:
        """What an installation has after its first hour: courier accounts, and the key of its webhook."""
        (self._folder / "installed").mkdir()
        self._start_sandbox()
        with self._terminal("installed", self._folder / "installed", ACCOUNT) as shell:
            shell.run("umask 077\nawbridge couriers sync --apply\nservice")
        return self._folder / "installed" / "awbridge.db"

    def _start_sandbox(self) -> None:
        """A sandbox in its initial state."""
        if self._sandbox is None:
            (self._folder / "sandbox").mkdir(exist_ok=True)
            self._sandbox = self._shell("sandbox", self._folder / "sandbox", {})
            self._sandbox.run_on("awbridge sandbox", f"{SANDBOX}/healthz")
        else:
            self._sandbox.run(f"curl -sf -X POST {SANDBOX}/_sandbox/reset")

    def _stop_sandbox(self) -> None:
        if self._sandbox:
            self._sandbox.close()
            self._sandbox = None

    @contextmanager
    def of(self, page: Page, folder: Path, postgres: PostgresServer | None = None) -> Generator[Shell]:
        """The terminal of a page's reader in `folder`. `postgres`: what DATABASE_URL leads to."""
        env: dict[str, str] = {}
        if "nothing" in page.stage:
            self._stop_sandbox()
        else:
            self._start_sandbox()
            shutil.copy(self._database, folder / "awbridge.db")
            env |= ACCOUNT
        with ExitStack() as stack:
            if postgres:
                env["DATABASE_URL"] = stack.enter_context(self._database_in(postgres))
            yield stack.enter_context(self._terminal(page.name.replace("/", "-"), folder, env))

    @contextmanager
    def _database_in(self, postgres: PostgresServer) -> Generator[str]:
        """The address of an empty database. A network of its own reaches the server over a Unix socket."""
        name = f"page_{next(_numbers)}_{os.getpid()}"
        postgres.execute(postgres.url(), f"CREATE DATABASE {name}")
        if not self._prefix:
            yield postgres.url(name)
            return
        relay = [*self._prefix, sys.executable, "-m", "tests.docs.relay", str(PORT), str(socket_of(postgres))]
        process = subprocess.Popen(relay, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield f"postgresql://awbridge@127.0.0.1:{PORT}/{name}"
        finally:
            process.terminate()
            process.communicate(timeout=60)

    @contextmanager
    def _terminal(self, name: str, folder: Path, env: Mapping[str, str]) -> Iterator[Shell]:
        shell = self._shell(name, folder, env)
        try:
            yield shell
        finally:
            shell.close()

    def _shell(self, name: str, folder: Path, more: Mapping[str, str]) -> Shell:
        binaries = find_binaries()
        folders = [self.programs, Path(sys.executable).parent, os.environ["PATH"], "/usr/sbin", "/sbin", binaries or ""]
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        notes = self._folder / "notes" / name
        notes.mkdir(parents=True, exist_ok=True)
        env |= {
            "PATH": ":".join(map(str, folders)),
            "HOME": str(folder),
            "ROOT": str(ROOT),
            "INSTALLED": str(self._folder / "installed" / "awbridge.db"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **more,
        }
        return Shell(folder, env, notes, self._prefix)

    def close(self) -> None:
        """End the sandbox and the server."""
        self._stop_sandbox()
        self._server.communicate(timeout=60)


def socket_of(postgres: PostgresServer) -> Path:
    """The Unix socket of the server."""
    return postgres.folder / f".s.PGSQL.{postgres.port}"


def _new_network() -> list[str]:
    """The command before another one that gives it a network of its own; empty where that is not allowed."""
    if (
        not shutil.which("unshare")
        or subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode
    ):
        return []
    return [*_unshare(), "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def _unshare() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--user", "--map-root-user"]


def _kinds_of_namespaces() -> list[str]:
    return ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--preserve-credentials"]
