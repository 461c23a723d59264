"""The demo checks itself; these check the demo. tests/test_packages.py runs all of it, from the wheel."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.rehearsal.demo import _differences  # pyright: ignore[reportPrivateUsage]

ORDER = {
    "reference_number": "R1",
    "waybill": "W1",
    "scans": [
        {"clickpost_status_code": 4, "scanned_at": "2026-10-01T03:30:00+00:00"},
        {"clickpost_status_code": 8, "scanned_at": "2026-10-03T03:30:00+00:00"},
    ],
    "latest_status": {"clickpost_status_code": 8, "scanned_at": "2026-10-03T03:30:00+00:00"},
}
SHOWN: Mapping[str, Any] = {"state": "placed", "waybill": "W1", "status": {"code": 8}}
TIMELINE = [
    {"status_code": 4, "scanned_at": "2026-10-01T03:30:00Z"},
    {"status_code": 8, "scanned_at": "2026-10-03T03:30:00Z"},
]


def test_the_verdict_is_good_when_all_agree() -> None:
    assert _differences(ORDER, SHOWN, TIMELINE) == []


@pytest.mark.parametrize(
    ("shown", "timeline", "fault"),
    [
        ({**SHOWN, "waybill": "W2"}, TIMELINE, "we hold placed W2"),
        ({**SHOWN, "state": "retrying"}, TIMELINE, "we hold retrying"),
        (SHOWN, TIMELINE[:1], "scans missing here: code 8"),
        (SHOWN, [*TIMELINE, TIMELINE[0]], "scans that ClickPost never made: code 4"),
        ({**SHOWN, "status": {"code": 4}}, TIMELINE, "our status is 4, ClickPost's 8"),
        ({**SHOWN, "status": None}, TIMELINE, "our status is None"),
    ],
)
def test_the_verdict_names_every_difference(
    shown: Mapping[str, Any], timeline: list[Mapping[str, Any]], fault: str
) -> None:
    assert any(fault in found for found in _differences(ORDER, shown, timeline))


def _started(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """The command, with the default handling of Ctrl+C: a shell makes its background jobs ignore it."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.slow
def test_the_demo_can_be_interrupted_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "awbridge", "demo"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with _started(command, env=env) as demo:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("awbridge-demo-*/awbridge.db")) and time.monotonic() < deadline:
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == [], "the demo left files behind"


@pytest.mark.slow
def test_the_demo_stays_when_asked_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "awbridge", "demo", "--shipments", "20", "--keep", "--json"]
    with _started(command, cwd=tmp_path) as demo:
        assert demo.stderr
        url = next(line for line in demo.stderr if "in a browser" in line).split()[1]
        database = (
            next(line for line in demo.stderr if "Database" in line).split()[1].removeprefix("sqlite:///").rstrip(".")
        )
        assert httpx2.get(f"{url}v1/shipments", timeout=10).json()["shipments"][0]["state"] == "placed"
        assert "<h1>" in httpx2.get(url, timeout=10).text
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=60)
    assert (demo.returncode, json.loads(output)["verdict"]) == (0, "good")
    assert Path(database).exists()
    shutil.rmtree(Path(database).parent)
