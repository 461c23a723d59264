"""A service that cannot start, or is told to stop before it has: one line, an exit code that says why, no traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

UNREACHABLE = "postgresql://u:p@127.0.0.1:1/x"


def start(folder: Path, *command: str, **settings: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWBRIDGE_")}
    account = {"AWBRIDGE_CLICKPOST_USERNAME": "u", "AWBRIDGE_CLICKPOST_KEY": "k", "AWBRIDGE_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "awbridge", *command],
        cwd=folder,
        env=clean | account | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def waiting_for_its_database(process: subprocess.Popen[str]) -> None:
    """Return once the process logs that the database does not answer; that it waits for."""
    assert process.stderr
    assert "does not answer" in process.stderr.readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_start_in_one_line(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """At moments of the import, which differ with the machine, and while the database is waited for."""
    for pause in (0.5, 1.2):
        process = start(tmp_path, "serve", AWBRIDGE_DATABASE_URL=UNREACHABLE)
        time.sleep(pause)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert "Traceback" not in stderr
        if process.returncode != -number:  # before Python could handle it
            assert (process.returncode, stderr.splitlines()[-1].startswith("stopped")) == (code, True)
    process = start(tmp_path, "work", AWBRIDGE_DATABASE_URL=UNREACHABLE)
    waiting_for_its_database(process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.splitlines()[-1]) == (code, "stopped before it had started")


def test_a_port_in_use_ends_the_start_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = [start(tmp_path, command, "--port", str(port)) for command in ("serve", "sandbox")]
        for process in started:
            _, stderr = process.communicate(timeout=60)
            assert (process.returncode, stderr) == (
                1,
                f"error: 127.0.0.1:{port} is in use by another program; stop that one, or choose another port with "
                "--port\n",
            )
    assert list(tmp_path.iterdir()) == [], "no database is created for it"
