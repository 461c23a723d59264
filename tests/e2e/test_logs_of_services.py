"""Standard error of a service is a log of JSON where that is asked for: from the first line to the last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.ports import free_port

pytestmark = pytest.mark.slow


def start(folder: Path, *command: str, **settings: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWBRIDGE_")}
    account = {"AWBRIDGE_CLICKPOST_USERNAME": "u", "AWBRIDGE_CLICKPOST_KEY": "k", "AWBRIDGE_PORT": "0"}
    account |= dict.fromkeys(("AWBRIDGE_CLICKPOST_URL", "AWBRIDGE_CLICKPOST_TRACKING_URL"), "http://127.0.0.1:1")
    return subprocess.Popen(
        [sys.executable, "-W", "always", "-m", "awbridge", *command],
        cwd=folder,
        env=clean | account | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(stderr: str) -> list[dict[str, Any]]:
    """The events; fails where a line is no event."""
    return [{"event": None} | json.loads(line) for line in stderr.splitlines()]


def read_until(process: subprocess.Popen[str], event: str) -> str:
    """Standard error up to an event."""
    assert process.stderr
    lines = [process.stderr.readline()]
    while event not in lines[-1]:
        assert lines[-1], "".join(lines)
        lines.append(process.stderr.readline())
    return "".join(lines)


def test_services_log_nothing_but_json_from_start_to_end(tmp_path: Path) -> None:
    """And a worker is watched over HTTP."""
    port = free_port()
    database = {"AWBRIDGE_LOG_FORMAT": "json", "AWBRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/work.db"}
    serving = start(tmp_path, "serve", AWBRIDGE_LOG_FORMAT="json")
    working = start(tmp_path, "work", AWBRIDGE_METRICS_PORT=str(port), **database)
    try:
        first = [read_until(serving, "server.started"), read_until(working, "steps.started")]
        assert httpx2.get(f"http://127.0.0.1:{port}/healthz").json()["ok"]
        text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
        assert 'awbridge_step_silent_seconds{step="apply"}' in text
    finally:
        for process in (serving, working):
            process.send_signal(signal.SIGTERM)
        ends = [process.communicate(timeout=60) for process in (serving, working)]
    for beginning, (stdout, end) in zip(first, ends, strict=True):
        found = events(beginning + end)
        assert found[0]["event"] == "migration.applied"
        assert all(line["event"] and line["level"] and line["timestamp"] for line in found)
        assert stdout == "", "the address is in an event"
    assert (serving.returncode, working.returncode) == (0, 0)


def test_a_wrong_setting_in_the_file_is_an_event_too(tmp_path: Path) -> None:
    (tmp_path / "awbridge.toml").write_text('log_format = "json"\npush_batch = 0\n', encoding="utf-8")
    process = start(tmp_path, "work")
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    (failed,) = events(stderr)
    assert failed["event"] == "command.failed"
    assert "push_batch" in failed["problem"].lower()
