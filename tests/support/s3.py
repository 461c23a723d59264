"""A real S3-compatible server (SeaweedFS) of the tests' own: loopback only, a fresh folder, stopped after."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.ports import free_port

ACCESS, SECRET, BUCKET = "test-access", "test-secret", "evidence"
_PARTS = ("master", "volume", "filer", "s3")


class S3Server:
    """A running server. `url` and `options` are what the archive's settings take."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = {f"{part}.port{kind}": free_port() for part in _PARTS for kind in ("", ".grpc")}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._ports["s3.port"]

    def url(self, prefix: str = "") -> str:
        return f"s3://{BUCKET}/{prefix}"

    def options(self, port: int | None = None) -> dict[str, str]:
        return {
            "endpoint": f"http://127.0.0.1:{port or self.port}",
            "region": "us-east-1",
            "access_key_id": ACCESS,
            "secret_access_key": SECRET,
        }

    def start(self, *, full: bool = False) -> None:
        """`full`: as if its disk were full."""
        config = self.folder / "s3.json"
        credentials = [{"accessKey": ACCESS, "secretKey": SECRET}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        config.write_text(json.dumps({"identities": [{"name": "t", "credentials": credentials, "actions": actions}]}))
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).parent / "weed"), "-logtostderr", "server"),
                    *(f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
                    *(f"-{name}={port}" for name, port in self._ports.items()),
                    *(f"-filer.localSocket={self.folder / 'f.sock'}", f"-s3.localSocket={self.folder / 's.sock'}"),
                    *(f"-s3.config={config}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                    *("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20"),
                    # The only master elects itself again after each kill, by default in fifteen seconds or more.
                    *("-master.electionTimeout=1s", "-master.heartbeatInterval=100ms"),
                    f"-volume.minFreeSpace={'100' if full else '1KiB'}",
                ],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process
            if self._process.poll() is not None:
                raise RuntimeError(f"the S3 server ended at once: {(self.folder / 'log').read_text()[-2000:]}")
            try:
                if httpx2.get(f"http://127.0.0.1:{self.port}/", timeout=2).status_code < 500:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise RuntimeError("the S3 server did not start within 60 s")

    def stop(self) -> None:
        if self._process:
            self._process.kill()  # its own shutdown takes ten seconds
            self._process.wait(60)
            self._process = None
        for port in self._ports.values():  # sockets that it makes there despite its options
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A fresh server on free ports; stopped and deleted after."""
    folder = Path(tempfile.mkdtemp(prefix="awbridge-s3-"))
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
