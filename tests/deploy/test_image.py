"""The image: its Dockerfile is linted, its steps are run, and the result is started as a container is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.absent import absent
from tests.support.deploy_tools import tool
from tests.support.image import DOCKERFILE, ROOT, context, read_stages

STAGES = read_stages(DOCKERFILE.read_text())


def test_the_dockerfile_passes_its_linter() -> None:
    done = subprocess.run([tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_only_the_source_enters_the_build() -> None:
    files = context()
    assert {path.relative_to(ROOT).parts[0] for path in files} == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "src",
        "deploy",
    }
    assert [path.name for path in files if "deploy" in path.relative_to(ROOT).parts] == ["health.py"]
    assert not [path for path in files if path.suffix in {".pyc", ".db", ".toml"} and path.parent == ROOT / "src"]


def test_nothing_but_the_installation_is_taken_into_the_last_stage() -> None:
    last = STAGES[-1]
    assert [text for word, text in last.instructions if word == "COPY"] == [
        "--from=build /opt/awbridge /opt/awbridge",
        "deploy/docker/health.py /opt/awbridge/",
    ]
    assert last.last("USER") == "10001:10001", "Kubernetes checks runAsNonRoot against a number"
    settings = {pair.partition("=")[0] for pair in last.last("ENV").split()}
    assert "AWBRIDGE_DATABASE_URL" not in settings, "it would contradict AWBRIDGE_DATABASE_URL_FILE"


@pytest.mark.slow
@pytest.mark.timeout(300)  # on a busy machine
def test_the_image_serves_with_a_read_only_root_and_no_privilege(tmp_path: Path) -> None:
    missing = [name for name in ("unshare", "setpriv", "chroot") if not shutil.which(name, path="/usr/sbin:/usr/bin")]
    if os.geteuid() or missing or not sys.platform.startswith("linux"):
        absent("the steps of an image are run as root, on Linux, with util-linux")
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.support.image"]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert seen["health"][-1] == 0, seen["log"][-3000:]
    code, printed, errors = seen["listed"]
    assert (code, errors) == (0, ""), "a command beside the service"
    assert json.loads(printed) == {"shipments": [], "next": None}
    assert not seen["wrote"]
    assert seen["compiled"], "each start would compile all of it"
    assert seen["data"].get("awbridge.db") == "0o600", "the database is where the volume is"
    assert (seen["exit"], seen["after"]) == (0, 1), "it ends on SIGTERM as process 1, and the check sees that"
    lines = [json.loads(line) for line in seen["log"].splitlines() if line.startswith("{")]
    assert "server.started" in {line["event"] for line in lines}
