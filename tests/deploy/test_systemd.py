"""deploy/systemd: systemd itself reads the units and rates them, and the service runs under what they forbid."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from awbridge.app.load_settings import load_configuration
from awbridge.cli import main
from tests.support.confined import settings, system_calls
from tests.support.deploy_tools import tool
from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, bridge_environment, environment
from tests.support.rows import T0
from tests.support.world import webhook

DEPLOY = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(path.name for path in DEPLOY.glob("*.service"))
FORBIDDING = {
    line.partition("=")[0]
    for line in (DEPLOY / "awbridge.service").read_text().partition("# What it may not do")[2].splitlines()
    if "=" in line
}
MOST_EXPOSED = 15  # tenths of what systemd calls the exposure level: 1.5 of 10


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, with a program that is on this machine."""
    folder = tmp_path_factory.mktemp("units")
    program = Path(sys.executable).parent / "awbridge"
    for path in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]:
        text = path.read_text()
        assert path.suffix == ".timer" or "ExecStart=/opt/awbridge/bin/awbridge " in text
        (folder / path.name).write_text(text.replace("/opt/awbridge/bin/awbridge", str(program)))
    return folder


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("systemd-analyze"), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_systemd_accepts_every_unit(units: Path) -> None:
    done = systemd_analyze("verify", "--man=no", *map(str, sorted(units.iterdir())))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_little_exposure(units: Path, name: str) -> None:
    done = systemd_analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", str(units / name))
    assert done.returncode == 0, done.stdout[-3000:]


def test_all_services_forbid_the_same() -> None:
    first, *others = [{k: v for k, v in settings(DEPLOY / name).items() if k in FORBIDDING} for name in SERVICES]
    assert len(first) > 20
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", SERVICES)
def test_each_command_and_setting_of_a_unit_exists(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = settings(DEPLOY / name)
    (command,) = unit["ExecStart"]
    asked = CliRunner().invoke(main, [*command.split()[1:], "--help"])
    assert asked.exit_code == 0, asked.output
    credentials = dict(line.split(":", 1) for line in unit["LoadCredential"])
    for credential in credentials:
        (tmp_path / credential).write_text("a-secret-of-its-own")
    config = tmp_path / "awbridge.toml"
    config.write_text('clickpost_username = "acme"\n')
    given = dict(line.split("=", 1) for line in unit["Environment"])
    assert {Path(v).name for k, v in given.items() if k.endswith("_FILE")} == set(credentials)
    for variable, value in given.items():
        value = value.replace("%d", str(tmp_path)).replace("%i", "9464")
        monkeypatch.setenv(variable, value.replace("/etc/awbridge/awbridge.toml", str(config)))
    found = load_configuration(strict=True).settings
    assert (found.clickpost_username, found.clickpost_key.get_secret_value()) == ("acme", "a-secret-of-its-own")


@pytest.mark.parametrize("name", ["awbridge.service", "awbridge-work@.service"])
def test_a_stop_has_the_time_that_it_takes(name: str) -> None:
    unit = settings(DEPLOY / name)
    assert int(unit["TimeoutStopSec"][0]) > 5 + 20
    assert unit["KillMode"] == ["mixed"], "a PDF in the making is not cut off"


@pytest.mark.slow
def test_the_service_works_under_what_its_unit_forbids(tmp_path: Path) -> None:
    tool("systemd-analyze")
    unit = DEPLOY / "awbridge.service"
    allowed = system_calls(settings(unit)["SystemCallFilter"])
    assert {"openat", "clone3", "setrlimit"} <= allowed
    assert not {"setuid", "mount", "ptrace", "chown"} & allowed
    port = free_port()
    env: dict[str, Any] = bridge_environment(f"sqlite:///{tmp_path}/awbridge.db", "http://127.0.0.1:9", port)
    command = [sys.executable, "-m", "tests.support.confined", str(unit), sys.executable, "-m", "awbridge", "serve"]
    with subprocess.Popen(
        command,
        cwd=DEPLOY.parents[1],
        env=environment({**env, "AWBRIDGE_DATA_DIR": str(tmp_path)}),
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            assert serving.stdout
            url = next((line for line in serving.stdout if "listens on" in line), "").split()[-1]
            status = Path(f"/proc/{serving.pid}/status").read_text()
            assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE), "no filter holds"
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
            body = webhook("AWB1", 5, T0, order_status_id=1)
            sent = httpx2.post(f"{url}/webhooks/clickpost", json=body, headers={"webhook_key": WEBHOOK_KEY}, timeout=10)
            assert (sent.status_code, sent.json()) == (200, {"status": "stored"})
            assert httpx2.get(f"{url}/readyz", timeout=10).status_code == 200
        finally:
            serving.send_signal(signal.SIGTERM)
        assert serving.wait(40) == 0
