"""The sandbox as a process."""

import signal
import subprocess
import sys
import time

import httpx2
import pytest

from tests.sandbox.helpers import AUTH, CREATE, code_of, order
from tests.support.ports import free_port

SERVE = "from awbridge.sandbox import SandboxConfig, serve; serve(SandboxConfig(), '127.0.0.1', {port})"


@pytest.mark.heavy
def test_serve_runs_until_sigterm_and_prints_nothing_even_when_connections_are_cut() -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVE.format(port=port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx2.Client(base_url=url, params=AUTH, trust_env=False, verify=False) as http:
                _wait_for(http)
                http.post("/_sandbox/faults/once", json={"kind": "cut_after_placing"})
                with pytest.raises(httpx2.TransportError):
                    http.post(CREATE, json=order("A-1"))
                assert code_of(http.post(CREATE, json=order("A-1"))) == 323
        finally:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, b"")


def _wait_for(http: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert http.get("/healthz").status_code == 200
            return
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
